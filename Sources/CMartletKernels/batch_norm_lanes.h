// What batch normalisation's kernels share: vectors of 16 channels, and sums as they are taken together.
#ifndef BATCH_NORM_LANES_H
#define BATCH_NORM_LANES_H

#include <math.h>
#include <string.h>

#include "matmul_clones.h"
#include "matmul_half.h"
#include "matmul_scratch.h"
#include "mk_batch_norm.h"
#include "mk_parallel.h"

enum { BLOCK = 16, CHUNK = 128 };

typedef float lanes __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));
typedef int32_t masks __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));
typedef uint32_t words __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));
typedef uint16_t halves __attribute__((vector_size(BLOCK * 2), aligned(2), may_alias));
typedef double wide __attribute__((vector_size(BLOCK * 8), aligned(8), may_alias));

// Macros, since a vector of this width cannot be passed between functions built for different instruction sets.
#define LOAD_F32(p) (*(const lanes *)(p))
#define STORE_F32(p, value) (*(lanes *)(p) = (value))
#define LOAD_BF16(p) ((lanes)(__builtin_convertvector(*(const halves *)(p), words) << 16))
/// The upper half of a float's bits, rounded to nearest even; a NaN stays one.
#define ROUNDED_BITS(bits) \
    ((((words)(((bits) & 0x7FFFFFFF) > 0x7F800000)) & (((bits) >> 16) | 0x40)) \
        | (~((words)(((bits) & 0x7FFFFFFF) > 0x7F800000)) & (((bits) + 0x7FFF + (((bits) >> 16) & 1)) >> 16)))
#define STORE_BF16(p, value) \
    do { \
        const words bits_ = (words)(value); \
        *(halves *)(p) = __builtin_convertvector(ROUNDED_BITS(bits_), halves); \
    } while (0)

/// What storing and loading would make of a value: each recorded operation rounds once.
#define ROUND_F32(value) (value)
#define ROUND_BF16(value) ((lanes)(ROUNDED_BITS((words)(value)) << 16))

#define WIDE(value) __builtin_convertvector(value, wide)
#define NARROW(value) __builtin_convertvector(value, lanes)
#define SELECT(mask, value) ((lanes)((mask) & (masks)(value)))
/// A rectifier that lets NaN through.
#define RECTIFIED(value) SELECT(((value) > 0) | ((value) != (value)), value)

/// Count, mean and sum of squared deviations of the numbers met so far, a lane a channel.
typedef struct {
    double count;
    wide mean, deviation;
} moments;

// Chan, Golub and LeVeque (1979): moments of two sets as one.
#define ADD_MOMENTS(into, n, m, d) \
    do { \
        const double total_ = (into)->count + (n); \
        const wide apart_ = (m) - (into)->mean; \
        (into)->mean += apart_ * ((n) / total_); \
        (into)->deviation += (d) + apart_ * apart_ * ((into)->count * (n) / total_); \
        (into)->count = total_; \
    } while (0)

/// Adds position `at` of a plane's gradient to the sums of a first backward pass; positions are `pitch` elements apart.
#define ADD_GRADIENT(at, sum, product, LOAD, STORE, ROUND) \
    do { \
        lanes g = LOAD(gradient + (at) * pitch); \
        if (second) { \
            g += LOAD(second + (at) * pitch); \
            g = ROUND(g); \
        } \
        if (output) g = SELECT(LOAD(output + (at) * pitch) > 0, g); \
        if (kept) STORE(kept + (at) * pitch, g); \
        (sum) += g; \
        (product) += g * (LOAD(x + (at) * pitch) - mean); \
    } while (0)

/// Where all channels lie side by side, [batch, positions, channels].
void mk_batch_norm_forward_last(int dtype, const mk_batch_norm *shape, const mk_batch_norm_forward_memory *memory);
void mk_batch_norm_backward_last(int dtype, const mk_batch_norm *shape, const mk_batch_norm_backward_memory *memory);

#endif
