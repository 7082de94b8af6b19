#include "matmul_dots.h"

#include "matmul_core.h"
#include "matmul_export.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"
#include "tile_ops.h"

/// Columns that a task computes, a stretch of steps at a time: of STEPS steps the first cache holds all columns.
enum { COLUMNS = 8, GROUPS = COLUMNS / 4, STEPS = 1024, MOST_ROWS = 32 };
/// Multiplications: below, one thread is as quick; and those that a chunk is worth.
enum { SERIAL_WORK = 200000, CHUNK_WORK = 50000 };

typedef float four_sums __attribute__((vector_size(16), aligned(4), may_alias));

/// What is read after this stretch of steps: a processor foresees no further than a page.
typedef struct {
    const char *lines[COLUMNS];
    int count;
} mk_next_lines;

#if defined(__x86_64__)
#define MK_LANES 16
#define MK_DOT_ROWS 6
#define MK_RIGHT float
#define MK_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
#define MK_N(name) wide_##name
#include "matmul_dots_template.h"

#define MK_LANES 8
#define MK_DOT_ROWS 2
#define MK_RIGHT float
#define MK_TARGET __attribute__((target("avx2,fma")))
#define MK_N(name) narrow_##name
#include "matmul_dots_template.h"

#define MK_LANES 16
#define MK_DOT_ROWS 6
#define MK_RIGHT uint16_t
#define MK_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
#define MK_N(name) wide_half_##name
#include "matmul_dots_template.h"

#define MK_LANES 8
#define MK_DOT_ROWS 2
#define MK_RIGHT uint16_t
#define MK_TARGET __attribute__((target("avx2,fma")))
#define MK_N(name) narrow_half_##name
#include "matmul_dots_template.h"
#endif

typedef struct {
    const mk_matmul_shape *shape;
    // Of a the rows of all entries follow one another, in float32. The others have the product's type.
    const float *a;
    int64_t a_row, a_batch;
    const char *b;
    const void *bias;
    void *c;
    int dtype;
    int64_t size;  // of a number of it
    void (*tile)(
        int64_t rows, const float *a, int64_t a_row, const void *b, const int64_t *b_lines, int64_t steps,
        const mk_next_lines *next, four_sums *sums, bool accumulate);
    int64_t panels;  // of rows, as tall as each other within one
} job;

/// A stretch of steps from `step` on, for all rows and the columns from `column` on. Columns behind the last are the last again.
static void multiply(
    const job *j, const float *a, const char *b, int64_t column, int64_t step, four_sums (*sums)[MOST_ROWS]) {
    const mk_matmul_shape *s = j->shape;
    const int64_t steps = mk_min64(STEPS, s->k - step);
    const int groups = (int)mk_min64(GROUPS, mk_ceil_div(s->n - column, 4)), tiles = (int)j->panels * groups;
    for (int panel = 0; panel < j->panels; panel++) {
        const int64_t first = s->m * panel / j->panels, rows = s->m * (panel + 1) / j->panels - first;
        for (int group = 0; group < groups; group++) {
            int64_t lines[4];
            for (int i = 0; i < 4; i++) lines[i] = mk_min64(column + 4 * group + i, s->n - 1) * s->b_column;
            // Each tile asks for its part of the next stretch of these columns.
            const int64_t columns = mk_min64(COLUMNS, s->n - column), tile = panel * groups + group;
            mk_next_lines next = {.count = 0};
            if (step + STEPS < s->k)
                for (int64_t i = columns * tile / tiles; i < columns * (tile + 1) / tiles; i++)
                    next.lines[next.count++] = b + ((column + i) * s->b_column + step + STEPS) * j->size;
            j->tile(
                rows, a + first * j->a_row + step, j->a_row, b + step * j->size, lines, steps, &next, sums[group] + first,
                step > 0);
        }
    }
}

/// Moves the sums of columns `from` to `to` to their place.
static void finish_columns(const job *j, int64_t entry, int64_t from, int64_t to, four_sums (*sums)[MOST_ROWS]) {
    const mk_matmul_shape *s = j->shape;
    for (int64_t column = from; column < to; column += 4) {
        const mk_gemm_export out = {
            .dtype = MK_FLOAT32, .tile = sums[(column - from) / 4], .rows = s->m, .columns = mk_min64(4, to - column),
            .tile_row = 4, .c_dtype = j->dtype, .c = (char *)j->c + (entry * s->c_batch + column) * j->size,
            .c_row = s->c_row, .c_column = 1, .column_bias = j->bias ? (const char *)j->bias + column * j->size : NULL,
        };
        mk_gemm_export_tile(&out);
    }
}

static void run_columns(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const mk_matmul_shape *s = j->shape;
    const int64_t blocks = mk_ceil_div(s->n, COLUMNS);
    four_sums sums[GROUPS][MOST_ROWS];
    for (int64_t index = begin; index < end; index++) {
        const int64_t entry = index / blocks, from = index % blocks * COLUMNS, to = mk_min64(from + COLUMNS, s->n);
        for (int64_t step = 0; step < s->k; step += STEPS)
            multiply(j, j->a + entry * j->a_batch, j->b + entry * s->b_batch * j->size, from, step, sums);
        finish_columns(j, entry, from, to, sums);
    }
}

bool mk_matmul_prefers_dots(int dtype, const mk_matmul_shape *s) {
    return (dtype == MK_FLOAT32 || dtype == MK_BFLOAT16) && mk_gemm_isa_in_use() != MK_ISA_BASELINE && s->a_column == 1
        && s->b_row == 1 && s->m <= MOST_ROWS && s->n >= 4 && s->k >= 64;
}

typedef struct {
    const mk_matmul_shape *shape;
    const uint16_t *from;
    float *to;
} widening;

static void widen(void *context, int64_t begin, int64_t end) {
    const widening *w = context;
    const mk_matmul_shape *s = w->shape;
    for (int64_t row = begin; row < end; row++) {
        const uint16_t *from = w->from + row / s->m * s->a_batch + row % s->m * s->a_row;
        tile_load(MK_BFLOAT16, MK_R_F32, from, 1, w->to + row * s->k, s->k);
    }
}

/// The few rows of a in float32, one after the other; once where all entries share them.
static void widen_rows(job *j, const uint16_t *a) {
    const mk_matmul_shape *s = j->shape;
    const int64_t rows = (s->a_batch ? s->batch : 1) * s->m;
    widening w = {s, a, mk_scratch(MK_SCRATCH_A_WHOLE, rows * s->k * (int64_t)sizeof(float))};
    mk_parallel_for(rows, 1 + SERIAL_WORK / s->k, widen, &w);
    j->a = w.to, j->a_row = s->k, j->a_batch = s->a_batch ? s->m * s->k : 0;
}

void mk_matmul_dots(int dtype, const mk_matmul_shape *s, const void *a, const void *b, const void *bias, void *c) {
    const bool is_half = dtype == MK_BFLOAT16;
    job j = {
        .shape = s, .a = a, .a_row = s->a_row, .a_batch = s->a_batch, .b = b, .bias = bias, .c = c, .dtype = dtype,
        .size = mk_dtype_size(dtype),
    };
    if (is_half) widen_rows(&j, a);
    int64_t tallest = 1;
#if defined(__x86_64__)
    const bool wide = mk_gemm_isa_in_use() == MK_ISA_AVX512;
    j.tile = wide ? (is_half ? wide_half_tile : wide_tile) : (is_half ? narrow_half_tile : narrow_tile);
    tallest = wide ? wide_rows : narrow_rows;
#endif
    j.panels = mk_ceil_div(s->m, tallest);
    const int64_t count = s->batch * mk_ceil_div(s->n, COLUMNS), work = s->m * s->k * COLUMNS;
    const int64_t grain = count * work < SERIAL_WORK ? count : 1 + CHUNK_WORK / work;
    mk_parallel_for(count, grain, run_columns, &j);
}
