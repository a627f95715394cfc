/* NVIDIA's management library as a machine with two cards has it, over its own interface in C: what the reader of cards is tried against. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS, UNINITIALIZED, INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND = 6, DRIVER_NOT_LOADED = 9 };
typedef struct { int index; } Device;
typedef struct { unsigned long long total, free, used; } Memory;

static Device devices[2] = {{0}, {1}};
static const char *uuids[2] = {"GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", "GPU-5a2c0000-0000-4000-8000-000000000001"};
static unsigned long long millijoules[2] = {1000, 5000};
static int users = 0;

int nvmlInitWithFlags(unsigned flags) {
    if (getenv("STAND_IN_WITHOUT_DRIVER")) return DRIVER_NOT_LOADED;
    users++;
    return SUCCESS;
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) {
    if (!users) return UNINITIALIZED;
    users--;
    return SUCCESS;
}
const char *nvmlErrorString(int error) { return "an error of the stand-in"; }
int nvmlSystemGetDriverVersion(char *version, unsigned length) {
    if (!users) return UNINITIALIZED;
    snprintf(version, length, "570.86.15");
    return SUCCESS;
}
int nvmlDeviceGetCount_v2(unsigned *count) {
    if (!users) return UNINITIALIZED;
    *count = 2;
    return SUCCESS;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) {
    if (!users) return UNINITIALIZED;
    if (index > 1) return INVALID_ARGUMENT;
    *device = &devices[index];
    return SUCCESS;
}
int nvmlDeviceGetHandleByUUID(const char *uuid, Device **device) {
    if (!users) return UNINITIALIZED;
    for (int index = 0; index < 2; index++)
        if (!strcmp(uuid, uuids[index])) {
            *device = &devices[index];
            return SUCCESS;
        }
    return NOT_FOUND;
}
int nvmlDeviceGetUUID(Device *device, char *uuid, unsigned length) {
    snprintf(uuid, length, "%s", uuids[device->index]);
    return SUCCESS;
}
int nvmlDeviceGetName(Device *device, char *name, unsigned length) {
    snprintf(name, length, "NVIDIA Stand-in %d", device->index);
    return SUCCESS;
}
int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
    if (getenv("STAND_IN_WITHOUT_MEMORY")) return NOT_SUPPORTED; /* as of cards that share main memory */
    memory->total = 24000000000ull;
    memory->free = 20000000000ull - device->index * 1000000000ull;
    memory->used = memory->total - memory->free;
    return SUCCESS;
}
int nvmlDeviceGetTotalEnergyConsumption(Device *device, unsigned long long *energy) {
    if (getenv("STAND_IN_WITHOUT_ENERGY")) return NOT_SUPPORTED; /* as before Volta */
    *energy = millijoules[device->index] += 250;
    return SUCCESS;
}
