// Elementary functions in float32, branch-free so that loops over them become vector code. Errors are in units in the last
// place against the exact value; the tests hold them to it. Written for -ffp-contract=off and without -ffast-math: the
// rounding tricks depend on it.
#ifndef TILE_MATH_H
#define TILE_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define TILE_INLINE static inline __attribute__((always_inline))

TILE_INLINE float tile_from_bits(int32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

TILE_INLINE int32_t tile_bits(float value) {
    int32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

/// e^x: x = n·ln 2 + r with |r| <= ln 2 / 2, a polynomial in r, and the power of two in two halves so that denormal results
/// and overflow come out right. 2 ulp.
TILE_INLINE float tile_exp(float x) {
    float c = x < -104.0f ? -104.0f : x;
    c = c > 89.0f ? 89.0f : c;
    const float magic = 12582912.0f;  // 1.5 · 2^23: adding it rounds to a whole number
    float shifted = c * 1.44269504f + magic;
    float n = shifted - magic;
    float r = c - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    int32_t whole = tile_bits(shifted) - 0x4B400000;
    int32_t half = whole >> 1;
    float low = tile_from_bits((half + 127) << 23);
    float high = tile_from_bits((whole - half + 127) << 23);
    float result = p * low * high;
    return x != x ? x : result;
}

/// ln x: x = 2^e·m with m in [√½, √2), a polynomial in m - 1. 2 ulp.
TILE_INLINE float tile_log(float x) {
    int tiny = x < 1.17549435e-38f;
    float scaled = tiny ? x * 8388608.0f : x;
    int32_t bits = tile_bits(scaled);
    int32_t exponent = (bits >> 23) - 126 - (tiny ? 23 : 0);
    float m = tile_from_bits((bits & 0x007FFFFF) | 0x3F000000);
    int below = m < 0.70710678f;
    float e = (float)(exponent - (below ? 1 : 0));
    float t = (below ? m + m : m) - 1.0f;
    float z = t * t;
    float p = 7.0376836292e-2f;
    p = p * t - 1.1514610310e-1f;
    p = p * t + 1.1676998740e-1f;
    p = p * t - 1.2420140846e-1f;
    p = p * t + 1.4249322787e-1f;
    p = p * t - 1.6668057665e-1f;
    p = p * t + 2.0000714765e-1f;
    p = p * t - 2.4999993993e-1f;
    p = p * t + 3.3333331174e-1f;
    float y = p * t * z;
    y = y + e * -2.12194440e-4f;
    y = y - 0.5f * z;
    float result = (t + y) + e * 0.693359375f;
    result = x == INFINITY ? INFINITY : result;
    result = x == 0.0f ? -INFINITY : result;
    return x < 0.0f || x != x ? NAN : result;
}

/// ln(1 + x), by Kahan's correction of the rounding of 1 + x. 3 ulp.
TILE_INLINE float tile_log1p(float x) {
    float u = 1.0f + x;
    float d = u - 1.0f;
    float result = tile_log(u) * (x / (d == 0.0f ? 1.0f : d));
    result = u == 1.0f ? x : result;
    return x == INFINITY ? INFINITY : x == -1.0f ? -INFINITY : result;
}

/// e^x - 1: a series near 0, else the exponential less one. 3 ulp.
TILE_INLINE float tile_expm1(float x) {
    float p = 1.0f / 5040.0f;
    p = p * x + 1.0f / 720.0f;
    p = p * x + 1.0f / 120.0f;
    p = p * x + 1.0f / 24.0f;
    p = p * x + 1.0f / 6.0f;
    p = p * x + 0.5f;
    float near = p * (x * x) + x;
    float far = tile_exp(x) - 1.0f;
    return fabsf(x) < 0.4f ? near : far;
}

/// The hyperbolic tangent: a polynomial near 0, else 1 - 2 / (e^2|x| + 1). 3 ulp.
TILE_INLINE float tile_tanh(float x) {
    float a = fabsf(x);
    float z = x * x;
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    float near = p * z * x + x;
    float far = 1.0f - 2.0f / (tile_exp(a + a) + 1.0f);
    float signed_far = x < 0.0f ? -far : far;
    float result = a < 0.625f ? near : signed_far;
    return x != x ? x : result;
}

/// 1 / (1 + e^-x), without overflow on either side. 3 ulp.
TILE_INLINE float tile_sigmoid(float x) {
    float e = tile_exp(-fabsf(x));
    float numerator = x >= 0.0f ? 1.0f : e;
    float result = numerator / (1.0f + e);
    return x != x ? x : result;
}

#endif
