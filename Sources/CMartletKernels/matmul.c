#include "mk_matmul.h"

#include "matmul_clones.h"
#include "matmul_core.h"
#include "matmul_dots.h"
#include "mk_parallel.h"

void mk_matmul_integer(int dtype, const mk_matmul_shape *shape, const void *a, const void *b, const void *bias, void *c);

/// Stacks the batch onto the rows where every entry meets the same B and the rows go on without a gap.
static mk_matmul_shape folded(mk_matmul_shape s) {
    const bool same_b = s.b_batch == 0, runs_on = s.a_batch == s.m * s.a_row && s.c_batch == s.m * s.c_row;
    if (s.batch == 1 || !same_b || !runs_on) return s;
    s.m *= s.batch;
    s.batch = 1;
    return s;
}

/// What a product costs, in sixteenths of a cycle for each of its k steps: multiplying (lanes of a last narrow panel are paid
/// for too), and turning lines of B that do not lie side by side.
static int64_t cost_of(int64_t m, int64_t n, bool adjacent, int64_t lanes) {
    return m * mk_ceil_div(n, lanes) * 16 + n * (adjacent ? 1 : 6);
}

/// The transposed product gives the same sums; it is the better one where it turns the smaller operand or wastes fewer lanes.
static bool prefers_transpose(const mk_matmul_shape *s, int dtype) {
    if (s->b_column == 1 && s->n >= 8) return false;
    const int64_t lanes = mk_gemm_kernels_for(dtype == MK_FLOAT64 ? MK_FLOAT64 : MK_FLOAT32)->lanes;
    // Turning C back costs as much as turning an operand.
    const int64_t turned = cost_of(s->n, s->m, s->a_row == 1, lanes) + s->m * s->n * 6 / (s->k + 1);
    return turned < cost_of(s->m, s->n, s->b_column == 1, lanes);
}

/// Below so many multiplications setting up tiles costs more than the product; dot products are never so few.
enum { FEW = 256 };

/// A product of few multiplications where it lies; each sum in the order of the steps, as a tile's.
static MK_CLONES void multiply_few(const mk_matmul_shape *s, const float *a, const float *b, const float *bias, float *c) {
#pragma clang fp contract(fast)
    for (int64_t row = 0; row < s->batch * s->m; row++) {
        const int64_t entry = row / s->m, i = row % s->m;
        const float *left = a + entry * s->a_batch + i * s->a_row, *right = b + entry * s->b_batch;
        float *to = c + entry * s->c_batch + i * s->c_row;
        for (int64_t j = 0; j < s->n; j++, right += s->b_column) {
            float sum = 0;
            for (int64_t step = 0; step < s->k; step++) sum += left[step * s->a_column] * right[step * s->b_row];
            to[j] = bias ? sum + bias[j] : sum;
        }
    }
}

void mk_matmul(int dtype, const mk_matmul_shape *shape, const void *a, const void *b, const void *bias, void *c) {
    if (dtype > MK_FLOAT16) return mk_matmul_integer(dtype, shape, a, b, bias, c);
    if (dtype == MK_FLOAT32 && shape->batch * shape->m * shape->n * shape->k < FEW)
        return multiply_few(shape, a, b, bias, c);
    const mk_matmul_shape s = folded(*shape);
    if (mk_matmul_prefers_dots(dtype, &s)) return mk_matmul_dots(dtype, &s, a, b, bias, c);
    const bool transpose = prefers_transpose(&s, dtype);
    const mk_gemm_operand left = {
        .view = {.base = a, .line_stride = s.a_row, .step_stride = s.a_column},
        .dtype = dtype, .period = 1, .outer = s.a_batch,
    };
    const mk_gemm_operand right = {
        .view = {.base = b, .line_stride = s.b_column, .step_stride = s.b_row},
        .dtype = dtype, .period = 1, .outer = s.b_batch,
    };
    mk_gemm gemm = {
        .dtype = dtype == MK_FLOAT64 ? MK_FLOAT64 : MK_FLOAT32, .batch = s.batch, .k = s.k, .c = c, .c_dtype = dtype,
        .c_period = 1, .c_outer = s.c_batch, .row_bias_period = 1,
    };
    gemm.m = transpose ? s.n : s.m;
    gemm.n = transpose ? s.m : s.n;
    gemm.a = transpose ? right : left;
    gemm.b = transpose ? left : right;
    gemm.c_row = transpose ? 1 : s.c_row;
    gemm.c_column = transpose ? s.c_row : 1;
    gemm.row_bias = transpose ? bias : NULL;
    gemm.column_bias = transpose ? NULL : bias;
    mk_gemm_run(&gemm);
}

bool mk_matmul_outruns_engines(int dtype, const mk_matmul_shape *shape) {
    const mk_matmul_shape s = folded(*shape);
    if (dtype != MK_FLOAT32 || mk_gemm_isa_in_use() == MK_ISA_BASELINE) return false;
    // Measured on oneDNN: docs/performance-notes.md, "Small networks, and what their kernels met".
    if (mk_matmul_prefers_dots(dtype, &s)) return true;
    return s.b_column == 1 && (s.k <= 16 || s.m <= 2);
}

typedef struct {
    float *c;
    const float *added;
    bool rectifies;
} finish;

static MK_CLONES void finish_elements(void *context, int64_t begin, int64_t end) {
    const finish f = *(const finish *)context;
    if (f.added)
        for (int64_t i = begin; i < end; i++) f.c[i] += f.added[i];
    if (f.rectifies)
        for (int64_t i = begin; i < end; i++) f.c[i] = f.c[i] <= 0 ? 0 : f.c[i];
}

void mk_matmul_finish(float *c, const float *added, bool rectifies, int64_t count) {
    finish f = {c, added, rectifies};
    mk_parallel_for(count, 16384, finish_elements, &f);
}
