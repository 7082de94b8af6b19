#include "matmul_dots.h"

#include "matmul_core.h"
#include "mk_parallel.h"

/// Columns that share what the first cache holds of A, and steps that fit there.
enum { COLUMNS = 8, STEPS = 1024, TALLEST = 6 };

typedef float four_sums __attribute__((vector_size(16), aligned(4), may_alias));

#if defined(__x86_64__)
#define MK_LANES 16
#define MK_DOT_ROWS 6
#define MK_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
#define MK_N(name) wide_##name
#include "matmul_dots_template.h"

#define MK_LANES 8
#define MK_DOT_ROWS 2
#define MK_TARGET __attribute__((target("avx2,fma")))
#define MK_N(name) narrow_##name
#include "matmul_dots_template.h"
#endif

typedef struct {
    const mk_matmul_shape *shape;
    const float *a, *b, *bias;
    float *c;
    void (*tile)(
        int64_t rows, const float *a, int64_t a_row, const float *b, const int64_t *b_lines, int64_t steps, four_sums *sums,
        bool accumulate);
    int64_t panels;  // of rows, as tall as each other within one
} job;

/// The four columns from `column` on of rows [first, first + rows). Columns behind the last are the last again.
static void multiply(const job *j, const float *a, const float *b, float *c, int64_t first, int64_t rows, int64_t column) {
    const mk_matmul_shape *s = j->shape;
    four_sums sums[TALLEST];
    int64_t lines[4];
    for (int i = 0; i < 4; i++) lines[i] = mk_min64(column + i, s->n - 1) * s->b_column;
    a += first * s->a_row;
    for (int64_t step = 0; step < s->k; step += STEPS)
        j->tile(rows, a + step, s->a_row, b + step, lines, mk_min64(STEPS, s->k - step), sums, step > 0);
    const int64_t columns = mk_min64(4, s->n - column);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t x = 0; x < columns; x++)
            c[(first + i) * s->c_row + column + x] = sums[i][x] + (j->bias ? j->bias[column + x] : 0.0f);
}

static void run_columns(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const mk_matmul_shape *s = j->shape;
    const int64_t blocks = mk_ceil_div(s->n, COLUMNS);
    for (int64_t index = begin; index < end; index++) {
        const int64_t entry = index / blocks, from = index % blocks * COLUMNS, to = mk_min64(from + COLUMNS, s->n);
        const float *a = j->a + entry * s->a_batch, *b = j->b + entry * s->b_batch;
        for (int64_t panel = 0; panel < j->panels; panel++) {
            const int64_t first = s->m * panel / j->panels, rows = s->m * (panel + 1) / j->panels - first;
            for (int64_t column = from; column < to; column += 4)
                multiply(j, a, b, j->c + entry * s->c_batch, first, rows, column);
        }
    }
}

bool mk_matmul_prefers_dots(int dtype, const mk_matmul_shape *s) {
    return dtype == MK_FLOAT32 && mk_gemm_isa_in_use() != MK_ISA_BASELINE && s->a_column == 1 && s->b_row == 1 && s->m <= 64
        && s->n >= 4 && s->k >= 64;
}

void mk_matmul_dots(const mk_matmul_shape *s, const float *a, const float *b, const float *bias, float *c) {
    job j = {.shape = s, .a = a, .b = b, .bias = bias, .c = c};
    int64_t tallest = 1;
#if defined(__x86_64__)
    const bool wide = mk_gemm_isa_in_use() == MK_ISA_AVX512;
    j.tile = wide ? wide_tile : narrow_tile;
    tallest = wide ? 6 : 2;
#endif
    j.panels = mk_ceil_div(s->m, tallest);
    const int64_t work = s->m * s->k * COLUMNS;
    mk_parallel_for(s->batch * mk_ceil_div(s->n, COLUMNS), 1 + 50000 / (work + 1), run_columns, &j);
}
