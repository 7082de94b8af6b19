// bfloat16 and float16 to and from float32 without branches, so that loops over them vectorise on any processor.
#ifndef MATMUL_HALF_H
#define MATMUL_HALF_H

#include <stdint.h>
#include <string.h>

static inline float mk_bits_to_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline uint32_t mk_float_to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

static inline float mk_bf16_to_float(uint16_t half) { return mk_bits_to_float((uint32_t)half << 16); }

/// Rounds to nearest even; a NaN stays a (quiet) NaN.
static inline uint16_t mk_float_to_bf16(float value) {
    uint32_t bits = mk_float_to_bits(value);
    uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    uint32_t quiet = (bits >> 16) | 0x40;
    return (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? quiet : rounded);
}

static inline float mk_f16_to_float(uint16_t half) {
    uint32_t magnitude = (uint32_t)(half & 0x7FFF) << 13;
    // 2^112 moves the exponent's bias from 15 to 127 and makes subnormals normal on the way.
    uint32_t finite = mk_float_to_bits(mk_bits_to_float(magnitude) * 0x1p112f);
    uint32_t bits = magnitude >= 0x0F800000 ? (magnitude | 0x7F800000) : finite;
    return mk_bits_to_float(bits | ((uint32_t)(half & 0x8000) << 16));
}

/// Rounds to nearest even; too large becomes infinity, a NaN stays a quiet NaN.
static inline uint16_t mk_float_to_f16(float value) {
    uint32_t bits = mk_float_to_bits(value);
    uint32_t sign = (bits >> 16) & 0x8000;
    uint32_t magnitude = bits & 0x7FFFFFFF;
    // Subnormal results: adding 0.5 lets the float adder round at 2^-24, the last place of a float16 subnormal.
    uint32_t small = mk_float_to_bits(mk_bits_to_float(magnitude) + 0.5f) - 0x3F000000;
    uint32_t normal = (magnitude + 0xFFF + ((magnitude >> 13) & 1) - 0x38000000) >> 13;
    uint32_t finite = magnitude < 0x38800000 ? small : normal;
    uint32_t special = magnitude > 0x7F800000 ? 0x7E00 | ((magnitude >> 13) & 0x3FF) : 0x7C00;
    return (uint16_t)(sign | (magnitude >= 0x477FF000 ? special : finite));
}

#endif
