/* A stand-in for libnvidia-ml: what it does is said by the environment variable FAKE_NVML.
 *
 *   (unset)            answers: driver 570.86.15, CUDA 12.8, an RTX 4090 and a GTX 1650
 *   fail:CALL:CODE     CALL returns CODE
 *   hang:CALL          CALL never returns
 *   slow:CALL          CALL takes three seconds
 *   crash:CALL         CALL dereferences a null pointer
 *   garbage            every answer is nonsense
 *   noisy              prints to standard output while it answers
 *   mig, mig-empty     the RTX 4090 is in MIG mode, with two instances or none
 *   none               there is no GPU
 *
 * Compiled with -DOLD it has the names of before CUDA 11 only, as a driver of 2017 does; with -DINIT_RETURNS=CODE
 * or -DINIT_CRASHES its first call always fails so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTER(call)                     \
    do {                                \
        int code_ = behave(call);       \
        if (code_)                      \
            return code_;               \
    } while (0)

#ifdef OLD
#define V2(name) name
#else
#define V2(name) name##_v2
#endif

static const char *mode(void) {
    const char *said = getenv("FAKE_NVML");
    return said ? said : "";
}

static int garbage(void) { return strcmp(mode(), "garbage") == 0; }

static int behave(const char *call) {
    const char *said = mode();
    const char *argument = strchr(said, ':');
    size_t length = strlen(call);
    if (strcmp(said, "noisy") == 0) {
        printf("{\"cuda\": 99000, \"driver\": \"%s\"}\n", call);
        fflush(stdout);
    }
    if (!argument || strncmp(argument + 1, call, length) != 0)
        return 0;
    if (argument[1 + length] != '\0' && argument[1 + length] != ':')
        return 0;
    if (strncmp(said, "fail:", 5) == 0)
        return atoi(argument + 1 + length + 1);
    if (strncmp(said, "slow:", 5) == 0)
        sleep(3);
    if (strncmp(said, "hang:", 5) == 0)
        for (;;)
            pause();
    if (strncmp(said, "crash:", 6) == 0)
        *(volatile int *)0 = 1;
    return 0;
}

int V2(nvmlInit)(void) {
#ifdef INIT_RETURNS
    return INIT_RETURNS;
#endif
#ifdef INIT_CRASHES
    *(volatile int *)0 = 1;
#endif
    ENTER("nvmlInit");
    return 0;
}

int nvmlSystemGetDriverVersion(char *text, unsigned length) {
    ENTER("nvmlSystemGetDriverVersion");
    if (garbage())
        memset(text, 0xff, length);
    else
        snprintf(text, length, "570.86.15");
    return 0;
}

int V2(nvmlSystemGetCudaDriverVersion)(int *version) {
    ENTER("nvmlSystemGetCudaDriverVersion");
    *version = garbage() ? -2147483647 : 12080;
    return 0;
}

int V2(nvmlDeviceGetCount)(unsigned *count) {
    ENTER("nvmlDeviceGetCount");
    *count = garbage() ? 4000000000u : strcmp(mode(), "none") == 0 ? 0 : 2;
    return 0;
}

int V2(nvmlDeviceGetHandleByIndex)(unsigned index, void **handle) {
    ENTER("nvmlDeviceGetHandleByIndex");
    *handle = (void *)(size_t)(index + 1);
    return 0;
}

int nvmlDeviceGetName(void *handle, char *text, unsigned length) {
    ENTER("nvmlDeviceGetName");
    if (garbage())
        memset(text, 0x1b, length);
    else
        snprintf(text, length, handle == (void *)1 ? "NVIDIA GeForce GTX 1650" : "NVIDIA GeForce RTX 4090");
    return 0;
}

int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
    ENTER("nvmlDeviceGetCudaComputeCapability");
    *major = garbage() ? -7 : handle == (void *)1 ? 7 : 8;
    *minor = garbage() ? 123456 : handle == (void *)1 ? 5 : 9;
    return 0;
}

int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long *memory) {
    ENTER("nvmlDeviceGetMemoryInfo");
    memory[0] = garbage() ? ~0ull : handle == (void *)1 ? 4294967296ull : 25757220864ull;
    memory[1] = memory[2] = 0;
    return 0;
}

/* Handles 1 and 2 are GPUs, those from 0x100 on are MIG instances. */
int nvmlDeviceGetUUID(void *handle, char *text, unsigned length) {
    ENTER("nvmlDeviceGetUUID");
    if (garbage())
        memset(text, 0xff, length);
    else
        snprintf(text, length, "%s-%08lx-0000-0000-0000-000000000000", (size_t)handle < 0x100 ? "GPU" : "MIG",
                 (unsigned long)(size_t)handle);
    return 0;
}

int nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
    ENTER("nvmlDeviceGetMigMode");
    if (handle == (void *)1 || strncmp(mode(), "mig", 3) != 0)
        return 3;
    *current = *pending = 1;
    return 0;
}

int nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned *count) {
    ENTER("nvmlDeviceGetMaxMigDeviceCount");
    *count = 7;
    return 0;
}

int nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned index, void **instance) {
    ENTER("nvmlDeviceGetMigDeviceHandleByIndex");
    if (index > 1 || strcmp(mode(), "mig-empty") == 0)
        return 6;
    *instance = (void *)(size_t)(0x100 + index);
    return 0;
}
