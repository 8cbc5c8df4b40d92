/* Fails one call on files, or kills the process before it: loaded by LD_PRELOAD into a real command.
 *
 * Counted are calls whose path, or the path behind whose descriptor, lies under one of the watched folders.
 *
 *   FAULT_ROOTS    the folders, separated by ':' (absolute, no links)
 *   FAULT_CLASSES  which calls are counted, as letters: c create a name, d data, n rename or remove a name,
 *                  s sync, m mode and times, r open for reading
 *   FAULT_AT       the number of the call that fails, from 1; 0: none
 *   FAULT_ERRNO    what it fails with; 0: the process is killed (in the middle, where it is a write)
 *   FAULT_LASTING  1: every counted call after it fails, too
 *   FAULT_LOG      a file that gets a line for each counted call
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define LONGEST 4400

static char roots[8][LONGEST];
static int root_count, lasting, number, log_to = -1;
static const char *classes = "";
static long at;
static atomic_long counted;

__attribute__((constructor)) static void begin(void) {
    const char *value = getenv("FAULT_ROOTS");
    char *copy = strdup(value ? value : ""), *rest = copy, *root;
    while ((root = strsep(&rest, ":")) && root_count < 8)
        if (*root) snprintf(roots[root_count++], LONGEST, "%s", root);
    free(copy);
    classes = strdup((value = getenv("FAULT_CLASSES")) ? value : "");
    at = (value = getenv("FAULT_AT")) ? atol(value) : 0;
    number = (value = getenv("FAULT_ERRNO")) ? atoi(value) : 0;
    lasting = (value = getenv("FAULT_LASTING")) && *value == '1';
    if ((value = getenv("FAULT_LOG")))
        log_to = (int)syscall(SYS_openat, AT_FDCWD, value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    /* What the command starts is not what is tested, and would count anew. */
    unsetenv("LD_PRELOAD");
}

static int is_watched(const char *path) {
    for (int i = 0; i < root_count; i++) {
        size_t size = strlen(roots[i]);
        if (!strncmp(path, roots[i], size) && (path[size] == '/' || !path[size])) return 1;
    }
    return 0;
}

static void behind(int handle, char *path) {
    char link[64];
    snprintf(link, sizeof link, handle == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", handle);
    ssize_t size = syscall(SYS_readlinkat, AT_FDCWD, link, path, LONGEST - 1);
    path[size < 0 ? 0 : size] = 0;
}

static void absolute(int folder, const char *name, char *path) {
    if (!name) name = "";
    if (*name == '/') {
        snprintf(path, LONGEST, "%s", name);
        return;
    }
    behind(folder, path);
    size_t size = strlen(path);
    snprintf(path + size, LONGEST - size, "/%s", name);
}

/* Whether this call fails, with errno set; does not return where the process is to be killed at once. */
static int fails(char class, const char *call, const char *path, int *kill_later) {
    if (!root_count || !strchr(classes, class) || !is_watched(path)) return 0;
    long mine = atomic_fetch_add(&counted, 1) + 1;
    if (log_to >= 0) {
        char line[LONGEST + 64];
        int size = snprintf(line, sizeof line, "%ld %c %s %s\n", mine, class, call, path);
        syscall(SYS_write, log_to, line, size);
    }
    if (!at || (mine != at && !(lasting && mine > at))) return 0;
    if (!number) {
        if (kill_later) {
            *kill_later = 1;
            return 0;
        }
        kill(getpid(), SIGKILL);
        for (;;) pause();
    }
    errno = number;
    return 1;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)
#define AT_PATH(class, call, folder, name) \
    do { \
        char path_[LONGEST]; \
        absolute(folder, name, path_); \
        if (fails(class, call, path_, NULL)) return -1; \
    } while (0)
#define AT_HANDLE(class, call, handle) \
    do { \
        char path_[LONGEST]; \
        behind(handle, path_); \
        if (fails(class, call, path_, NULL)) return -1; \
    } while (0)
/* Two names: counted once, under the one that is watched. */
#define AT_PATHS(class, call, folder1, name1, folder2, name2) \
    do { \
        char path_[LONGEST]; \
        absolute(folder2, name2, path_); \
        if (!is_watched(path_)) absolute(folder1, name1, path_); \
        if (fails(class, call, path_, NULL)) return -1; \
    } while (0)

static int opening(int folder, const char *name, int flags) {
    char class = flags & O_CREAT ? 'c' : (flags & O_ACCMODE) == O_RDONLY ? 'r' : 'd';
    if ((flags & O_TMPFILE) == O_TMPFILE) class = 'c';
    AT_PATH(class, "open", folder, name);
    return 0;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }
#define OPEN(symbol) \
    int symbol(const char *name, int flags, ...) { \
        MODE(flags) \
        REAL(int, #symbol, const char *, int, ...); \
        return opening(AT_FDCWD, name, flags) ? -1 : real(name, flags, mode); \
    }
#define OPENAT(symbol) \
    int symbol(int folder, const char *name, int flags, ...) { \
        MODE(flags) \
        REAL(int, #symbol, int, const char *, int, ...); \
        return opening(folder, name, flags) ? -1 : real(folder, name, flags, mode); \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int mkdir(const char *name, mode_t mode) {
    REAL(int, "mkdir", const char *, mode_t);
    AT_PATH('c', "mkdir", AT_FDCWD, name);
    return real(name, mode);
}
int mkdirat(int folder, const char *name, mode_t mode) {
    REAL(int, "mkdirat", int, const char *, mode_t);
    AT_PATH('c', "mkdir", folder, name);
    return real(folder, name, mode);
}
int link(const char *from, const char *to) {
    REAL(int, "link", const char *, const char *);
    AT_PATH('c', "link", AT_FDCWD, to);
    return real(from, to);
}
int linkat(int folder1, const char *from, int folder2, const char *to, int flags) {
    REAL(int, "linkat", int, const char *, int, const char *, int);
    AT_PATH('c', "link", folder2, to);
    return real(folder1, from, folder2, to, flags);
}
int symlink(const char *target, const char *name) {
    REAL(int, "symlink", const char *, const char *);
    AT_PATH('c', "symlink", AT_FDCWD, name);
    return real(target, name);
}
int symlinkat(const char *target, int folder, const char *name) {
    REAL(int, "symlinkat", const char *, int, const char *);
    AT_PATH('c', "symlink", folder, name);
    return real(target, folder, name);
}
int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    AT_PATHS('n', "rename", AT_FDCWD, from, AT_FDCWD, to);
    return real(from, to);
}
int renameat(int folder1, const char *from, int folder2, const char *to) {
    REAL(int, "renameat", int, const char *, int, const char *);
    AT_PATHS('n', "rename", folder1, from, folder2, to);
    return real(folder1, from, folder2, to);
}
int renameat2(int folder1, const char *from, int folder2, const char *to, unsigned flags) {
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned);
    AT_PATHS('n', "rename", folder1, from, folder2, to);
    return real(folder1, from, folder2, to, flags);
}
int unlink(const char *name) {
    REAL(int, "unlink", const char *);
    AT_PATH('n', "unlink", AT_FDCWD, name);
    return real(name);
}
int unlinkat(int folder, const char *name, int flags) {
    REAL(int, "unlinkat", int, const char *, int);
    AT_PATH('n', flags & AT_REMOVEDIR ? "rmdir" : "unlink", folder, name);
    return real(folder, name, flags);
}
int rmdir(const char *name) {
    REAL(int, "rmdir", const char *);
    AT_PATH('n', "rmdir", AT_FDCWD, name);
    return real(name);
}

/* A write that is killed is killed in the middle. */
#define WRITTEN(call, half, whole) \
    char path_[LONGEST]; \
    int dying = 0; \
    behind(handle, path_); \
    if (fails('d', call, path_, &dying)) return -1; \
    if (dying) { \
        half; \
        kill(getpid(), SIGKILL); \
        for (;;) pause(); \
    } \
    return whole

ssize_t write(int handle, const void *data, size_t size) {
    REAL(ssize_t, "write", int, const void *, size_t);
    WRITTEN("write", real(handle, data, size / 2), real(handle, data, size));
}
ssize_t pwrite64(int handle, const void *data, size_t size, off64_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    WRITTEN("write", real(handle, data, size / 2, offset), real(handle, data, size, offset));
}
ssize_t pwrite(int handle, const void *data, size_t size, off_t offset) {
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    WRITTEN("write", real(handle, data, size / 2, offset), real(handle, data, size, offset));
}
ssize_t writev(int handle, const struct iovec *parts, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    WRITTEN("write", real(handle, parts, count / 2), real(handle, parts, count));
}
ssize_t copy_file_range(int from, off64_t *offset1, int handle, off64_t *offset2, size_t size, unsigned flags) {
    REAL(ssize_t, "copy_file_range", int, off64_t *, int, off64_t *, size_t, unsigned);
    WRITTEN("copy", real(from, offset1, handle, offset2, size / 2, flags),
            real(from, offset1, handle, offset2, size, flags));
}
ssize_t sendfile64(int handle, int from, off64_t *offset, size_t size) {
    REAL(ssize_t, "sendfile64", int, int, off64_t *, size_t);
    WRITTEN("copy", real(handle, from, offset, size / 2), real(handle, from, offset, size));
}
ssize_t sendfile(int handle, int from, off_t *offset, size_t size) {
    REAL(ssize_t, "sendfile", int, int, off_t *, size_t);
    WRITTEN("copy", real(handle, from, offset, size / 2), real(handle, from, offset, size));
}
int ftruncate(int handle, off_t size) {
    REAL(int, "ftruncate", int, off_t);
    AT_HANDLE('d', "truncate", handle);
    return real(handle, size);
}
int ftruncate64(int handle, off64_t size) {
    REAL(int, "ftruncate64", int, off64_t);
    AT_HANDLE('d', "truncate", handle);
    return real(handle, size);
}
int ioctl(int handle, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    REAL(int, "ioctl", int, unsigned long, ...);
    /* linux/fs.h: FICLONE */
    if (request == 0x40049409) AT_HANDLE('d', "clone", handle);
    return real(handle, request, argument);
}
int fsync(int handle) {
    REAL(int, "fsync", int);
    AT_HANDLE('s', "fsync", handle);
    return real(handle);
}
int fdatasync(int handle) {
    REAL(int, "fdatasync", int);
    AT_HANDLE('s', "fsync", handle);
    return real(handle);
}
int syncfs(int handle) {
    REAL(int, "syncfs", int);
    AT_HANDLE('s', "syncfs", handle);
    return real(handle);
}
int chmod(const char *name, mode_t mode) {
    REAL(int, "chmod", const char *, mode_t);
    AT_PATH('m', "chmod", AT_FDCWD, name);
    return real(name, mode);
}
int fchmod(int handle, mode_t mode) {
    REAL(int, "fchmod", int, mode_t);
    AT_HANDLE('m', "chmod", handle);
    return real(handle, mode);
}
int fchmodat(int folder, const char *name, mode_t mode, int flags) {
    REAL(int, "fchmodat", int, const char *, mode_t, int);
    AT_PATH('m', "chmod", folder, name);
    return real(folder, name, mode, flags);
}
int utimensat(int folder, const char *name, const struct timespec times[2], int flags) {
    REAL(int, "utimensat", int, const char *, const struct timespec *, int);
    AT_PATH('m', "utime", folder, name);
    return real(folder, name, times, flags);
}
int futimens(int handle, const struct timespec times[2]) {
    REAL(int, "futimens", int, const struct timespec *);
    AT_HANDLE('m', "utime", handle);
    return real(handle, times);
}
