/* A stand-in for libcuda: what it does is said by the environment variable FAKE_CUDA, in fake_nvml.c's words
 * (fail:CALL:CODE, hang:CALL, crash:CALL, garbage, noisy, none).
 *
 * It has the GPUs of fake_nvml.c, a GTX 1650 and an RTX 4090 in the order of the bus, and CUDA 12.6. As the real
 * one, it numbers them from the fastest on unless CUDA_DEVICE_ORDER says PCI_BUS_ID, and shows none of those that
 * CUDA_VISIBLE_DEVICES leaves out. Compiled with -DINIT_RETURNS=CODE or -DINIT_CRASHES its first call always fails so.
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

static const char *mode(void) {
    const char *said = getenv("FAKE_CUDA");
    return said ? said : "";
}

static int garbage(void) { return strcmp(mode(), "garbage") == 0; }

static int behave(const char *call) {
    const char *said = mode();
    const char *argument = strchr(said, ':');
    size_t length = strlen(call);
    if (strcmp(said, "noisy") == 0) {
        printf("{\"cuda\": 99000, \"library\": \"%s\"}\n", call);
        fflush(stdout);
    }
    if (!argument || strncmp(argument + 1, call, length) != 0)
        return 0;
    if (argument[1 + length] != '\0' && argument[1 + length] != ':')
        return 0;
    if (strncmp(said, "fail:", 5) == 0)
        return atoi(argument + 1 + length + 1);
    if (strncmp(said, "hang:", 5) == 0)
        for (;;)
            pause();
    if (strncmp(said, "crash:", 6) == 0)
        *(volatile int *)0 = 1;
    return 0;
}

/* Whether a device, by its number, is the RTX 4090. */
static int is_fast(int device) {
    const char *order = getenv("CUDA_DEVICE_ORDER");
    int by_bus = order && strcmp(order, "PCI_BUS_ID") == 0;
    return by_bus ? device == 1 : device == 0;
}

int cuInit(unsigned flags) {
#ifdef INIT_RETURNS
    return INIT_RETURNS;
#endif
#ifdef INIT_CRASHES
    *(volatile int *)0 = 1;
#endif
    ENTER("cuInit");
    return strcmp(mode(), "none") == 0 ? 100 : 0;
}

int cuDriverGetVersion(int *version) {
    ENTER("cuDriverGetVersion");
    *version = garbage() ? -2147483647 : 12060;
    return 0;
}

int cuDeviceGetCount(int *count) {
    ENTER("cuDeviceGetCount");
    *count = garbage() ? -1 : getenv("CUDA_VISIBLE_DEVICES") ? 1 : 2;
    return 0;
}

int cuDeviceGet(int *device, int ordinal) {
    ENTER("cuDeviceGet");
    *device = ordinal;
    return 0;
}

int cuDeviceGetName(char *name, int length, int device) {
    ENTER("cuDeviceGetName");
    snprintf(name, length, is_fast(device) ? "NVIDIA GeForce RTX 4090" : "NVIDIA GeForce GTX 1650");
    return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
    ENTER("cuDeviceGetAttribute");
    *value = attribute == 75 ? (is_fast(device) ? 8 : 7) : attribute == 76 ? (is_fast(device) ? 9 : 5) : -1;
    return 0;
}

int cuDeviceTotalMem_v2(size_t *bytes, int device) {
    ENTER("cuDeviceTotalMem");
    *bytes = is_fast(device) ? 25757220864ull : 4294967296ull;
    return 0;
}

int cuDeviceGetUuid(unsigned char *uuid, int device) {
    ENTER("cuDeviceGetUuid");
    memset(uuid, 0, 16);
    uuid[3] = is_fast(device) ? 2 : 1;
    return 0;
}
