// What the factorisations share. Matrices are small, contiguous and row-major; loops run along rows.
#ifndef LINALG_SUPPORT_H
#define LINALG_SUPPORT_H

#include <math.h>
#include <string.h>

#include "indexing_support.h"
#include "matmul_clones.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"

// Sums may run in lanes, and multiply-add in one rounding: the order is still the same for the same sizes.
#pragma clang fp contract(fast) reassociate(on)

#define MK_DEFINE_ROW_LOOPS(SUFFIX, T) \
    static inline T dot_##SUFFIX(int64_t n, const T *a, const T *b) { \
        T sum = 0; \
        for (int64_t i = 0; i < n; i++) sum += a[i] * b[i]; \
        return sum; \
    } \
    /* y += factor * x */ \
    static inline void add_row_##SUFFIX(int64_t n, T factor, const T *restrict x, T *restrict y) { \
        for (int64_t i = 0; i < n; i++) y[i] += factor * x[i]; \
    }

MK_DEFINE_ROW_LOOPS(f32, float)
MK_DEFINE_ROW_LOOPS(f64, double)

/// Chunk of matrices worth a thread, for `work` multiply-adds each.
static inline int64_t mk_matrix_grain(int64_t work) { return 1 + 50000 / (work + 1); }

#endif
