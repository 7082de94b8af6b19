// Binds TurboJPEG's simple interface and wraps its three calls. A call makes a handle of its own: they are cheap beside a
// picture, and threads share none.
#include "ce_jpeg.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnnl_internal.h"

// The parts of turbojpeg.h (version 2 and later) that are used here.
enum { PIXELS_RGB = 0, PIXELS_GRAY = 6 };
enum { SUBSAMPLING_420 = 2, SUBSAMPLING_GRAY = 3 };
enum { COLORSPACE_GRAY = 2, COLORSPACE_CMYK = 3, COLORSPACE_YCCK = 4 };
enum { FLAG_ACCURATE_DCT = 4096 };
enum { ERROR_WARNING = 0 };

static struct {
    void *(*init_compress)(void);
    void *(*init_decompress)(void);
    int (*destroy)(void *handle);
    int (*decompress_header)(
        void *handle, const unsigned char *bytes, unsigned long count, int *width, int *height, int *subsampling,
        int *colorspace);
    int (*decompress)(
        void *handle, const unsigned char *bytes, unsigned long count, unsigned char *pixels, int width, int pitch,
        int height, int format, int flags);
    int (*compress)(
        void *handle, const unsigned char *pixels, int width, int pitch, int height, int format, unsigned char **bytes,
        unsigned long *count, int subsampling, int quality, int flags);
    void (*free_bytes)(unsigned char *bytes);
    char *(*message)(void *handle);
    int (*error_code)(void *handle);
} tj;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool attempted, loaded;
static char report[512];

/// Binds every entry point; NULL or the name of the first one missing.
static const char *bind_functions(void *library) {
    static const struct {
        const char *name;
        void *target;
    } wanted[] = {
        {"tjInitCompress", &tj.init_compress},
        {"tjInitDecompress", &tj.init_decompress},
        {"tjDestroy", &tj.destroy},
        {"tjDecompressHeader3", &tj.decompress_header},
        {"tjDecompress2", &tj.decompress},
        {"tjCompress2", &tj.compress},
        {"tjFree", &tj.free_bytes},
        {"tjGetErrorStr2", &tj.message},
        {"tjGetErrorCode", &tj.error_code},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        void *symbol = dlsym(library, wanted[i].name);
        if (!symbol) return wanted[i].name;
        // By bytes, for ISO C has no conversion from object to function pointers.
        memcpy(wanted[i].target, &symbol, sizeof symbol);
    }
    return NULL;
}

static bool search(void) {
    const char *path = getenv("MARTLET_TURBOJPEG");
    if (path && strcmp(path, "none") == 0) {
        snprintf(report, sizeof report, "MARTLET_TURBOJPEG: \"none\": switched off");
        return false;
    }
    if (!path || !*path) path = "libturbojpeg.so.0";
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(report, sizeof report, "%s", dlerror());
        return false;
    }
    const char *missing = bind_functions(library);
    if (missing) {
        snprintf(report, sizeof report, "%s has no %s; TurboJPEG 2 or later is needed", path, missing);
        dlclose(library);
        return false;
    }
    snprintf(report, sizeof report, "%s: found", path);
    return true;
}

bool ce_jpeg_load(void) {
    pthread_mutex_lock(&lock);
    if (!attempted) {
        attempted = true;
        loaded = search();
    }
    const bool result = loaded;
    pthread_mutex_unlock(&lock);
    return result;
}

const char *ce_jpeg_report(void) {
    pthread_mutex_lock(&lock);
    const char *text = report;
    pthread_mutex_unlock(&lock);
    return text;
}

/// A call's outcome. Warnings that leave a whole picture pass, as other readers let them; one about a file's end does not.
static ce_status outcome(void *handle, int result, const char *what) {
    if (result == 0) return CE_OK;
    const char *message = tj.message(handle);
    const bool is_cut_off = strstr(message, "Premature end") != NULL;
    if (tj.error_code(handle) == ERROR_WARNING && !is_cut_off) return CE_OK;
    return dn_fail(CE_INVALID, "%s: %s", what, message);
}

ce_status ce_jpeg_measure(const uint8_t *bytes, size_t count, int *width, int *height, int *channels) {
    if (!ce_jpeg_load()) return dn_fail(CE_UNAVAILABLE, "%s", ce_jpeg_report());
    void *handle = tj.init_decompress();
    if (!handle) return dn_fail(CE_OUT_OF_MEMORY, "no memory for a decoder");
    int subsampling = 0, colorspace = 0;
    const int result = tj.decompress_header(handle, bytes, count, width, height, &subsampling, &colorspace);
    ce_status status = outcome(handle, result, "header");
    tj.destroy(handle);
    if (status == CE_OK && (*width < 1 || *height < 1)) status = dn_fail(CE_INVALID, "header: no size");
    if (status != CE_OK) return status;
    if (colorspace == COLORSPACE_CMYK || colorspace == COLORSPACE_YCCK)
        return dn_fail(CE_UNIMPLEMENTED, "a picture of four inks");
    *channels = colorspace == COLORSPACE_GRAY ? 1 : 3;
    return CE_OK;
}

ce_status ce_jpeg_decode(const uint8_t *bytes, size_t count, int width, int height, int channels, uint8_t *pixels) {
    void *handle = tj.init_decompress();
    if (!handle) return dn_fail(CE_OUT_OF_MEMORY, "no memory for a decoder");
    const int format = channels == 1 ? PIXELS_GRAY : PIXELS_RGB;
    const int result = tj.decompress(
        handle, bytes, count, pixels, width, width * channels, height, format, FLAG_ACCURATE_DCT);
    const ce_status status = outcome(handle, result, "image data");
    tj.destroy(handle);
    return status;
}

ce_status ce_jpeg_encode(
    const uint8_t *pixels, int width, int height, int channels, int quality, uint8_t **bytes, size_t *count) {
    if (!ce_jpeg_load()) return dn_fail(CE_UNAVAILABLE, "%s", ce_jpeg_report());
    void *handle = tj.init_compress();
    if (!handle) return dn_fail(CE_OUT_OF_MEMORY, "no memory for an encoder");
    const int format = channels == 1 ? PIXELS_GRAY : PIXELS_RGB;
    const int subsampling = channels == 1 ? SUBSAMPLING_GRAY : SUBSAMPLING_420;
    unsigned char *made = NULL;
    unsigned long size = 0;
    const int result = tj.compress(
        handle, pixels, width, width * channels, height, format, &made, &size, subsampling, quality, FLAG_ACCURATE_DCT);
    const ce_status status = outcome(handle, result, "encoding");
    tj.destroy(handle);
    *bytes = made;
    *count = size;
    return status;
}

void ce_jpeg_free(uint8_t *bytes) {
    if (bytes) tj.free_bytes(bytes);
}
