// How a product is cut: tasks of (batch entry, block of A's lines, block of B's lines), each of which runs the whole sum.
#include "matmul_core.h"

#include "matmul_export.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"

enum { PANELS_MAX = 16 };  // panels of B in a block
/// Below this many multiply-adds a second thread costs more than it brings.
static const int64_t SERIAL_WORK = 200000;
/// Packed copies of A larger than this are not worth their memory; panels are packed as they are needed instead.
static const int64_t WHOLE_A_BYTES = 32 << 20;
/// B is packed ahead only where it stays in a second-level cache.
static const int64_t WHOLE_B_BYTES = 1 << 20;
/// An A this small stays in the first-level cache however it lies.
static const int64_t DIRECT_A_BYTES = 16 << 10;
static const int64_t DIRECT_B_STEPS = 64;

typedef enum { A_DIRECT, A_PANEL, A_WHOLE } a_mode;

typedef struct {
    const mk_gemm *gemm;
    const mk_gemm_kernels *kernels;
    mk_gemm_pack pack_a, pack_b;
    a_mode a_mode;
    bool b_direct, b_whole, c_direct;
    int64_t panels_a, panel_rows, tall_panels;  // the first tall_panels have one row more than panel_rows
    int64_t panels_b, width;
    int64_t block_a, blocks_a, block_b, blocks_b;  // panels a block, and blocks
    char *whole_a, *whole_b;
} plan;

/// What a task holds while it runs.
typedef struct {
    const plan *plan;
    mk_gemm_view a, b;  // views of this batch entry
    int64_t a_entry, b_entry;  // entries of whole_a and whole_b
    char *c;
    const char *row_bias;
    int64_t first_a, last_a, first_b, last_b;  // panels
    int64_t tile_rows;
    char *tile, *packed_a, *packed_b;
    bool tiled[PANELS_MAX];  // the panel's sums go to the tile first
    const char *b_pointer[PANELS_MAX];
    int64_t b_step[PANELS_MAX];
} task;

static int64_t first_row(const plan *p, int64_t panel) {
    return panel * p->panel_rows + mk_min64(panel, p->tall_panels);
}

static int64_t rows_of(const plan *p, int64_t panel) { return p->panel_rows + (panel < p->tall_panels); }

static int64_t columns_of(const plan *p, int64_t panel) {
    return mk_min64(p->width, p->gemm->n - panel * p->width);
}

/// Lanes that a panel of B takes in packed form: a narrow one saves the second vector.
static int64_t lanes_of(const plan *p, int64_t panel) {
    return columns_of(p, panel) <= p->kernels->lanes ? p->kernels->lanes : p->width;
}

static int64_t entries_of(const mk_gemm_operand *operand, int64_t batch) {
    return operand->outer == 0 ? mk_min64(operand->period, batch) : batch;
}

static int64_t entry_of(const mk_gemm_operand *operand, int64_t entry) {
    return operand->outer == 0 ? entry % operand->period : entry;
}

static int64_t whole_b_offset(const plan *p, int64_t entry, int64_t panel, int64_t step) {
    return (entry * p->panels_b + panel) * p->width * p->gemm->k + step * lanes_of(p, panel);
}

// MARK: the task

static void prepare_b(task *t, int64_t step, int64_t steps) {
    const plan *p = t->plan;
    const int64_t size = p->kernels->element_size;
    for (int64_t j = t->first_b; j < t->last_b; j++) {
        const int64_t columns = columns_of(p, j), lanes = lanes_of(p, j), i = j - t->first_b;
        if (p->b_direct && columns == lanes) {
            t->b_pointer[i] =
                (const char *)t->b.base + (j * p->width + step * t->b.step_stride) * size;
            t->b_step[i] = t->b.step_stride;
            continue;
        }
        if (p->b_whole) {
            t->b_pointer[i] = p->whole_b + whole_b_offset(p, t->b_entry, j, step) * size;
            t->b_step[i] = lanes;
            continue;
        }
        char *to = t->packed_b + i * p->width * p->kernels->k_block * size;
        p->pack_b(&t->b, j * p->width, columns, lanes, step, steps, to);
        t->b_pointer[i] = to;
        t->b_step[i] = lanes;
    }
}

static const void *panel_of_a(const task *t, int64_t panel, int64_t step, int64_t steps) {
    const plan *p = t->plan;
    const int64_t rows = rows_of(p, panel), row = first_row(p, panel), size = p->kernels->element_size;
    switch (p->a_mode) {
    case A_DIRECT:
        return (const char *)t->a.base + (row * t->a.line_stride + step * t->a.step_stride) * size;
    case A_WHOLE:
        return p->whole_a + ((t->a_entry * p->gemm->m + row) * p->gemm->k + step * rows) * size;
    case A_PANEL:
        p->pack_a(&t->a, row, rows, rows, step, steps, t->packed_a);
        return t->packed_a;
    }
}

static void multiply_block(task *t, int64_t step, int64_t steps) {
    const plan *p = t->plan;
    const mk_gemm *g = p->gemm;
    const int64_t size = p->kernels->element_size, tile_start = first_row(p, t->first_a);
    const bool last = step + steps >= g->k;
    prepare_b(t, step, steps);
    for (int64_t i = t->first_a; i < t->last_a; i++) {
        const int64_t rows = rows_of(p, i), row = first_row(p, i);
        const char *a = panel_of_a(t, i, step, steps);
        const char *row_bias = t->row_bias && last ? t->row_bias + row * size : NULL;
        const mk_gemm_kernel(*kernels)[MK_GEMM_MAX_ROWS] =
            p->a_mode == A_DIRECT ? p->kernels->strided : p->kernels->packed;
        for (int64_t j = t->first_b; j < t->last_b; j++) {
            const int64_t column = j * p->width, slot = j - t->first_b;
            const mk_gemm_kernel kernel = kernels[lanes_of(p, j) == p->width][rows - 1];
            if (t->tiled[slot]) {
                char *c = t->tile + (slot * t->tile_rows + row - tile_start) * p->width * size;
                kernel(steps, a, t->a.line_stride, t->a.step_stride, t->b_pointer[slot], t->b_step[slot], c, p->width,
                       step > 0, NULL, NULL);
                continue;
            }
            const int64_t offset = g->column_offsets ? g->column_offsets[column] : column;
            const char *column_bias =
                g->column_bias && last ? (const char *)g->column_bias + column * size : NULL;
            kernel(steps, a, t->a.line_stride, t->a.step_stride, t->b_pointer[slot], t->b_step[slot],
                   t->c + (row * g->c_row + offset) * size, g->c_row, step > 0 || g->accumulate, row_bias, column_bias);
        }
    }
}

static void export_tiles(const task *t) {
    const plan *p = t->plan;
    const mk_gemm *g = p->gemm;
    const int64_t size = p->kernels->element_size, c_size = mk_dtype_size(g->c_dtype);
    const int64_t row = first_row(p, t->first_a), rows = first_row(p, t->last_a) - row;
    for (int64_t j = t->first_b; j < t->last_b; j++) {
        const int64_t slot = j - t->first_b, column = j * p->width;
        if (!t->tiled[slot]) continue;
        mk_gemm_export job = {
            .dtype = g->dtype, .tile = t->tile + slot * t->tile_rows * p->width * size, .rows = rows,
            .columns = columns_of(p, j), .tile_row = p->width, .c_dtype = g->c_dtype, .c_row = g->c_row,
            .c_column = g->c_column, .accumulate = g->accumulate,
            .row_bias = t->row_bias ? t->row_bias + row * c_size : NULL,
            .column_bias = g->column_bias ? (const char *)g->column_bias + column * c_size : NULL,
            .column_offsets = g->column_offsets ? g->column_offsets + column : NULL,
        };
        job.c = t->c + (row * g->c_row + (g->column_offsets ? 0 : column * g->c_column)) * c_size;
        mk_gemm_export_tile(&job);
    }
}

/// A panel goes straight to C where it is full and its columns lie side by side there.
static bool must_tile(const plan *p, int64_t panel) {
    const int64_t columns = columns_of(p, panel), column = panel * p->width;
    if (!p->c_direct || columns != lanes_of(p, panel)) return true;
    const int64_t *offsets = p->gemm->column_offsets;
    return offsets && offsets[column + columns - 1] - offsets[column] != columns - 1;
}

static void start_task(task *t, const plan *p, int64_t index) {
    const mk_gemm *g = p->gemm;
    const int64_t size = p->kernels->element_size;
    const int64_t block_a = index % p->blocks_a, rest = index / p->blocks_a;
    const int64_t block_b = rest % p->blocks_b, entry = rest / p->blocks_b;
    t->plan = p;
    t->a = mk_gemm_view_of(&g->a, entry);
    t->b = mk_gemm_view_of(&g->b, entry);
    t->a_entry = entry_of(&g->a, entry);
    t->b_entry = entry_of(&g->b, entry);
    t->c = (char *)g->c + mk_gemm_batch_offset(entry, g->c_period, g->c_outer, g->c_inner) * mk_dtype_size(g->c_dtype);
    t->row_bias = g->row_bias;
    if (t->row_bias) t->row_bias += entry % g->row_bias_period * g->m * mk_dtype_size(g->c_dtype);
    t->first_a = block_a * p->panels_a / p->blocks_a;
    t->last_a = (block_a + 1) * p->panels_a / p->blocks_a;
    t->first_b = block_b * p->panels_b / p->blocks_b;
    t->last_b = (block_b + 1) * p->panels_b / p->blocks_b;
    t->tile_rows = first_row(p, t->last_a) - first_row(p, t->first_a);
    bool tiles = false, packs = !p->b_direct && !p->b_whole;
    for (int64_t j = t->first_b; j < t->last_b; j++) {
        tiles |= t->tiled[j - t->first_b] = must_tile(p, j);
        packs |= p->b_direct && columns_of(p, j) != lanes_of(p, j);
    }
    const int64_t panels = t->last_b - t->first_b, steps = mk_min64(g->k, p->kernels->k_block);
    if (tiles) t->tile = mk_scratch(MK_SCRATCH_C_TILE, panels * t->tile_rows * p->width * size);
    if (packs) t->packed_b = mk_scratch(MK_SCRATCH_B_BLOCK, (panels * p->kernels->k_block + 1) * p->width * size + 64);
    if (p->a_mode == A_PANEL) t->packed_a = mk_scratch(MK_SCRATCH_A_PANEL, p->kernels->rows * steps * size + 64);
}

static void run_tasks(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    const int64_t k = p->gemm->k, k_block = p->kernels->k_block;
    for (int64_t index = begin; index < end; index++) {
        task t;
        start_task(&t, p, index);
        int64_t step = 0;
        do {
            multiply_block(&t, step, mk_min64(k_block, k - step));
            step += k_block;
        } while (step < k);
        export_tiles(&t);
    }
}

// MARK: packing ahead

static void pack_panels(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    const mk_gemm *g = p->gemm;
    for (int64_t index = begin; index < end; index++) {
        const int64_t entry = index / p->panels_a, panel = index % p->panels_a;
        const int64_t rows = rows_of(p, panel), row = first_row(p, panel);
        mk_gemm_view view = mk_gemm_view_of(&g->a, entry);
        p->pack_a(&view, row, rows, rows, 0, g->k,
                  p->whole_a + (entry * g->m + row) * g->k * p->kernels->element_size);
    }
}

/// Tasks are (entry, panel, block of steps).
static void pack_blocks_of_b(void *context, int64_t begin, int64_t end) {
    const plan *p = context;
    const mk_gemm *g = p->gemm;
    const int64_t blocks = mk_ceil_div(g->k, p->kernels->k_block);
    for (int64_t index = begin; index < end; index++) {
        const int64_t step = index % blocks * p->kernels->k_block, panel = index / blocks % p->panels_b;
        const int64_t entry = index / blocks / p->panels_b;
        mk_gemm_view view = mk_gemm_view_of(&g->b, entry);
        p->pack_b(&view, panel * p->width, columns_of(p, panel), lanes_of(p, panel), step,
                  mk_min64(p->kernels->k_block, g->k - step),
                  p->whole_b + whole_b_offset(p, entry, panel, step) * p->kernels->element_size);
    }
}

static void run_all(int threads, int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t), void *context) {
    if (threads == 1 || count == 1)
        body(context, 0, count);
    else
        mk_parallel_for(count, grain, body, context);
}

static void pack_ahead(plan *p, int threads) {
    const mk_gemm *g = p->gemm;
    if (p->a_mode == A_WHOLE) {
        const int64_t entries = entries_of(&g->a, g->batch);
        p->whole_a = mk_scratch(MK_SCRATCH_A_WHOLE, entries * g->m * g->k * p->kernels->element_size + 64);
        run_all(threads, entries * p->panels_a, 1 + 65536 / (p->kernels->rows * g->k + 1), pack_panels, p);
    }
    if (p->b_whole) {
        const int64_t panels = entries_of(&g->b, g->batch) * p->panels_b;
        const int64_t blocks = mk_ceil_div(g->k, p->kernels->k_block);
        p->whole_b = mk_scratch(MK_SCRATCH_B_WHOLE, panels * p->width * g->k * p->kernels->element_size + 64);
        run_all(threads, panels * blocks, 1 + 8192 / (p->width * g->k / mk_max64(blocks, 1) + 1), pack_blocks_of_b, p);
    }
}

// MARK: the plan

static void choose_modes(plan *p) {
    const mk_gemm *g = p->gemm;
    const bool native_a = g->a.dtype == g->dtype, native_b = g->b.dtype == g->dtype;
    const bool tables_a = g->a.view.line_offsets || g->a.view.step_offsets;
    const bool tables_b = g->b.view.line_offsets || g->b.view.step_offsets;
    p->pack_a = native_a ? p->kernels->pack : mk_gemm_pack_half(g->a.dtype);
    p->pack_b = native_b ? p->kernels->pack : mk_gemm_pack_half(g->b.dtype);
    const int64_t a_entries = entries_of(&g->a, g->batch), size = p->kernels->element_size;
    if (native_a && !tables_a && (p->panels_b <= 4 || g->m * g->k * size <= DIRECT_A_BYTES))
        p->a_mode = A_DIRECT;
    else if (a_entries * g->m * g->k * size <= WHOLE_A_BYTES && (p->blocks_b > 1 || a_entries < g->batch))
        p->a_mode = A_WHOLE;
    else
        p->a_mode = A_PANEL;
    const int64_t b_entries = entries_of(&g->b, g->batch);
    // Few steps lie close together as they are.
    p->b_direct = native_b && !tables_b && g->b.view.line_stride == 1 && (p->panels_a <= 4 || g->k <= DIRECT_B_STEPS);
    // Tabled lines are packed with overhang, which must not reach a panel that another thread packs.
    p->b_whole = !p->b_direct && !tables_b && (p->blocks_a > 1 || b_entries < g->batch)
                 && b_entries * p->panels_b * p->width * g->k * size <= WHOLE_B_BYTES;
    p->c_direct = g->c_dtype == g->dtype && (g->column_offsets || g->c_column == 1);
}

static void choose_blocks(plan *p, int64_t work, int threads) {
    const mk_gemm *g = p->gemm;
    p->blocks_a = mk_ceil_div(p->panels_a, 20);
    p->blocks_b = mk_ceil_div(p->panels_b, 8);
    if (threads == 1) return;
    // Enough tasks to keep every thread busy to the end, none too small to pay for its packing.
    for (;;) {
        const int64_t tasks = g->batch * p->blocks_a * p->blocks_b;
        if (tasks >= 4 * threads || work / tasks < 2 * SERIAL_WORK) return;
        const bool can_a = p->blocks_a < p->panels_a, can_b = p->blocks_b < p->panels_b;
        if (!can_a && !can_b) return;
        const bool wide = g->n * p->blocks_a >= g->m * p->blocks_b;
        if (can_b && (wide || !can_a))
            p->blocks_b = mk_min64(p->blocks_b * 2, p->panels_b);
        else
            p->blocks_a = mk_min64(p->blocks_a * 2, p->panels_a);
    }
}

void mk_gemm_run(const mk_gemm *gemm) {
    if (mk_gemm_prefers_direct(gemm)) return mk_gemm_run_direct(gemm);
    plan p = {.gemm = gemm, .kernels = mk_gemm_kernels_for(gemm->dtype)};
    p.width = 2 * p.kernels->lanes;
    p.panels_a = mk_ceil_div(gemm->m, p.kernels->rows);
    p.panel_rows = gemm->m / p.panels_a;
    p.tall_panels = gemm->m % p.panels_a;
    p.panels_b = mk_ceil_div(gemm->n, p.width);
    const int64_t work = gemm->batch * gemm->m * gemm->n * gemm->k;
    const int threads = work < SERIAL_WORK ? 1 : mk_parallel_threads();
    choose_blocks(&p, work, threads);
    choose_modes(&p);
    const int64_t tasks = gemm->batch * p.blocks_a * p.blocks_b;
    pack_ahead(&p, threads);
    run_all(threads, tasks, mk_max64(1, tasks * 50000 / mk_max64(work, 1)), run_tasks, &p);
}

// MARK: choosing the kernels

static int isa_limit = MK_ISA_AVX512;

static int isa_of_processor(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl"))
        return MK_ISA_AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return MK_ISA_AVX2;
#endif
    return MK_ISA_BASELINE;
}

int mk_gemm_isa_in_use(void) {
    int isa = isa_of_processor();
    return isa < isa_limit ? isa : isa_limit;
}

int mk_gemm_limit_isa(int isa) {
    isa_limit = isa;
    return mk_gemm_isa_in_use();
}

const mk_gemm_kernels *mk_gemm_kernels_for(int dtype) {
    const bool wide = dtype == MK_FLOAT64;
#if defined(__x86_64__)
    switch (mk_gemm_isa_in_use()) {
    case MK_ISA_AVX512: return wide ? &mk_gemm_f64_avx512 : &mk_gemm_f32_avx512;
    case MK_ISA_AVX2: return wide ? &mk_gemm_f64_avx2 : &mk_gemm_f32_avx2;
    }
#endif
    return wide ? &mk_gemm_f64_baseline : &mk_gemm_f32_baseline;
}
