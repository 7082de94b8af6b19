// The blocked product behind mk_matmul and the convolutions: C[b] = A[b] · B[b] in float32 or float64.
//
// A is seen as m lines, B as n lines (its columns), each line k steps long; the two are symmetric, which makes a transposed
// product a mere exchange of operands. Panels of lines are packed step by step, and a register-blocked kernel multiplies
// one panel of A by one panel of B. The sum over k runs in blocks of `k_block` steps, in order, whatever the threads do.
#ifndef MATMUL_CORE_H
#define MATMUL_CORE_H

#include "mk_types.h"

enum { MK_GEMM_MAX_ROWS = 14 };

/// c[rows, vectors * lanes] (+)= a[rows, k] · b[k, vectors * lanes], then adds the biases that are not NULL.
typedef void (*mk_gemm_kernel)(
    int64_t k, const void *a, int64_t a_row, int64_t a_step, const void *b, int64_t b_step, void *c, int64_t c_row,
    bool accumulate, const void *row_bias, const void *column_bias);

/// Where packing reads: element (line, step) is at base + line * line_stride + step * step_stride, or at the sum of the two
/// tables' entries where there are tables.
typedef struct {
    const void *base;
    int64_t line_stride, step_stride;
    const int64_t *line_offsets, *step_offsets;
    bool overread;  // a whole vector may be read from any line: the memory behind it is ours
} mk_gemm_view;

/// Fills destination[step][width] for steps [step, step + steps) of lines [line, line + lines); lines <= width, the lanes
/// behind are zero. May write one vector past the end.
typedef void (*mk_gemm_pack)(
    const mk_gemm_view *view, int64_t line, int64_t lines, int64_t width, int64_t step, int64_t steps, void *destination);

/// The kernels of one element type for one instruction set.
typedef struct {
    int element_size;
    int rows;        // tallest kernel
    int lanes;       // elements a vector; a panel of B is two vectors wide, a narrow one a single vector
    int64_t k_block;
    mk_gemm_pack pack;
    mk_gemm_kernel packed[2][MK_GEMM_MAX_ROWS];   // [vectors - 1][rows - 1]; a is packed: a_row 1, a_step rows
    mk_gemm_kernel strided[2][MK_GEMM_MAX_ROWS];  // a has any strides
} mk_gemm_kernels;

/// An operand: a view for every batch entry, at (b / period) * outer + (b % period) * inner elements from its base.
typedef struct {
    mk_gemm_view view;
    int dtype;       // of the elements in memory; packing converts to the kernels' type
    int64_t period, outer, inner;
} mk_gemm_operand;

typedef struct {
    int dtype;       // MK_FLOAT32 or MK_FLOAT64: the type of the arithmetic
    int64_t batch, m, n, k;
    mk_gemm_operand a, b;
    void *c;
    int c_dtype;
    int64_t c_period, c_outer, c_inner;  // batch offsets of C, as an operand's
    int64_t c_row, c_column;
    const int64_t *column_offsets;       // instead of c_column, n entries
    bool accumulate;                     // adds to C; c_dtype is dtype
    const void *row_bias, *column_bias;  // of c_dtype, or NULL; row_bias of batch entry b starts at (b % period) * m
    int64_t row_bias_period;
} mk_gemm;

/// Runs the product; batch, m, n >= 1, k >= 0.
void mk_gemm_run(const mk_gemm *gemm);

/// The same for products of few rows, without packing B.
bool mk_gemm_prefers_direct(const mk_gemm *gemm);
void mk_gemm_run_direct(const mk_gemm *gemm);

/// The best kernels for this processor.
const mk_gemm_kernels *mk_gemm_kernels_for(int dtype);
/// Packing from bfloat16 or float16 into float32.
mk_gemm_pack mk_gemm_pack_half(int dtype);

enum mk_gemm_isa { MK_ISA_BASELINE = 0, MK_ISA_AVX2 = 1, MK_ISA_AVX512 = 2 };
/// Caps the instruction set, so that tests can reach the kernels of lesser processors. Returns the one in use.
int mk_gemm_limit_isa(int isa);
/// A value of `mk_gemm_isa`.
int mk_gemm_isa_in_use(void);

extern const mk_gemm_kernels mk_gemm_f32_baseline, mk_gemm_f64_baseline;
#if defined(__x86_64__)
extern const mk_gemm_kernels mk_gemm_f32_avx2, mk_gemm_f64_avx2, mk_gemm_f32_avx512, mk_gemm_f64_avx512;
#endif

static inline int64_t mk_dtype_size(int dtype) {
    static const uint8_t sizes[] = {4, 8, 2, 2, 1, 1, 4, 8, 1};
    return sizes[dtype];
}

static inline int64_t mk_min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t mk_max64(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t mk_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static inline int64_t mk_gemm_batch_offset(int64_t entry, int64_t period, int64_t outer, int64_t inner) {
    return period == 1 ? entry * outer : entry / period * outer + entry % period * inner;
}

/// The view of one batch entry.
static inline mk_gemm_view mk_gemm_view_of(const mk_gemm_operand *operand, int64_t entry) {
    mk_gemm_view view = operand->view;
    const int64_t offset = mk_gemm_batch_offset(entry, operand->period, operand->outer, operand->inner);
    view.base = (const char *)view.base + offset * mk_dtype_size(operand->dtype);
    return view;
}

#endif
