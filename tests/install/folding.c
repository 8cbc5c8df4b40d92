/* A file system that takes upper and lower case, and composed and decomposed e with acute, for one.
 *
 * Loaded by LD_PRELOAD into a real command: names below FOLD_ROOT are folded on the way to the kernel. (It keeps
 * the folded name, where such file systems keep the first spelling: what is found is the same.)
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folded {
    char text[4400];
};

static const char *fold(const char *name, struct folded *into) {
    const char *root = getenv("FOLD_ROOT");
    size_t size = root ? strlen(root) : 0;
    if (!size || !name || strncmp(name, root, size) || name[size] != '/' || strlen(name) >= sizeof into->text)
        return name;
    char *to = into->text;
    memcpy(to, name, size);
    to += size;
    for (name += size; *name; name++) {
        if (!strncasecmp(name, "e\xcc\x81", 3)) {
            *to++ = '\xc3';
            *to++ = '\xa9';
            name += 2;
        } else
            *to++ = *name >= 'A' && *name <= 'Z' ? *name + 32 : *name;
    }
    *to = 0;
    return into->text;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name); \
    struct folded f

#define OPEN(symbol) \
    int symbol(const char *name, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        REAL(int, symbol, const char *, int, ...); \
        return real(fold(name, &f), flags, mode); \
    }
#define OPENAT(symbol) \
    int symbol(int folder, const char *name, int flags, ...) { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        REAL(int, symbol, int, const char *, int, ...); \
        return real(folder, fold(name, &f), flags, mode); \
    }
#define ONE(type, symbol) \
    type symbol(const char *name) { \
        REAL(type, symbol, const char *); \
        return real(fold(name, &f)); \
    }
#define TWO(symbol) \
    int symbol(const char *from, const char *to) { \
        REAL(int, symbol, const char *, const char *); \
        struct folded g; \
        return real(fold(from, &f), fold(to, &g)); \
    }
#define WITH(symbol, kind) \
    int symbol(const char *name, kind value) { \
        REAL(int, symbol, const char *, kind); \
        return real(fold(name, &f), value); \
    }
#define STATAT(symbol, kind) \
    int symbol(int folder, const char *name, kind value, int flags) { \
        REAL(int, symbol, int, const char *, kind, int); \
        return real(folder, fold(name, &f), value, flags); \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
ONE(int, unlink)
ONE(int, rmdir)
ONE(DIR *, opendir)
TWO(rename)
TWO(link)
WITH(mkdir, mode_t)
WITH(chmod, mode_t)
WITH(access, int)
WITH(stat, struct stat *)
WITH(lstat, struct stat *)
WITH(stat64, struct stat64 *)
WITH(lstat64, struct stat64 *)
STATAT(fstatat, struct stat *)
STATAT(fstatat64, struct stat64 *)

int utimensat(int folder, const char *name, const struct timespec times[2], int flags) {
    REAL(int, utimensat, int, const char *, const struct timespec *, int);
    return real(folder, fold(name, &f), times, flags);
}
ssize_t readlink(const char *name, char *into, size_t size) {
    REAL(ssize_t, readlink, const char *, char *, size_t);
    return real(fold(name, &f), into, size);
}
