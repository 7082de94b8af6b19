// What the kernel checks share: seeded random numbers, typed buffers, and counting.
#ifndef CHECK_SUPPORT_H
#define CHECK_SUPPORT_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "matmul_half.h"
#include "mk_types.h"

static uint64_t check_state = 0x9E3779B97F4A7C15;
static long checks_run, checks_failed;

static inline uint64_t random_bits(void) {
    check_state ^= check_state << 13;
    check_state ^= check_state >> 7;
    check_state ^= check_state << 17;
    return check_state;
}

/// Uniform over [low, high].
static inline int64_t random_int(int64_t low, int64_t high) {
    return low + (int64_t)(random_bits() % (uint64_t)(high - low + 1));
}

static inline double random_unit(void) { return (double)(random_bits() >> 11) * 0x1p-53 * 2 - 1; }

static inline int64_t size_of(int dtype) {
    static const int sizes[] = {4, 8, 2, 2, 1, 1, 4, 8, 1};
    return sizes[dtype];
}

static inline double load_element(int dtype, const void *buffer, int64_t i) {
    switch (dtype) {
    case MK_FLOAT32: return ((const float *)buffer)[i];
    case MK_FLOAT64: return ((const double *)buffer)[i];
    case MK_BFLOAT16: return mk_bf16_to_float(((const uint16_t *)buffer)[i]);
    case MK_FLOAT16: return mk_f16_to_float(((const uint16_t *)buffer)[i]);
    case MK_INT8: return ((const int8_t *)buffer)[i];
    case MK_INT32: return ((const int32_t *)buffer)[i];
    case MK_INT64: return (double)((const int64_t *)buffer)[i];
    default: return ((const uint8_t *)buffer)[i];
    }
}

static inline void store_element(int dtype, void *buffer, int64_t i, double value) {
    switch (dtype) {
    case MK_FLOAT32: ((float *)buffer)[i] = (float)value; break;
    case MK_FLOAT64: ((double *)buffer)[i] = value; break;
    case MK_BFLOAT16: ((uint16_t *)buffer)[i] = mk_float_to_bf16((float)value); break;
    case MK_FLOAT16: ((uint16_t *)buffer)[i] = mk_float_to_f16((float)value); break;
    case MK_INT8: ((int8_t *)buffer)[i] = (int8_t)value; break;
    case MK_INT32: ((int32_t *)buffer)[i] = (int32_t)value; break;
    case MK_INT64: ((int64_t *)buffer)[i] = (int64_t)value; break;
    default: ((uint8_t *)buffer)[i] = (uint8_t)value; break;
    }
}

/// A buffer of exactly `count` elements, so that an address sanitizer sees a read past its end.
static inline void *random_buffer(int dtype, int64_t count) {
    void *buffer = malloc((size_t)(count * size_of(dtype)));
    for (int64_t i = 0; i < count; i++)
        store_element(dtype, buffer, i, dtype <= MK_FLOAT16 ? random_unit() : (double)random_int(0, 5));
    return buffer;
}

/// Rounding error allowed for a sum of `terms` products of numbers up to 1.
static inline double tolerance_of(int dtype, double terms) {
    switch (dtype) {
    case MK_FLOAT32: return 1e-6 * (1 + sqrt(terms) * 2 + terms * 0.01);
    case MK_FLOAT64: return 1e-14 * (1 + terms);
    case MK_BFLOAT16: return 1e-5 + 0.0041;
    case MK_FLOAT16: return 1e-5 + 0.0006;
    default: return 0;
    }
}

/// Compares with the truth; 16-bit floats relative to its size (their last rounding), the others absolutely.
static inline bool is_close(int dtype, double got, double truth, double terms) {
    if (isnan(truth)) return isnan(got);
    if (got == truth) return true;
    double allowed = tolerance_of(dtype, terms);
    if (dtype == MK_BFLOAT16 || dtype == MK_FLOAT16) allowed = allowed * fabs(truth) + 1e-6 * (10 + terms);
    return fabs(got - truth) <= allowed;
}

static inline void count_check(bool passed, const char *what) {
    checks_run++;
    if (passed) return;
    if (checks_failed++ < 20) printf("FAILED %s\n", what);
}

static inline int finish_checks(const char *name) {
    printf("%s: %ld checks, %ld failed\n", name, checks_run, checks_failed);
    return checks_failed > 0;
}

#endif
