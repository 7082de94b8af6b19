// Batched matrix product C[b] = A[b] · B[b] (+ bias), portable: packed panels and a register-blocked micro-kernel chosen
// for the processor at run time.
#ifndef MK_MATMUL_H
#define MK_MATMUL_H

#include "mk_types.h"

/// Sizes and strides, all in elements. A is [batch, m, k], B is [batch, k, n], C is [batch, m, n] with contiguous rows.
/// Any strides serve for A and B, so transposed operands cost nothing to describe; a batch stride of 0 broadcasts.
typedef struct {
    int64_t batch, m, n, k;  // batch, m, n >= 1; k may be 0, the product is then 0
    int64_t a_batch, a_row, a_column;
    int64_t b_batch, b_row, b_column;
    int64_t c_batch, c_row;
} mk_matmul_shape;

/// Computes the product of `dtype` matrices. `bias` (n elements of `dtype`, or NULL) is added to every row at the end.
/// float32 and float64 accumulate in their own type; bfloat16 and float16 accumulate in float32 and round once, at the
/// end; integers wrap. MK_BOOL is not accepted. The sum over k is taken in one order that depends on shape, strides and
/// processor alone: the same bits for any number of threads. C must not overlap the operands.
void mk_matmul(int dtype, const mk_matmul_shape *shape, const void *a, const void *b, const void *bias, void *c);

/// c = c + added (where it is not NULL), then max(0, c) that lets NaN through, where it rectifies: what follows a product.
void mk_matmul_finish(float *c, const float *added, bool rectifies, int64_t count);

/// True for shapes at which this is at least as quick as an engine's product.
bool mk_matmul_outruns_engines(int dtype, const mk_matmul_shape *shape);

#endif
