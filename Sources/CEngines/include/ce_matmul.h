// Batched matrix product C[b] = A[b] · B[b] (+ bias), with what can be fused behind it.
#ifndef CE_MATMUL_H
#define CE_MATMUL_H

#include "ce_operation.h"

enum { CE_MATMUL_MAX_BATCH_RANK = 4 };

typedef enum ce_matmul_slot {
    CE_MATMUL_A = 0,
    CE_MATMUL_B = 1,
    CE_MATMUL_C = 2,
    CE_MATMUL_BIAS = 3,
    CE_MATMUL_ADDEND = 4,
    CE_MATMUL_SLOTS = 5,
} ce_matmul_slot;

/// What is added behind the product, besides the bias.
typedef enum ce_matmul_addend {
    CE_ADDEND_NONE = 0,
    /// One row of n elements.
    CE_ADDEND_ROW = 1,
    /// As many elements as C, with C's strides.
    CE_ADDEND_FULL = 2,
} ce_matmul_addend;

/// C = relu(A · B + bias + sum_scale · C + addend), each term where it is asked for. Sizes and strides in elements.
typedef struct ce_matmul {
    int32_t batch_rank;  // 0 to 4
    int64_t batch[CE_MATMUL_MAX_BATCH_RANK];
    int64_t m, n, k;
    /// A is [batch, m, k]. Any strides describe a transposed operand; a batch stride of 0 broadcasts.
    int64_t a_batch[CE_MATMUL_MAX_BATCH_RANK], a_row, a_column;
    /// B is [batch, k, n]; its strides are read where `b_format` is CE_FORMAT_PLAIN.
    int64_t b_batch[CE_MATMUL_MAX_BATCH_RANK], b_row, b_column;
    /// C is [batch, m, n] with contiguous rows.
    int64_t c_batch[CE_MATMUL_MAX_BATCH_RANK], c_row;
    /// CE_FORMAT_PLAIN: the strides above. CE_FORMAT_ANY: the engine packs B as it likes. CE_FORMAT_GIVEN: packed so
    /// before. Where B's batch strides are 0 and the rows of A and C run on over the batch, B's layout has no batch
    /// axes, so a B packed for a plain product serves a batched one too.
    ce_format b_format;
    /// Type of A and B: float32, bfloat16, or float16 where the processor has it. Sums are float32.
    int32_t dtype;
    /// Type of C: `dtype` or float32.
    int32_t c_dtype;
    bool has_bias;
    int32_t bias_dtype;  // `dtype` or float32
    int32_t addend;      // a ce_matmul_addend, of type `addend_dtype`; needs a C without gaps
    int32_t addend_dtype;
    /// Adds what C held before, times this; 0 for a fresh C.
    float sum_scale;
    bool relu;
} ce_matmul;

/// CE_UNIMPLEMENTED for types that the processor lacks and strides that the engine has no quick kernel for.
ce_status ce_matmul_make(const ce_matmul *matmul, ce_operation **result);

#endif
