// Pictures smoothed and sharpened.
#include <stdlib.h>
#include <string.h>

#include "matmul_clones.h"
#include "mk_image.h"

/// The index that a reflection at the first and last sample leads to.
static inline int64_t reflected(int64_t i, int64_t size) {
    if (i < 0) i = -i;
    return i >= size ? 2 * (size - 1) - i : i;
}

static MK_CLONES void convolve(const float *padded, const float *kernel, int64_t size, int64_t count, float *target) {
    for (int64_t i = 0; i < count; i++) target[i] = padded[i] * kernel[0];
    for (int64_t j = 1; j < size; j++)
        for (int64_t i = 0; i < count; i++) target[i] += padded[i + j] * kernel[j];
}

static MK_CLONES void add_row(const float *row, float weight, int64_t count, float *sums) {
    for (int64_t i = 0; i < count; i++) sums[i] += row[i] * weight;
}

static MK_CLONES void widen(const uint8_t *x, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = (float)x[i];
}

/// Halves go to the even neighbour: a sum with 1.5 * 2^23 has no bits behind the point. A conversion of rintf would be read from
/// memory by an instruction that wants 16 bytes aligned, where there is no AVX (clang 21): it ended the process.
static MK_CLONES void narrow(const float *x, int64_t count, uint8_t *y) {
    for (int64_t i = 0; i < count; i++) y[i] = (uint8_t)(int32_t)((x[i] + 0x1.8p23f) - 0x1.8p23f);
}

/// Row `y` of a plane between `margin` reflected samples at each side.
static void pad_row(int dtype, const mk_image_view *source, int64_t plane, int64_t y, int64_t margin, float *padded) {
    const int64_t start = plane * source->plane_stride + y * source->row_stride, width = source->width;
    float *inside = padded + margin;
    if (dtype == MK_UINT8)
        widen((const uint8_t *)source->data + start, width, inside);
    else
        memcpy(inside, (const float *)source->data + start, (size_t)width * sizeof(float));
    for (int64_t i = 1; i <= margin; i++) {
        inside[-i] = inside[reflected(-i, width)];
        inside[width - 1 + i] = inside[reflected(width - 1 + i, width)];
    }
}

bool mk_image_blur(
    int dtype, mk_image_view source, const float *across, int64_t across_size, const float *down, int64_t down_size,
    void *target) {
    const int64_t width = source.width, height = source.height, margin = across_size / 2, reach = down_size / 2;
    float *smooth = malloc((size_t)(height * width + 2 * width + 2 * margin) * sizeof(float));
    if (!smooth) return false;
    float *padded = smooth + height * width, *sums = padded + width + 2 * margin;
    for (int64_t plane = 0; plane < source.planes; plane++) {
        for (int64_t y = 0; y < height; y++) {
            pad_row(dtype, &source, plane, y, margin, padded);
            convolve(padded, across, across_size, width, smooth + y * width);
        }
        for (int64_t y = 0; y < height; y++) {
            memset(sums, 0, (size_t)width * sizeof(float));
            for (int64_t j = -reach; j <= reach; j++)
                add_row(smooth + reflected(y + j, height) * width, down[j + reach], width, sums);
            const int64_t to = (plane * height + y) * width;
            if (dtype == MK_UINT8)
                narrow(sums, width, (uint8_t *)target + to);
            else
                memcpy((float *)target + to, sums, (size_t)width * sizeof(float));
        }
    }
    free(smooth);
    return true;
}

#define DEFINE_SHARPEN(NAME, T, LIMIT, ROUND) \
    static MK_CLONES void NAME( \
        const T *above, const T *x, const T *below, int64_t width, double factor, T *target) { \
        const float edge = 1.0f / 13.0f, middle = 5.0f / 13.0f, rest = (float)(1 - factor); \
        for (int64_t i = 1; i < width - 1; i++) { \
            float blurred = ((float)above[i - 1] + (float)above[i] + (float)above[i + 1]) * edge; \
            blurred += ((float)x[i - 1] + (float)x[i + 1]) * edge + (float)x[i] * middle; \
            blurred += ((float)below[i - 1] + (float)below[i] + (float)below[i + 1]) * edge; \
            blurred = ROUND(blurred); \
            float value = __builtin_fmaf(rest, blurred - (float)x[i], (float)x[i]); \
            value = value < 0 ? 0 : value > (LIMIT) ? (LIMIT) : value; \
            target[i] = (T)value; \
        } \
    }
#define NOT_ROUNDED(value) (value)

DEFINE_SHARPEN(sharpen_bytes, uint8_t, 255.0f, __builtin_rintf)
DEFINE_SHARPEN(sharpen_floats, float, 1.0f, NOT_ROUNDED)

void mk_image_sharpen(int dtype, mk_image_view source, double factor, void *target) {
    const int64_t element = dtype == MK_UINT8 ? 1 : 4, width = source.width, stride = source.row_stride;
    for (int64_t plane = 0; plane < source.planes; plane++) {
        for (int64_t y = 0; y < source.height; y++) {
            const char *row = (const char *)source.data + (plane * source.plane_stride + y * stride) * element;
            char *to = (char *)target + (plane * source.height + y) * width * element;
            memcpy(to, row, (size_t)(width * element));
            if (y == 0 || y == source.height - 1) continue;
            const char *above = row - stride * element, *below = row + stride * element;
            if (dtype == MK_UINT8)
                sharpen_bytes((const uint8_t *)above, (const uint8_t *)row, (const uint8_t *)below, width, factor,
                    (uint8_t *)to);
            else
                sharpen_floats((const float *)above, (const float *)row, (const float *)below, width, factor,
                    (float *)to);
        }
    }
}
