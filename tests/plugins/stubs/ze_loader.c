/* A stand-in for libze_loader: what it does is said by the environment variable FAKE_ZE.
 *
 *   (unset)            answers with the devices of FAKE_ZE_DEVICES
 *   fail:CALL:CODE     CALL returns CODE (any base)
 *   hang:CALL          CALL never returns
 *   crash:CALL         CALL dereferences a null pointer
 *   garbage            every answer is nonsense
 *   noisy              prints to standard output while it answers
 *   plain              knows no device-IP extension
 *
 * FAKE_ZE_DEVICES is a string of digits, a device each: 0 UHD Graphics 770, 1 Arc B580, 2 Max 1100, 3 an NPU,
 * 4 another vendor's GPU; "01" unless it is set. ZE_AFFINITY_MASK (single digits) hides devices, as the real one
 * does. Compiled with -DOLD it has zeInit and zeDriverGet only, as a loader before 1.10 does;
 * with -DNO_DRIVER it never finds a driver.
 *
 * The structures are those of ze_api.h, written here anew so that a wrong layout in the detector is seen.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    uint32_t stype;
    const void *pNext;
    uint32_t flags;
} init_desc;

typedef struct {
    uint32_t stype;
    const void *pNext;
    uint32_t ipVersion;
} ip_version;

typedef struct {
    uint32_t stype;
    void *pNext;
    uint32_t type, vendorId, deviceId, flags, subdeviceId, coreClockRate;
    uint64_t maxMemAllocSize;
    uint32_t maxHardwareContexts, maxCommandQueuePriority, numThreadsPerEU, physicalEUSimdWidth;
    uint32_t numEUsPerSubslice, numSubslicesPerSlice, numSlices;
    uint64_t timerResolution;
    uint32_t timestampValidBits, kernelTimestampValidBits;
    uint8_t uuid[16];
    char name[256];
} properties;

typedef struct {
    uint32_t stype;
    void *pNext;
    uint32_t flags, maxClockRate, maxBusWidth;
    uint64_t totalSize;
    char name[256];
} memory;

typedef struct {
    uint32_t type, vendor, id, flags, ip;
    uint64_t bytes;
    const char *name;
} device;

#define IP(architecture, release, revision) ((architecture) << 22 | (release) << 14 | (revision))
static device DEVICES[] = {
    {1, 0x8086, 0xA780, 1, IP(12u, 2u, 0u), 33000000000u, "Intel(R) UHD Graphics 770"},
    {1, 0x8086, 0xE20B, 0, IP(20u, 1u, 0u), 12168933376u, "Intel(R) Arc(TM) B580 Graphics"},
    {1, 0x8086, 0x0BDA, 0, IP(12u, 60u, 7u), 51539607552u, "Intel(R) Data Center GPU Max 1100"},
    {5, 0x8086, 0x7D1D, 1, IP(5u, 0u, 1u), 0, "Intel(R) AI Boost"},
    {1, 0x10DE, 0x2330, 0, IP(9u, 0u, 0u), 1, "NVIDIA H100"},
};

static const char *mode(void) {
    const char *said = getenv("FAKE_ZE");
    return said ? said : "";
}

static int garbage(void) { return strcmp(mode(), "garbage") == 0; }

static uint32_t behave(const char *call) {
    const char *said = mode();
    const char *argument = strchr(said, ':');
    size_t length = strlen(call);
    if (strcmp(said, "noisy") == 0) {
        printf("{\"library\": \"%s\"}\n{\"device\": {\"type\": 1, \"vendor\": 32902, \"ip\": 1}}\n", call);
        fflush(stdout);
    }
    if (!argument || strncmp(argument + 1, call, length) != 0)
        return 0;
    if (argument[1 + length] != '\0' && argument[1 + length] != ':')
        return 0;
    if (strncmp(said, "fail:", 5) == 0)
        return (uint32_t)strtoul(argument + 1 + length + 1, NULL, 0);
    if (strncmp(said, "hang:", 5) == 0)
        for (;;)
            pause();
    if (strncmp(said, "crash:", 6) == 0)
        *(volatile int *)0 = 1;
    return 0;
}

#define ENTER(call)                   \
    do {                              \
        uint32_t code_ = behave(call); \
        if (code_)                    \
            return code_;             \
    } while (0)

static uint32_t driver_handles(uint32_t *count, void **handles) {
#ifdef NO_DRIVER
    *count = 0;
    return 0x78000001u;
#endif
    if (garbage() && !handles) {
        *count = 0xFFFFFFF0u;
        return 0;
    }
    if (handles && *count >= 1)
        handles[0] = (void *)DEVICES;
    *count = 1;
    return 0;
}

#ifdef OLD
uint32_t zeInit(uint32_t flags) {
    ENTER("zeInit");
    return flags == 1 ? 0 : 0x78000004u;
}

uint32_t zeDriverGet(uint32_t *count, void **handles) {
    ENTER("zeDriverGet");
    return driver_handles(count, handles);
}
#else
uint32_t zeInitDrivers(uint32_t *count, void **handles, const init_desc *desc) {
    ENTER("zeInitDrivers");
    if (desc->stype != 0x20021 || desc->pNext || desc->flags != 1)
        return 0x7800000Cu;
    return driver_handles(count, handles);
}
#endif

uint32_t zeDeviceGet(void *driver, uint32_t *count, void **handles) {
    ENTER("zeDeviceGet");
    if (driver != (void *)DEVICES)
        return 0x78000005u;
    const char *listed = getenv("FAKE_ZE_DEVICES");
    const char *mask = getenv("ZE_AFFINITY_MASK");
    device *seen[16];
    uint32_t number = 0;
    listed = listed ? listed : "01";
    for (uint32_t at = 0; listed[at] && number < 16; at++)
        if (!mask || strchr(mask, (int)('0' + at)))
            seen[number++] = &DEVICES[listed[at] - '0'];
    if (garbage()) {
        /* Fills as much room as it is told there is. */
        for (uint32_t at = 0; handles && at < *count; at++)
            handles[at] = (void *)&DEVICES[1];
        *count = handles ? *count : 100000;
        return 0;
    }
    for (uint32_t at = 0; handles && at < number && at < *count; at++)
        handles[at] = (void *)seen[at];
    *count = number;
    return 0;
}

uint32_t zeDeviceGetProperties(void *handle, properties *out) {
    ENTER("zeDeviceGetProperties");
    device *known = (device *)handle;
    if (out->stype != 0x3)
        return 0x7800000Cu;
    ip_version *extension = (ip_version *)out->pNext;
    if (garbage()) {
        memset(&out->type, 0xFF, sizeof *out - offsetof(properties, type));
        out->type = 1;
        out->vendorId = 0x8086;
        extension->ipVersion = 0xFFFFFFFFu;
        return 0;
    }
    out->type = known->type;
    out->vendorId = known->vendor;
    out->deviceId = known->id;
    out->flags = known->flags;
    memset(out->uuid, 0xAB, sizeof out->uuid);
    strcpy(out->name, known->name);
    if (extension && extension->stype == 0x1000F && strcmp(mode(), "plain") != 0)
        extension->ipVersion = known->ip;
    return 0;
}

uint32_t zeDeviceGetMemoryProperties(void *handle, uint32_t *count, memory *out) {
    ENTER("zeDeviceGetMemoryProperties");
    if (garbage()) {
        *count = 0xFFFFFFFFu;
        out[0].totalSize = ~0ull;
        return 0;
    }
    if (*count < 1 || out[0].stype != 0x7)
        return 0x78000004u;
    *count = 1;
    out[0].totalSize = ((device *)handle)->bytes;
    return 0;
}
