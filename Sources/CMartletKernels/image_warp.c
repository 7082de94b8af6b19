// Pictures moved by a map from the target's pixels to places in the source.
//
// The arithmetic is torchvision's affine_grid and grid_sample in float32, step by step: which sample is nearest, and whether
// a place lies inside, then agree at the borders too.
#include <math.h>
#include <stdlib.h>

#include "matmul_clones.h"
#include "mk_image.h"

/// What one row of the target needs: places in the source, in pixels, then indices and weights.
typedef struct {
    float *x, *y;
    /// Four corners of each pixel, or its nearest sample; -1 outside.
    int32_t *offsets;
    /// The corners' weights, 0 outside; their sum is how much of the pixel lies inside.
    float *weights;
} row_scratch;

/// The i-th of `count` steps of one from (1 - count) / 2 on.
static inline float from_center(int64_t i, int64_t count) { return (float)(1 - count) * 0.5f + (float)i; }

/// The i-th of `count` numbers from (1 - count) / count to (count - 1) / count, as torch.linspace rounds them.
static inline float identity(int64_t i, int64_t count) {
    const float start = (float)((double)(1 - count) / (double)count), end = (float)((double)(count - 1) / (double)count);
    if (count == 1) return start;
    const float step = (end - start) / (float)(count - 1);
    return i < count / 2 ? start + step * (float)i : end - step * (float)(count - i - 1);
}

static inline float in_pixels(float place, float half) { return (place + 1) * half - 0.5f; }

static MK_CLONES void locate_affine(
    const float *c, int64_t row, int64_t height, int64_t width, float half_w, float half_h, float *x, float *y) {
    const float across[] = {c[0] / half_w, c[1] / half_w, c[2] / half_w};
    const float down[] = {c[3] / half_h, c[4] / half_h, c[5] / half_h};
    const float v = from_center(row, height);
    for (int64_t i = 0; i < width; i++) {
        const float u = from_center(i, width);
        x[i] = in_pixels(__builtin_fmaf(v, across[1], u * across[0]) + across[2], half_w);
        y[i] = in_pixels(__builtin_fmaf(v, down[1], u * down[0]) + down[2], half_h);
    }
}

static MK_CLONES void locate_perspective(
    const float *c, int64_t row, int64_t height, int64_t width, float half_w, float half_h, float *x, float *y) {
    const float out_w = 0.5f * (float)width, out_h = 0.5f * (float)height;
    const float across[] = {c[0] / out_w, c[1] / out_w, c[2] / out_w};
    const float down[] = {c[3] / out_h, c[4] / out_h, c[5] / out_h};
    const float v = (float)row + 0.5f;
    for (int64_t i = 0; i < width; i++) {
        const float u = (float)i + 0.5f;
        const float divisor = __builtin_fmaf(v, c[7], u * c[6]) + 1;
        x[i] = in_pixels((__builtin_fmaf(v, across[1], u * across[0]) + across[2]) / divisor - 1, half_w);
        y[i] = in_pixels((__builtin_fmaf(v, down[1], u * down[0]) + down[2]) / divisor - 1, half_h);
    }
}

static MK_CLONES void locate_field(
    const float *field, int64_t row, int64_t height, int64_t width, float half_w, float half_h, float *x, float *y) {
    const float v = identity(row, height);
    field += row * width * 2;
    for (int64_t i = 0; i < width; i++) {
        x[i] = in_pixels(identity(i, width) + field[2 * i], half_w);
        y[i] = in_pixels(v + field[2 * i + 1], half_h);
    }
}

static void locate(const mk_image_map *map, int64_t row, int64_t height, int64_t width, const mk_image_view *source,
    const row_scratch *scratch) {
    const float half_w = 0.5f * (float)source->width, half_h = 0.5f * (float)source->height;
    switch (map->kind) {
    case MK_IMAGE_AFFINE:
        locate_affine(map->coefficients, row, height, width, half_w, half_h, scratch->x, scratch->y);
        break;
    case MK_IMAGE_PERSPECTIVE:
        locate_perspective(map->coefficients, row, height, width, half_w, half_h, scratch->x, scratch->y);
        break;
    case MK_IMAGE_FIELD:
        locate_field(map->field, row, height, width, half_w, half_h, scratch->x, scratch->y);
        break;
    }
}

static MK_CLONES void find_nearest(const mk_image_view *source, int64_t count, const row_scratch *scratch) {
    const float width = (float)source->width, height = (float)source->height;
    const int32_t stride = (int32_t)source->row_stride;
    for (int64_t i = 0; i < count; i++) {
        const float x = __builtin_rintf(scratch->x[i]), y = __builtin_rintf(scratch->y[i]);
        const int inside = (x >= 0) & (x < width) & (y >= 0) & (y < height);
        scratch->offsets[i] = inside ? (int32_t)y * stride + (int32_t)x : -1;
    }
}

/// Offsets and weights of the four samples around each place. Offsets outside are 0, with weight 0.
static MK_CLONES void find_corners(const mk_image_view *source, int64_t count, const row_scratch *scratch) {
    const float width = (float)source->width, height = (float)source->height;
    const int32_t stride = (int32_t)source->row_stride;
    int32_t *offsets = scratch->offsets;
    float *weights = scratch->weights;
    for (int64_t i = 0; i < count; i++) {
        const float x = scratch->x[i], y = scratch->y[i], left = floorf(x), top = floorf(y);
        const int in_left = (left >= 0) & (left < width), in_right = (left >= -1) & (left < width - 1);
        const int in_top = (top >= 0) & (top < height), in_bottom = (top >= -1) & (top < height - 1);
        const float to_left = x - left, to_top = y - top, to_right = left + 1 - x, to_bottom = top + 1 - y;
        const int in[] = {in_left & in_top, in_right & in_top, in_left & in_bottom, in_right & in_bottom};
        // A place far outside is no number of an int32.
        const int any = in[0] | in[1] | in[2] | in[3];
        const int32_t base = any ? (int32_t)top * stride + (int32_t)left : 0;
        offsets[i] = in[0] ? base : 0;
        offsets[count + i] = in[1] ? base + 1 : 0;
        offsets[2 * count + i] = in[2] ? base + stride : 0;
        offsets[3 * count + i] = in[3] ? base + stride + 1 : 0;
        weights[i] = in[0] ? to_right * to_bottom : 0;
        weights[count + i] = in[1] ? to_left * to_bottom : 0;
        weights[2 * count + i] = in[2] ? to_right * to_top : 0;
        weights[3 * count + i] = in[3] ? to_left * to_top : 0;
    }
}

#define ROUND_BYTE(value) ((uint8_t)(int32_t)__builtin_rintf(value))
#define KEEP(value) (value)

#define DEFINE_SAMPLING(NAME, T, STORE) \
    static MK_CLONES void nearest_##NAME( \
        const T *source, int64_t count, const int32_t *offsets, const float *fill, T *target) { \
        const T outside = fill ? STORE(*fill) : 0; \
        for (int64_t i = 0; i < count; i++) target[i] = offsets[i] < 0 ? outside : source[offsets[i]]; \
    } \
    static MK_CLONES void bilinear_##NAME( \
        const T *source, int64_t count, const int32_t *offsets, const float *weights, const float *fill, T *target) { \
        for (int64_t i = 0; i < count; i++) { \
            float value = (float)source[offsets[i]] * weights[i]; \
            value = __builtin_fmaf((float)source[offsets[count + i]], weights[count + i], value); \
            value = __builtin_fmaf((float)source[offsets[2 * count + i]], weights[2 * count + i], value); \
            value = __builtin_fmaf((float)source[offsets[3 * count + i]], weights[3 * count + i], value); \
            if (fill) { \
                const float inside = \
                    weights[i] + weights[count + i] + weights[2 * count + i] + weights[3 * count + i]; \
                value = (value - *fill) * inside + *fill; \
            } \
            target[i] = STORE(value); \
        } \
    }

DEFINE_SAMPLING(bytes, uint8_t, ROUND_BYTE)
DEFINE_SAMPLING(floats, float, KEEP)

static void sample_row(int dtype, const mk_image_view *source, int64_t plane, int64_t count, const row_scratch *scratch,
    bool bilinear, const float *fill, void *target) {
    const int64_t start = plane * source->plane_stride;
    if (dtype == MK_UINT8) {
        const uint8_t *from = (const uint8_t *)source->data + start;
        if (bilinear)
            bilinear_bytes(from, count, scratch->offsets, scratch->weights, fill, target);
        else
            nearest_bytes(from, count, scratch->offsets, fill, target);
    } else {
        const float *from = (const float *)source->data + start;
        if (bilinear)
            bilinear_floats(from, count, scratch->offsets, scratch->weights, fill, target);
        else
            nearest_floats(from, count, scratch->offsets, fill, target);
    }
}

bool mk_image_warp(
    int dtype, mk_image_view source, int64_t height, int64_t width, const mk_image_map *map, bool bilinear,
    const float *fill, void *target) {
    const size_t count = (size_t)width;
    float *memory = malloc(count * 10 * sizeof(float));
    if (!memory) return false;
    const row_scratch scratch = {memory, memory + count, (int32_t *)(memory + 2 * count), memory + 6 * count};
    const int64_t element = dtype == MK_UINT8 ? 1 : 4;
    for (int64_t y = 0; y < height; y++) {
        locate(map, y, height, width, &source, &scratch);
        (bilinear ? find_corners : find_nearest)(&source, width, &scratch);
        for (int64_t plane = 0; plane < source.planes; plane++) {
            char *row = (char *)target + (plane * height + y) * width * element;
            sample_row(dtype, &source, plane, width, &scratch, bilinear, fill ? fill + plane : NULL, row);
        }
    }
    free(memory);
    return true;
}
