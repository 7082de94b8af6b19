// Pictures on the host: planes of 8-bit or float32 samples, one after another, each row by row.
//
// Types are MK_UINT8 (0 to 255) and MK_FLOAT32 (0 to 1). Nothing here starts threads: pictures are changed by a loader's
// workers, one each. A result of false says that memory was not to be had.
#ifndef MK_IMAGE_H
#define MK_IMAGE_H

#include <stdbool.h>

#include "mk_types.h"

/// Where a picture's samples lie, or a part's of it. Strides count samples.
typedef struct {
    const void *data;
    int64_t planes, height, width;
    int64_t plane_stride, row_stride;
} mk_image_view;

typedef enum {
    /// The sample at floor(i * scale).
    MK_IMAGE_NEAREST,
    /// The sample at floor((i + 1/2) * scale).
    MK_IMAGE_NEAREST_EXACT,
    /// The triangle of width 2.
    MK_IMAGE_BILINEAR,
    /// Keys's cubic, a = -1/2 where antialiased and -3/4 where not.
    MK_IMAGE_BICUBIC,
    /// sinc(x) sinc(x / 3); always antialiased.
    MK_IMAGE_LANCZOS
} mk_image_filter;

/// Resizes to planes of `height` rows of `width` samples, horizontally and then vertically; an antialiased filter is as much
/// wider as the picture gets smaller. 8-bit samples are rounded after each direction, with weights of 16 bits, as Pillow does.
bool mk_image_resize(
    int dtype, mk_image_view source, int64_t height, int64_t width, mk_image_filter filter, bool antialias, void *target);

typedef enum { MK_IMAGE_AFFINE, MK_IMAGE_PERSPECTIVE, MK_IMAGE_FIELD } mk_image_map_kind;

/// From a target's pixel to the place in the source that it shows, both with (-1, -1) and (1, 1) at the outer corners.
typedef struct {
    mk_image_map_kind kind;
    /// Affine: rows x and y in pixels from the centre to pixels from the centre. Perspective: a ... h of
    /// ((a x + b y + c) / (g x + h y + 1), (d x + e y + f) / (g x + h y + 1)) in pixels from the corner.
    float coefficients[8];
    /// Field: what is added to a pixel's own place, x and y of each pixel side by side.
    const float *field;
} mk_image_map;

/// target(x, y) = source(map(x, y)); bilinearly or from the nearest sample. Outside the source is 0, or `fill` where it is not
/// NULL: one value a plane.
bool mk_image_warp(
    int dtype, mk_image_view source, int64_t height, int64_t width, const mk_image_map *map, bool bilinear,
    const float *fill, void *target);

/// Rows reversed.
void mk_image_flip(int dtype, mk_image_view source, void *target);
/// Rows become columns.
void mk_image_transpose(int dtype, mk_image_view source, void *target);
/// target(y, x) = source(rows[y], columns[x]), or its plane's `fill` where either index is negative.
void mk_image_gather(
    int dtype, mk_image_view source, const int32_t *rows, int64_t height, const int32_t *columns, int64_t width,
    const float *fill, void *target);
/// Pixels of 1 to 4 bytes as planes, and back.
void mk_image_split(int64_t count, int64_t channels, const uint8_t *pixels, uint8_t *planes);
void mk_image_join(int64_t count, int64_t channels, const uint8_t *planes, uint8_t *pixels);

/// Convolves with the outer product of two kernels of odd sizes; borders reflect. 8-bit samples are rounded to even at the end.
bool mk_image_blur(
    int dtype, mk_image_view source, const float *across, int64_t across_size, const float *down, int64_t down_size,
    void *target);

/// x + (1 - factor) (blurred - x) inside, x at the border; blurred is the mean of nine with weight 5 in the middle.
void mk_image_sharpen(int dtype, mk_image_view source, double factor, void *target);

/// y = table[x].
void mk_image_lookup(int64_t count, const uint8_t *x, const uint8_t *table, uint8_t *y);
/// counts[v] = how many of x are v.
void mk_image_histogram(int64_t count, const uint8_t *x, int64_t *counts);
/// y = ratio x + (1 - ratio) other, clamped to [0, 1].
void mk_image_blend(int64_t count, const float *x, double ratio, float other, float *y);
/// y = x / 255.
void mk_image_to_float(int64_t count, const uint8_t *x, float *y);
/// y = floor(255.999 x), so that each of 256 values has an equal share of [0, 1].
void mk_image_to_byte(int64_t count, const float *x, uint8_t *y);
/// y = (x - mean) / deviation.
void mk_image_normalize(int64_t count, const float *x, float mean, float deviation, float *y);

// Of red, green and blue planes of `count` samples, one after another.

/// luma = 0.2989 R + 0.587 G + 0.114 B, rounded down where samples have 8 bits.
void mk_image_luma(int dtype, int64_t count, const void *x, void *luma);
/// The sum of all luma.
double mk_image_luma_sum(int dtype, int64_t count, const void *x);
/// y = ratio x + (1 - ratio) luma, clamped.
void mk_image_saturate(int dtype, int64_t count, const void *x, double ratio, void *y);
/// Hue, saturation and value, the hue turned by `turns`, and back.
void mk_image_turn_hue(int dtype, int64_t count, const void *x, float turns, void *y);

/// Numbers uniform in [-1, 1), from SplitMix64 behind `seed`.
void mk_image_uniforms(uint64_t seed, int64_t count, float *y);
/// Standard normal numbers, by Box and Muller from SplitMix64 behind `seed`.
void mk_image_normals(uint64_t seed, int64_t count, float *y);

#endif
