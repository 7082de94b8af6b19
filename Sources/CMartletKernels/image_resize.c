// Separable resampling of pictures: each target sample is a weighted sum of neighbouring source samples.
//
// 8-bit samples follow Pillow, which PyTorch follows too: weights are rounded to 16 bits with as many binary places as the
// largest one leaves, sums are rounded after the horizontal pass and again after the vertical one.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "matmul_clones.h"
#include "mk_image.h"

#define MAX_PLACES 22
/// Weights of one target sample are padded to a multiple of this, so that a row of them is a few whole vectors.
#define LANES 8

typedef struct {
    /// Weights of a target sample, padding included.
    int64_t taps;
    /// The first source sample of each target sample.
    int32_t *starts;
    float *weights;
    int16_t *rounded;
    int places;
} weight_table;

static double triangle(double x) {
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double cubic(double x, double a) {
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static double sinc(double x) {
    if (x == 0) return 1;
    x *= M_PI;
    return sin(x) / x;
}

static double evaluate(mk_image_filter filter, double x) {
    switch (filter) {
    case MK_IMAGE_BICUBIC: return cubic(x, -0.5);
    case MK_IMAGE_LANCZOS: return fabs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
    default: return triangle(x);
    }
}

static double radius(mk_image_filter filter) {
    return filter == MK_IMAGE_LANCZOS ? 3 : filter == MK_IMAGE_BICUBIC ? 2 : 1;
}

/// Weights of target sample `i`, into `weights`; the first source sample's index. The window that `taps` samples span is
/// moved inside the source.
static int32_t antialiased(int64_t i, int64_t size, double scale, mk_image_filter filter, int64_t taps, double *weights) {
    const double stretch = scale > 1 ? scale : 1, center = scale * ((double)i + 0.5), support = radius(filter) * stretch;
    int64_t first = (int64_t)(center - support + 0.5), last = (int64_t)(center + support + 0.5);
    if (first < 0) first = 0;
    if (last > size) last = size;
    const int64_t start = first + taps > size ? (size > taps ? size - taps : 0) : first;
    double total = 0;
    for (int64_t j = 0; j < taps; j++) weights[j] = 0;
    for (int64_t j = first; j < last; j++) {
        const double weight = evaluate(filter, ((double)j - center + 0.5) / stretch);
        weights[j - start] = weight;
        total += weight;
    }
    if (total != 0)
        for (int64_t j = 0; j < taps; j++) weights[j] /= total;
    return (int32_t)start;
}

/// As above for a filter of the source's own grid; what would lie outside falls to the border's sample.
static int32_t plain(int64_t i, int64_t size, double scale, mk_image_filter filter, int64_t taps, double *weights) {
    double place = scale * ((double)i + 0.5) - 0.5;
    if (filter == MK_IMAGE_BILINEAR && place < 0) place = 0;
    const int64_t base = (int64_t)floor(place);
    const double fraction = place - (double)base;
    const int64_t reach = filter == MK_IMAGE_BILINEAR ? 0 : 1, first = base - reach;
    const int64_t inside = first < 0 ? 0 : first;
    const int64_t start = inside + taps > size ? (size > taps ? size - taps : 0) : inside;
    for (int64_t j = 0; j < taps; j++) weights[j] = 0;
    for (int64_t j = first; j <= base + 1 + reach; j++) {
        const double distance = (double)(j - base) - fraction;
        const int64_t at = j < 0 ? 0 : j >= size ? size - 1 : j;
        weights[at - start] += filter == MK_IMAGE_BILINEAR ? triangle(distance) : cubic(distance, -0.75);
    }
    return (int32_t)start;
}

static void round_weights(weight_table *table, int64_t count, const double *exact) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) {
        table->weights[i] = (float)exact[i];
        if (exact[i] > largest) largest = exact[i];
    }
    for (table->places = 0; table->places < MAX_PLACES; table->places++)
        if ((int64_t)(0.5 + largest * (double)(1 << (table->places + 1))) >= 1 << 15) break;
    for (int64_t i = 0; i < count; i++) {
        const double value = exact[i] * (1 << table->places);
        table->rounded[i] = (int16_t)(value < 0 ? value - 0.5 : value + 0.5);
    }
}

static void release(weight_table *table) {
    free(table->starts);
    free(table->weights);
    free(table->rounded);
}

static bool prepare(weight_table *table, int64_t from, int64_t to, mk_image_filter filter, bool antialias) {
    const double scale = (double)from / (double)to;
    const bool widens = antialias || filter == MK_IMAGE_LANCZOS;
    const double support = radius(filter) * (widens && scale > 1 ? scale : 1);
    const int64_t needed = (int64_t)ceil(support) * 2 + 1;
    table->taps = (needed + LANES - 1) / LANES * LANES;
    if (table->taps > from) table->taps = from;
    table->starts = malloc((size_t)to * sizeof(int32_t));
    table->weights = malloc((size_t)(to * table->taps) * sizeof(float));
    table->rounded = malloc((size_t)(to * table->taps) * sizeof(int16_t));
    double *exact = malloc((size_t)(to * table->taps) * sizeof(double));
    const bool succeeds = table->starts && table->weights && table->rounded && exact;
    for (int64_t i = 0; succeeds && i < to; i++)
        table->starts[i] =
            (widens ? antialiased : plain)(i, from, scale, filter, table->taps, exact + i * table->taps);
    if (succeeds) round_weights(table, to * table->taps, exact);
    free(exact);
    return succeeds;
}

static inline uint8_t clip(int32_t value) { return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value); }

static MK_CLONES void across_bytes(
    const uint8_t *source, int64_t stride, int64_t rows, const weight_table *table, int64_t width, uint8_t *target) {
    const int64_t taps = table->taps;
    const int32_t half = 1 << (table->places - 1);
    const int places = table->places;
    for (int64_t y = 0; y < rows; y++, source += stride, target += width) {
        if (taps == LANES) {
            for (int64_t x = 0; x < width; x++) {
                const uint8_t *from = source + table->starts[x];
                const int16_t *weights = table->rounded + x * LANES;
                int32_t sum = half;
                for (int j = 0; j < LANES; j++) sum += (int32_t)from[j] * weights[j];
                target[x] = clip(sum >> places);
            }
            continue;
        }
        for (int64_t x = 0; x < width; x++) {
            const uint8_t *from = source + table->starts[x];
            const int16_t *weights = table->rounded + x * taps;
            int32_t sum = half;
            for (int64_t j = 0; j < taps; j++) sum += (int32_t)from[j] * weights[j];
            target[x] = clip(sum >> places);
        }
    }
}

static MK_CLONES void across_floats(
    const float *source, int64_t stride, int64_t rows, const weight_table *table, int64_t width, float *target) {
    const int64_t taps = table->taps;
    for (int64_t y = 0; y < rows; y++, source += stride, target += width) {
        for (int64_t x = 0; x < width; x++) {
            const float *from = source + table->starts[x];
            const float *weights = table->weights + x * taps;
            float sum = 0;
            for (int64_t j = 0; j < taps; j++) sum += from[j] * weights[j];
            target[x] = sum;
        }
    }
}

/// Columns summed at a time: their sums stay in registers or the first-level cache.
#define COLUMNS 64

static MK_CLONES void down_bytes(
    const uint8_t *source, int64_t stride, int64_t width, const weight_table *table, int64_t height, uint8_t *target) {
    for (int64_t y = 0; y < height; y++) {
        const uint8_t *from = source + table->starts[y] * stride;
        const int16_t *weights = table->rounded + y * table->taps;
        int64_t first = 0, last = table->taps;
        while (first < last - 1 && weights[first] == 0) first++;
        while (last > first + 1 && weights[last - 1] == 0) last--;
        for (int64_t x = 0; x < width; x += COLUMNS) {
            const int64_t count = width - x < COLUMNS ? width - x : COLUMNS;
            int32_t sums[COLUMNS];
            for (int64_t i = 0; i < count; i++) sums[i] = 1 << (table->places - 1);
            for (int64_t j = first; j < last; j++) {
                const uint8_t *row = from + j * stride + x;
                const int32_t weight = weights[j];
                for (int64_t i = 0; i < count; i++) sums[i] += row[i] * weight;
            }
            for (int64_t i = 0; i < count; i++) target[y * width + x + i] = clip(sums[i] >> table->places);
        }
    }
}

static MK_CLONES void down_floats(
    const float *source, int64_t stride, int64_t width, const weight_table *table, int64_t height, float *target) {
    for (int64_t y = 0; y < height; y++) {
        const float *from = source + table->starts[y] * stride;
        const float *weights = table->weights + y * table->taps;
        float *sums = target + y * width;
        memset(sums, 0, (size_t)width * sizeof(float));
        for (int64_t j = 0; j < table->taps; j++) {
            if (weights[j] == 0) continue;
            for (int64_t x = 0; x < width; x++) sums[x] += from[j * stride + x] * weights[j];
        }
    }
}

static void copy_rows(const char *source, int64_t stride, int64_t rows, int64_t size, char *target) {
    for (int64_t y = 0; y < rows; y++) memcpy(target + y * size, source + y * stride, (size_t)size);
}

/// PyTorch finds these indices in float32; nearest pictures are only equal where they are found alike.
static void nearest_indices(int64_t from, int64_t to, bool exact, int32_t *indices) {
    const float scale = (float)from / (float)to;
    for (int64_t i = 0; i < to; i++) {
        const int64_t index = (int64_t)floorf(exact ? ((float)i + 0.5f) * scale : (float)i * scale);
        indices[i] = (int32_t)(index < from ? index : from - 1);
    }
}

static bool resize_nearest(
    int dtype, const mk_image_view *source, int64_t height, int64_t width, bool exact, void *target) {
    int32_t *indices = malloc((size_t)(height + width) * sizeof(int32_t));
    if (!indices) return false;
    nearest_indices(source->height, height, exact, indices);
    nearest_indices(source->width, width, exact, indices + height);
    mk_image_gather(dtype, *source, indices, height, indices + height, width, NULL, target);
    free(indices);
    return true;
}

bool mk_image_resize(
    int dtype, mk_image_view source, int64_t height, int64_t width, mk_image_filter filter, bool antialias, void *target) {
    if (filter <= MK_IMAGE_NEAREST_EXACT)
        return resize_nearest(dtype, &source, height, width, filter == MK_IMAGE_NEAREST_EXACT, target);
    const bool across = width != source.width, down = height != source.height;
    const int64_t element = dtype == MK_UINT8 ? 1 : 4;
    weight_table columns = {0}, rows = {0};
    char *between = malloc((size_t)(source.height * width * element));
    const bool succeeds = between && (!across || prepare(&columns, source.width, width, filter, antialias))
        && (!down || prepare(&rows, source.height, height, filter, antialias));
    for (int64_t plane = 0; succeeds && plane < source.planes; plane++) {
        const char *from = (const char *)source.data + plane * source.plane_stride * element;
        char *to = (char *)target + plane * height * width * element, *middle = down ? between : to;
        if (!across) {
            copy_rows(from, source.row_stride * element, source.height, width * element, middle);
        } else if (dtype == MK_UINT8) {
            across_bytes((const uint8_t *)from, source.row_stride, source.height, &columns, width, (uint8_t *)middle);
        } else {
            across_floats((const float *)from, source.row_stride, source.height, &columns, width, (float *)middle);
        }
        if (!down) continue;
        if (dtype == MK_UINT8)
            down_bytes((const uint8_t *)middle, width, width, &rows, height, (uint8_t *)to);
        else
            down_floats((const float *)middle, width, width, &rows, height, (float *)to);
    }
    release(&columns);
    release(&rows);
    free(between);
    return succeeds;
}
