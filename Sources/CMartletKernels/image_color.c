// Pictures' samples changed one by one, or a pixel's three together.
#include "matmul_clones.h"
#include "mk_image.h"
#include "tile_math.h"

void mk_image_lookup(int64_t count, const uint8_t *x, const uint8_t *table, uint8_t *y) {
    for (int64_t i = 0; i < count; i++) y[i] = table[x[i]];
}

void mk_image_histogram(int64_t count, const uint8_t *x, int64_t *counts) {
    // Four tables: equal neighbours do not wait for each other's count.
    uint32_t parts[4][256] = {{0}};
    int64_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (int part = 0; part < 4; part++) parts[part][x[i + part]]++;
    for (; i < count; i++) parts[0][x[i]]++;
    for (int v = 0; v < 256; v++)
        counts[v] = (int64_t)parts[0][v] + parts[1][v] + parts[2][v] + parts[3][v];
}

/// The comparisons are so written that a NaN becomes 0.
static inline float clamped(float value, float limit) { return value > 0 ? value < limit ? value : limit : 0; }

MK_CLONES void mk_image_blend(int64_t count, const float *x, double ratio, float other, float *y) {
    const float own = (float)ratio, rest = (float)(1 - ratio);
    for (int64_t i = 0; i < count; i++) y[i] = clamped(__builtin_fmaf(other, rest, x[i] * own), 1);
}

MK_CLONES void mk_image_to_float(int64_t count, const uint8_t *x, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = (float)x[i] * (1.0f / 255.0f);
}

MK_CLONES void mk_image_to_byte(int64_t count, const float *x, uint8_t *y) {
    for (int64_t i = 0; i < count; i++) y[i] = (uint8_t)(int32_t)clamped(x[i] * 255.999f, 255);
}

MK_CLONES void mk_image_normalize(int64_t count, const float *x, float mean, float deviation, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = (x[i] - mean) / deviation;
}

static inline float luma(float red, float green, float blue) {
    return __builtin_fmaf(blue, 0.114f, __builtin_fmaf(green, 0.587f, red * 0.2989f));
}

#define SAME(value) (value)

#define DEFINE_LUMA(NAME, T, LIMIT, ROUND) \
    static MK_CLONES void luma_##NAME(int64_t count, const T *x, T *y) { \
        const T *green = x + count, *blue = green + count; \
        for (int64_t i = 0; i < count; i++) y[i] = (T)luma((float)x[i], (float)green[i], (float)blue[i]); \
    } \
    static MK_CLONES double luma_sum_##NAME(int64_t count, const T *x) { \
        const T *green = x + count, *blue = green + count; \
        double sum = 0; \
        for (int64_t start = 0; start < count; start += 256) { \
            /* Lanes by hand: a compiler may not reorder a sum by itself. */ \
            const int64_t end = start + 256 < count ? start + 256 : count; \
            float lanes[16] = {0}; \
            for (int64_t i = start; i + 16 <= end; i += 16) \
                for (int j = 0; j < 16; j++) \
                    lanes[j] += ROUND(luma((float)x[i + j], (float)green[i + j], (float)blue[i + j])); \
            for (int64_t i = end - (end - start) % 16; i < end; i++) \
                lanes[0] += ROUND(luma((float)x[i], (float)green[i], (float)blue[i])); \
            for (int j = 0; j < 16; j++) sum += (double)lanes[j]; \
        } \
        return sum; \
    } \
    static MK_CLONES void saturate_##NAME(int64_t count, const T *x, double ratio, T *y) { \
        const T *green = x + count, *blue = green + count; \
        const float own = (float)ratio, rest = (float)(1 - ratio); \
        for (int64_t i = 0; i < count; i++) { \
            const float red_value = (float)x[i], green_value = (float)green[i], blue_value = (float)blue[i]; \
            const float gray = ROUND(luma(red_value, green_value, blue_value)); \
            y[i] = (T)clamped(__builtin_fmaf(gray, rest, red_value * own), LIMIT); \
            y[count + i] = (T)clamped(__builtin_fmaf(gray, rest, green_value * own), LIMIT); \
            y[2 * count + i] = (T)clamped(__builtin_fmaf(gray, rest, blue_value * own), LIMIT); \
        } \
    }

DEFINE_LUMA(bytes, uint8_t, 255.0f, floorf)
DEFINE_LUMA(floats, float, 1.0f, SAME)

void mk_image_luma(int dtype, int64_t count, const void *x, void *y) {
    if (dtype == MK_UINT8)
        luma_bytes(count, x, y);
    else
        luma_floats(count, x, y);
}

double mk_image_luma_sum(int dtype, int64_t count, const void *x) {
    return dtype == MK_UINT8 ? luma_sum_bytes(count, x) : luma_sum_floats(count, x);
}

void mk_image_saturate(int dtype, int64_t count, const void *x, double ratio, void *y) {
    if (dtype == MK_UINT8)
        saturate_bytes(count, x, ratio, y);
    else
        saturate_floats(count, x, ratio, y);
}

typedef struct {
    float red, green, blue;
} color;

/// Without branches, so that whole vectors of pixels are turned at once.
static inline __attribute__((always_inline)) color turned(color c, float turns) {
    const float low = fminf(fminf(c.red, c.green), c.blue), value = fmaxf(fmaxf(c.red, c.green), c.blue);
    const float range = value - low, divisor = range == 0 ? 1 : range;
    const float saturation = range / (range == 0 ? 1 : value);
    const float rc = (value - c.red) / divisor, gc = (value - c.green) / divisor, bc = (value - c.blue) / divisor;
    const float from_red = bc - gc, from_green = rc + 2 - bc, from_blue = gc + 4 - rc;
    float hue = value == c.red ? from_red : value == c.green ? from_green : from_blue;
    hue = hue * (1.0f / 6.0f) + 1;
    hue = hue - floorf(hue) + turns;
    hue -= floorf(hue);
    const float sixths = hue * 6, sector = floorf(sixths), fraction = sixths - sector;
    const float p = clamped(value * (1 - saturation), 1), q = clamped(value * (1 - saturation * fraction), 1);
    const float t = clamped(value * (1 - saturation + saturation * fraction), 1);
    // A hue that rounds up to a whole turn is sector 6, which is sector 0.
    const int place = (int)sector == 6 ? 0 : (int)sector;
    const float red = place == 0 || place == 5 ? value : place == 1 ? q : place == 4 ? t : p;
    const float green = place == 1 || place == 2 ? value : place == 0 ? t : place == 3 ? q : p;
    const float blue = place == 3 || place == 4 ? value : place == 2 ? t : place == 5 ? q : p;
    return (color){red, green, blue};
}

static MK_CLONES void turn_bytes(int64_t count, const uint8_t *x, float turns, uint8_t *y) {
    const float scale = 1.0f / 255.0f;
    const uint8_t *green = x + count, *blue = green + count;
    for (int64_t i = 0; i < count; i++) {
        const color c = turned((color){(float)x[i] * scale, (float)green[i] * scale, (float)blue[i] * scale}, turns);
        y[i] = (uint8_t)(int32_t)clamped(c.red * 255.999f, 255);
        y[count + i] = (uint8_t)(int32_t)clamped(c.green * 255.999f, 255);
        y[2 * count + i] = (uint8_t)(int32_t)clamped(c.blue * 255.999f, 255);
    }
}

static MK_CLONES void turn_floats(int64_t count, const float *x, float turns, float *y) {
    const float *green = x + count, *blue = green + count;
    for (int64_t i = 0; i < count; i++) {
        const color c = turned((color){x[i], green[i], blue[i]}, turns);
        y[i] = c.red;
        y[count + i] = c.green;
        y[2 * count + i] = c.blue;
    }
}

void mk_image_turn_hue(int dtype, int64_t count, const void *x, float turns, void *y) {
    if (dtype == MK_UINT8)
        turn_bytes(count, x, turns, y);
    else
        turn_floats(count, x, turns, y);
}

/// SplitMix64's number at place `i` behind the seed (Steele, Lea, Flood 2014).
static inline uint64_t mixed(uint64_t seed, uint64_t i) {
    uint64_t z = seed + (i + 1) * 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

MK_CLONES void mk_image_uniforms(uint64_t seed, int64_t count, float *y) {
    for (int64_t i = 0; i < count; i++) y[i] = (float)(mixed(seed, (uint64_t)i) >> 40) * 0x1p-23f - 1;
}

/// The cosine and the sine of so many turns, from 0 to 1: polynomials over an eighth of a turn to either side of the nearest
/// quarter, within 4e-7.
static inline void turn(float turns, float *cosine, float *sine) {
    const float quarters = turns * 4, nearest = __builtin_rintf(quarters);
    const float x = (quarters - nearest) * 1.57079633f, square = x * x;
    const float s = x * (1 + square * (-1.0f / 6 + square * (1.0f / 120 - square * (1.0f / 5040))));
    const float c = 1 + square * (-0.5f + square * (1.0f / 24 + square * (-1.0f / 720 + square * (1.0f / 40320))));
    const int quarter = (int)nearest & 3;
    const float swapped_c = quarter & 1 ? s : c, swapped_s = quarter & 1 ? c : s;
    *cosine = quarter == 1 || quarter == 2 ? -swapped_c : swapped_c;
    *sine = quarter >= 2 ? -swapped_s : swapped_s;
}

/// In blocks, so that each of the two loops is vector code and its numbers stay in the first-level cache.
#define BLOCK 512

static MK_CLONES void normal_block(uint64_t seed, uint64_t start, int64_t pairs, float *cosines, float *sines) {
    for (int64_t i = 0; i < pairs; i++) {
        const uint64_t bits = mixed(seed, start + (uint64_t)i);
        // In (0, 1]: its logarithm is a number.
        const float first = ((float)(int32_t)(bits >> 40) + 1) * 0x1p-24f;
        const float second = (float)(int32_t)(bits & 0xFFFFFF) * 0x1p-24f;
        const float length = sqrtf(-2 * tile_log(first));
        float cosine, sine;
        turn(second, &cosine, &sine);
        cosines[i] = length * cosine;
        sines[i] = length * sine;
    }
}

void mk_image_normals(uint64_t seed, int64_t count, float *y) {
    float cosines[BLOCK], sines[BLOCK];
    for (int64_t start = 0; start < count; start += 2 * BLOCK) {
        const int64_t rest = count - start, pairs = rest < 2 * BLOCK ? (rest + 1) / 2 : BLOCK;
        normal_block(seed, (uint64_t)(start / 2), pairs, cosines, sines);
        for (int64_t i = 0; i < rest && i < 2 * BLOCK; i++) y[start + i] = i % 2 ? sines[i / 2] : cosines[i / 2];
    }
}
