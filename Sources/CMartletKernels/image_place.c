// Samples of pictures put elsewhere, unchanged.
#include <stddef.h>

#include "matmul_clones.h"
#include "mk_image.h"

#define DEFINE_FLIP(NAME, T) \
    static MK_CLONES void flip_##NAME( \
        const T *restrict source, int64_t stride, int64_t height, int64_t width, T *restrict target) { \
        for (int64_t y = 0; y < height; y++, source += stride, target += width) \
            for (int64_t x = 0; x < width; x++) target[x] = source[width - 1 - x]; \
    }

DEFINE_FLIP(bytes, uint8_t)
DEFINE_FLIP(floats, float)

void mk_image_flip(int dtype, mk_image_view source, void *target) {
    for (int64_t plane = 0; plane < source.planes; plane++) {
        const int64_t from = plane * source.plane_stride, to = plane * source.height * source.width;
        if (dtype == MK_UINT8)
            flip_bytes((const uint8_t *)source.data + from, source.row_stride, source.height, source.width,
                (uint8_t *)target + to);
        else
            flip_floats((const float *)source.data + from, source.row_stride, source.height, source.width,
                (float *)target + to);
    }
}

#define DEFINE_PLACING(NAME, T) \
    static void transpose_##NAME(const T *source, int64_t stride, int64_t height, int64_t width, T *target) { \
        for (int64_t x = 0; x < width; x++) \
            for (int64_t y = 0; y < height; y++) target[x * height + y] = source[y * stride + x]; \
    } \
    static void gather_##NAME(const T *row, const int32_t *columns, int64_t width, float fill, T *target) { \
        for (int64_t x = 0; x < width; x++) target[x] = row && columns[x] >= 0 ? row[columns[x]] : (T)fill; \
    }

DEFINE_PLACING(bytes, uint8_t)
DEFINE_PLACING(floats, float)

void mk_image_transpose(int dtype, mk_image_view source, void *target) {
    for (int64_t plane = 0; plane < source.planes; plane++) {
        const int64_t from = plane * source.plane_stride, to = plane * source.height * source.width;
        if (dtype == MK_UINT8)
            transpose_bytes((const uint8_t *)source.data + from, source.row_stride, source.height, source.width,
                (uint8_t *)target + to);
        else
            transpose_floats((const float *)source.data + from, source.row_stride, source.height, source.width,
                (float *)target + to);
    }
}

void mk_image_gather(
    int dtype, mk_image_view source, const int32_t *rows, int64_t height, const int32_t *columns, int64_t width,
    const float *fill, void *target) {
    for (int64_t plane = 0; plane < source.planes; plane++) {
        const float outside = fill ? fill[plane] : 0;
        for (int64_t y = 0; y < height; y++) {
            const int64_t from = plane * source.plane_stride + rows[y] * source.row_stride;
            const int64_t to = (plane * height + y) * width;
            if (dtype == MK_UINT8)
                gather_bytes(rows[y] < 0 ? NULL : (const uint8_t *)source.data + from, columns, width, outside,
                    (uint8_t *)target + to);
            else
                gather_floats(rows[y] < 0 ? NULL : (const float *)source.data + from, columns, width, outside,
                    (float *)target + to);
        }
    }
}

void mk_image_split(int64_t count, int64_t channels, const uint8_t *pixels, uint8_t *planes) {
    for (int64_t channel = 0; channel < channels; channel++)
        for (int64_t i = 0; i < count; i++) planes[channel * count + i] = pixels[i * channels + channel];
}

void mk_image_join(int64_t count, int64_t channels, const uint8_t *planes, uint8_t *pixels) {
    for (int64_t channel = 0; channel < channels; channel++)
        for (int64_t i = 0; i < count; i++) pixels[i * channels + channel] = planes[channel * count + i];
}
