/* NVIDIA's driver and the beginnings of its libraries, as far as TensorFlow asks them until a device begins, which it does not here.

   STAND_IN_CARDS are the compute capabilities of the machine's cards, as 8.0,12.0; a process sees those of CUDA_VISIBLE_DEVICES. Who calls the
   driver is noted in STAND_IN_CALLS. With STAND_IN_FULL, other processes have taken the cards' memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SUCCESS, INVALID, OUT_OF_MEMORY, NO_DEVICE = 100, INVALID_DEVICE, UNKNOWN = 999 };
static int count = -1, place[64], major[64], minor[64];

static void note(const char *call) {
    FILE *calls = fopen(getenv("STAND_IN_CALLS"), "a");
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    fprintf(calls, "%d %s %s\n", getpid(), call, visible ? visible : "all");
    fclose(calls);
}
static void see(int card, const int of[64][2]) {
    place[count] = card;
    major[count] = of[card][0];
    minor[count++] = of[card][1];
}
int cuInit(unsigned flags) {
    note("cuInit");
    int all = 0, of[64][2];
    char *cards = strdup(getenv("STAND_IN_CARDS")), *visible = getenv("CUDA_VISIBLE_DEVICES");
    for (char *card = strtok(cards, ","); card; card = strtok(0, ",")) sscanf(card, "%d.%d", &of[all][0], &of[all][1]), all++;
    count = 0;
    if (!visible)
        for (int card = 0; card < all; card++) see(card, of);
    else
        for (char *name = strtok(strdup(visible), ","), *end; name; name = strtok(0, ",")) {
            long card = strtol(name, &end, 10);
            if (end == name || card < 0 || card >= all) break;
            see(card, of);
        }
    return count ? SUCCESS : NO_DEVICE;
}
int cuDriverGetVersion(int *version) { return *version = 12080, SUCCESS; }
int cuDeviceGetCount(int *found) { return *found = count, SUCCESS; }
int cuDeviceGet(int *device, int ordinal) { return *device = ordinal, ordinal < count ? SUCCESS : INVALID_DEVICE; }
int cuDeviceGetName(char *name, int length, int device) { return snprintf(name, length, "Card %d", place[device]), SUCCESS; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { return *bytes = 24ull << 30, SUCCESS; }
int cuDeviceGetPCIBusId(char *id, int length, int device) { return snprintf(id, length, "0000:%02x:00.0", place[device] + 1), SUCCESS; }
int cuDeviceGetUuid(char *uuid, int device) { return memset(uuid, place[device], 16), SUCCESS; }
int cuDeviceGetUuid_v2(char *uuid, int device) { return cuDeviceGetUuid(uuid, device); }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    *value = attribute == 75 ? major[device] : attribute == 76 ? minor[device] : attribute == 10 ? 32 : 1024;
    return SUCCESS;
}
int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) { return *flags = *active = 0, SUCCESS; }
int cuDevicePrimaryCtxSetFlags_v2(int device, unsigned flags) { return SUCCESS; }
int cuDevicePrimaryCtxRetain(void **context, int device) { return *context = (void *)(long)(device + 1), SUCCESS; }
int cuCtxGetCurrent(void **context) { return *context = 0, SUCCESS; }
int cuCtxSetCurrent(void *context) { return SUCCESS; }
int cuCtxGetDevice(int *device) { return *device = 0, SUCCESS; }
int cuGetErrorName(int error, const char **name) { return *name = "CUDA_ERROR_OF_A_STAND_IN", SUCCESS; }
int cuGetErrorString(int error, const char **said) { return *said = "of a stand-in", SUCCESS; }
int cuMemGetInfo_v2(size_t *free, size_t *total) { return *free = *total = 24ull << 30, SUCCESS; }

static int refused(void) { return getenv("STAND_IN_FULL") ? OUT_OF_MEMORY : UNKNOWN; }
int cudaGetDevice(int *device) { return *device = 0, refused(); }
int cudaSetDevice(int device) { return refused(); }
int cudaRuntimeGetVersion(int *version) { return *version = 12050, SUCCESS; }
int cudaGetLastError(void) { return SUCCESS; }
const char *cudaGetErrorString(int error) { return error == OUT_OF_MEMORY ? "out of memory" : "unknown error"; }
const char *cudaGetErrorName(int error) { return "cudaErrorOfAStandIn"; }
void **__cudaRegisterFatBinary(void *binary) { static void *handle[4]; return handle; }
void __cudaRegisterFatBinaryEnd(void **handle) {}
void __cudaUnregisterFatBinary(void **handle) {}
void __cudaRegisterFunction(void) {}
void __cudaRegisterVar(void) {}

int nvmlInit_v2(void) { return SUCCESS; }
