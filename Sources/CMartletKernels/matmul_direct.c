// Products with at most four rows over tabled lines (depthwise and other thin convolutions): packing would cost more than the
// product itself, so patches are multiplied where they lie. Runs of adjacent lines are taken a vector at a time, four at once.
#include "matmul_clones.h"
#include "matmul_core.h"
#include "matmul_export.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"

// Multiply and add in one rounding where the processor can.
#pragma clang fp contract(fast)

enum { RUNS = 4, COLUMNS_A_TASK = 1024 };

typedef float f32_vector __attribute__((vector_size(64), aligned(4), may_alias));
typedef double f64_vector __attribute__((vector_size(64), aligned(8), may_alias));

typedef struct {
    const mk_gemm *gemm;
    mk_gemm_pack pack_a;
    int64_t blocks;
} job;

/// Up to RUNS runs of adjacent lines, at most a vector long each, starting at `line`.
typedef struct {
    int64_t from[RUNS], to[RUNS];  // offset in memory, and column of the tile
    int64_t columns;
} run_group;

static run_group next_runs(const int64_t *offsets, int64_t line, int64_t end, int64_t lanes) {
    run_group group = {.columns = 0};
    int64_t at = line;
    for (int r = 0; r < RUNS; r++) {
        group.from[r] = r > 0 && at == end ? group.from[0] : offsets[at];
        group.to[r] = at - line;
        if (at == end) continue;
        int64_t length = 1;
        while (length < lanes && at + length < end && offsets[at + length] == offsets[at] + length) length++;
        at += length;
    }
    group.columns = at - line;
    return group;
}

#define DEFINE_DIRECT(NAME, T, V) \
    static inline __attribute__((always_inline)) void NAME##_runs( \
        const int rows, const T *base, const run_group *group, const mk_gemm_view *b, int64_t k, const T *a, T *tile, \
        int64_t tile_row) { \
        V sum[4][RUNS]; \
        for (int i = 0; i < rows; i++) \
            for (int r = 0; r < RUNS; r++) sum[i][r] = (V){0}; \
        for (int64_t s = 0; s < k; s++, a += rows) { \
            const T *from = base + (b->step_offsets ? b->step_offsets[s] : s * b->step_stride); \
            for (int r = 0; r < RUNS; r++) { \
                const V right = *(const V *)(from + group->from[r]); \
                for (int i = 0; i < rows; i++) sum[i][r] += right * a[i]; \
            } \
        } \
        /* In ascending order: a run's overhang is overwritten by the next run. */ \
        for (int i = 0; i < rows; i++) \
            for (int r = 0; r < RUNS; r++) *(V *)(tile + i * tile_row + group->to[r]) = sum[i][r]; \
    } \
    static MK_CLONES void NAME( \
        const T *base, const run_group *group, const mk_gemm_view *b, int64_t m, int64_t k, const T *a, T *tile, \
        int64_t tile_row) { \
        switch (m) { \
        case 1: NAME##_runs(1, base, group, b, k, a, tile, tile_row); break; \
        case 2: NAME##_runs(2, base, group, b, k, a, tile, tile_row); break; \
        case 3: NAME##_runs(3, base, group, b, k, a, tile, tile_row); break; \
        default: NAME##_runs(4, base, group, b, k, a, tile, tile_row); break; \
        } \
    }

DEFINE_DIRECT(direct_f32, float, f32_vector)
DEFINE_DIRECT(direct_f64, double, f64_vector)

static void run_block(const job *j, int64_t entry, int64_t line, int64_t end) {
    const mk_gemm *g = j->gemm;
    const bool wide = g->dtype == MK_FLOAT64;
    const int64_t size = wide ? 8 : 4, lanes = 64 / size, c_size = mk_dtype_size(g->c_dtype);
    // Overhanging vectors of runs that are empty or short end behind the widest group.
    const int64_t tile_row = (RUNS + 1) * lanes;
    char tile[4 * (RUNS + 1) * 64];
    void *a = mk_scratch(MK_SCRATCH_A_PANEL, g->m * g->k * size + 64);
    mk_gemm_view a_view = mk_gemm_view_of(&g->a, entry), b_view = mk_gemm_view_of(&g->b, entry);
    j->pack_a(&a_view, 0, g->m, g->m, 0, g->k, a);
    char *c = (char *)g->c + mk_gemm_batch_offset(entry, g->c_period, g->c_outer, g->c_inner) * c_size;
    const char *bias = g->row_bias;
    if (bias) bias += entry % g->row_bias_period * g->m * c_size;
    for (int64_t columns; line < end; line += columns) {
        const run_group group = next_runs(b_view.line_offsets, line, end, lanes);
        columns = group.columns;
        if (wide)
            direct_f64(b_view.base, &group, &b_view, g->m, g->k, a, (double *)tile, tile_row);
        else
            direct_f32(b_view.base, &group, &b_view, g->m, g->k, a, (float *)tile, tile_row);
        mk_gemm_export out = {
            .dtype = g->dtype, .tile = tile, .rows = g->m, .columns = columns, .tile_row = tile_row,
            .c_dtype = g->c_dtype, .c_row = g->c_row, .c_column = 1, .row_bias = bias,
        };
        const int64_t first = g->column_offsets ? g->column_offsets[line] : line;
        const bool adjacent = !g->column_offsets || g->column_offsets[line + columns - 1] - first == columns - 1;
        out.c = c + (adjacent ? first : 0) * c_size;
        out.column_offsets = adjacent ? NULL : g->column_offsets + line;
        mk_gemm_export_tile(&out);
    }
}

static void run_blocks(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t block = i % j->blocks, n = j->gemm->n;
        run_block(j, i / j->blocks, block * n / j->blocks, (block + 1) * n / j->blocks);
    }
}

bool mk_gemm_prefers_direct(const mk_gemm *g) {
    return g->m <= 4 && g->b.view.line_offsets && g->b.view.overread && !g->column_bias && !g->accumulate;
}

void mk_gemm_run_direct(const mk_gemm *gemm) {
    const bool native = gemm->a.dtype == gemm->dtype;
    job j = {gemm, native ? mk_gemm_kernels_for(gemm->dtype)->pack : mk_gemm_pack_half(gemm->a.dtype), 0};
    j.blocks = mk_ceil_div(gemm->n, COLUMNS_A_TASK);
    const int64_t work = gemm->m * gemm->k * gemm->n / j.blocks;
    mk_parallel_for(gemm->batch * j.blocks, 1 + 100000 / (work + 1), run_blocks, &j);
}
