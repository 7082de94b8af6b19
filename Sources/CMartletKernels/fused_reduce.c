#include <math.h>
#include <string.h>

#include "fused_run.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"

// Reductions at the end of a tile program. The space is [A, R, B], flattened in that order: a kept, r reduced, b kept.
// For each a, the r are cut into blocks whose size depends on R and B alone; a block is summed in order, blocks are added in
// order. So a reduction's tree never depends on strides, fusion or the number of threads.

enum { MAX_OUTPUTS = MK_MAX_REGISTERS, BLOCK_ELEMENTS = 8192, SERIAL_ELEMENTS = 16384 };
/// Bytes of accumulators beyond which the results are taken a share at a time: some a, or of one a some tiles of the b, at least one.
enum { SHARE_BYTES = 2 << 20 };
/// Columns whose accumulators stay in a register from row to row: a block of channels.
enum { LANES = 16 };

typedef struct {
    const fused_run *run;
    int64_t a, r, b;      // sizes
    int64_t begin, end;   // the share that accumulators are there for: the a,
    int64_t left, right;  // and the b
    int64_t block;        // r in a block
    int64_t blocks;       // blocks an a has
    int64_t b_tile, b_tiles;
    int reduced[MAX_OUTPUTS], reduced_count;
    int type[MAX_OUTPUTS];
    char *partials;       // [reduced][a, block, b] of the share in accumulators of 8 bytes
} reduction;

// MARK: accumulators, one element each: float, double or int64 in 8 bytes

#define FOLD(NAME, T, IDENTITY, STEP)                                                                     \
    TILE_CLONES static void NAME##_lanes(T *restrict acc, const T *restrict x, int64_t rows, int64_t n) { \
        int64_t i = 0;                                                                                    \
        for (; i + LANES <= n; i += LANES) {                                                              \
            T lane[LANES];                                                                                \
            for (int j = 0; j < LANES; j++) lane[j] = acc[i + j];                                         \
            for (int64_t row = 0; row < rows; row++) {                                                    \
                const T *from = x + row * n + i;                                                          \
                for (int j = 0; j < LANES; j++) { T s = lane[j], v = from[j]; lane[j] = (STEP); }         \
            }                                                                                             \
            for (int j = 0; j < LANES; j++) acc[i + j] = lane[j];                                         \
        }                                                                                                 \
        for (int64_t row = 0; row < rows; row++) {                                                        \
            const T *from = x + row * n;                                                                  \
            for (int64_t j = i; j < n; j++) { T s = acc[j], v = from[j]; acc[j] = (STEP); }               \
        }                                                                                                 \
    }                                                                                                     \
    TILE_CLONES static T NAME##_row(const T *restrict x, int64_t n) {                                     \
        T lane[32];                                                                                       \
        for (int i = 0; i < 32; i++) lane[i] = (IDENTITY);                                                \
        int64_t i = 0;                                                                                    \
        for (; i + 32 <= n; i += 32) {                                                                    \
            for (int j = 0; j < 32; j++) { T s = lane[j], v = x[i + j]; lane[j] = (STEP); }               \
        }                                                                                                 \
        for (int j = 0; i + j < n; j++) { T s = lane[j], v = x[i + j]; lane[j] = (STEP); }                \
        for (int half = 16; half; half /= 2) {                                                            \
            for (int j = 0; j < half; j++) { T s = lane[j], v = lane[j + half]; lane[j] = (STEP); }       \
        }                                                                                                 \
        return lane[0];                                                                                   \
    }

FOLD(sum_f32, float, 0, s + v)
FOLD(product_f32, float, 1, s * v)
FOLD(max_f32, float, -INFINITY, s != s ? s : v != v ? v : s > v ? s : v)
FOLD(min_f32, float, INFINITY, s != s ? s : v != v ? v : s < v ? s : v)
FOLD(sum_f64, double, 0, s + v)
FOLD(product_f64, double, 1, s * v)
FOLD(max_f64, double, -INFINITY, s != s ? s : v != v ? v : s > v ? s : v)
FOLD(min_f64, double, INFINITY, s != s ? s : v != v ? v : s < v ? s : v)
FOLD(sum_i64, int64_t, 0, (int64_t)((uint64_t)s + (uint64_t)v))
FOLD(product_i64, int64_t, 1, (int64_t)((uint64_t)s * (uint64_t)v))
FOLD(max_i64, int64_t, INT64_MIN, s > v ? s : v)
FOLD(min_i64, int64_t, INT64_MAX, s < v ? s : v)

/// Calls the fold of a kind and type: `rows` rows of `n` elements of x are added one after the other, lane by lane, into `acc`
/// (B > 1), or the n elements of one row become one accumulator (B = 1).
#define DISPATCH(TYPE, S, T)                                                                     \
    static void lanes_##S(int kind, void *acc, const void *x, int64_t rows, int64_t n) {         \
        switch (kind) {                                                                          \
        case MK_RED_PRODUCT: product_##S##_lanes(acc, x, rows, n); break;                        \
        case MK_RED_MAX: case MK_RED_ANY: max_##S##_lanes(acc, x, rows, n); break;               \
        case MK_RED_MIN: case MK_RED_ALL: min_##S##_lanes(acc, x, rows, n); break;               \
        default: sum_##S##_lanes(acc, x, rows, n); break;                                        \
        }                                                                                        \
    }                                                                                            \
    static T row_##S(int kind, const void *x, int64_t n) {                                       \
        switch (kind) {                                                                          \
        case MK_RED_PRODUCT: return product_##S##_row(x, n);                                     \
        case MK_RED_MAX: case MK_RED_ANY: return max_##S##_row(x, n);                            \
        case MK_RED_MIN: case MK_RED_ALL: return min_##S##_row(x, n);                            \
        default: return sum_##S##_row(x, n);                                                     \
        }                                                                                        \
    }
DISPATCH(MK_R_F32, f32, float)
DISPATCH(MK_R_F64, f64, double)
DISPATCH(MK_R_I64, i64, int64_t)

static void fold_lanes(int type, int kind, void *acc, const void *x, int64_t rows, int64_t n) {
    if (type == MK_R_F32) lanes_f32(kind, acc, x, rows, n);
    else if (type == MK_R_F64) lanes_f64(kind, acc, x, rows, n);
    else lanes_i64(kind, acc, x, rows, n);
}

static void fold_row(int type, int kind, void *target, const void *x, int64_t n) {
    if (type == MK_R_F32) *(float *)target = row_f32(kind, x, n);
    else if (type == MK_R_F64) *(double *)target = row_f64(kind, x, n);
    else *(int64_t *)target = row_i64(kind, x, n);
}

static int accumulator_size(int type) { return type == MK_R_F32 ? 4 : 8; }

/// Booleans are reduced as int64.
static const void *widened(int type, const void *x, int64_t *scratch, int64_t n) {
    if (type != MK_R_BOOL) return x;
    for (int64_t i = 0; i < n; i++) scratch[i] = ((const uint8_t *)x)[i] != 0;
    return scratch;
}

// MARK: one block of one a

static char *partial(const reduction *red, int k, int64_t a, int64_t block) {
    int64_t width = red->right - red->left, accumulators = (red->end - red->begin) * red->blocks * width;
    return red->partials + (k * accumulators + ((a - red->begin) * red->blocks + block) * width) * 8;
}

/// B = 1: a block is one stretch of the flattened space, cut into tiles; the tiles' rows are folded in order.
static void stretch(const reduction *red, fused_registers *registers, int64_t a, int64_t block) {
    const mk_program *p = red->run->program;
    int64_t first = block * red->block, last = first + red->block < red->r ? first + red->block : red->r;
    int64_t scratch[MK_TILE];
    for (int64_t r = first; r < last; r += MK_TILE) {
        int64_t n = last - r < MK_TILE ? last - r : MK_TILE;
        fused_tile(red->run, registers, a * red->r + r, n, fused_ahead(red->run, last - r - n));
        for (int k = 0; k < red->reduced_count; k++) {
            const mk_output *out = &p->outputs[red->reduced[k]];
            const void *x = widened(red->type[k], registers->tiles[out->reg], scratch, n);
            int type = red->type[k] == MK_R_BOOL ? MK_R_I64 : red->type[k];
            int64_t one = 0;
            fold_row(type, out->reduction, &one, x, n);
            char *target = partial(red, k, a, block);
            if (r == first) memcpy(target, &one, 8);
            else fold_lanes(type, out->reduction, target, &one, 1, 1);
        }
    }
}

/// B = 1 and R small: several rows share a tile, each folded to its own accumulator.
static void short_rows(const reduction *red, fused_registers *registers, int64_t a, int64_t rows) {
    const mk_program *p = red->run->program;
    int64_t scratch[MK_TILE], n = rows * red->r;
    fused_tile(red->run, registers, a * red->r, n, 0);
    for (int k = 0; k < red->reduced_count; k++) {
        const mk_output *out = &p->outputs[red->reduced[k]];
        const char *x = widened(red->type[k], registers->tiles[out->reg], scratch, n);
        int type = red->type[k] == MK_R_BOOL ? MK_R_I64 : red->type[k];
        for (int64_t row = 0; row < rows; row++) {
            fold_row(type, out->reduction, partial(red, k, a + row, 0), x + row * red->r * accumulator_size(type), red->r);
        }
    }
}

/// B > 1: rows of B are added lane by lane; short rows come several to a tile.
static void columns(const reduction *red, fused_registers *registers, int64_t a, int64_t block, int64_t b_tile) {
    const mk_program *p = red->run->program;
    int64_t first = block * red->block, last = first + red->block < red->r ? first + red->block : red->r;
    int64_t b = red->left + b_tile * red->b_tile, width = red->right - b < red->b_tile ? red->right - b : red->b_tile;
    int64_t together = width == red->b ? MK_TILE / width : 1;
    int64_t scratch[MK_TILE];
    for (int64_t r = first; r < last; r += together) {
        int64_t rows = last - r < together ? last - r : together;
        const int64_t left = width == red->b ? (last - r - rows) * width : 0;
        fused_tile(
            red->run, registers, (a * red->r + r) * red->b + b, rows * width, fused_ahead(red->run, left));
        for (int k = 0; k < red->reduced_count; k++) {
            const mk_output *out = &p->outputs[red->reduced[k]];
            const char *x = widened(red->type[k], registers->tiles[out->reg], scratch, rows * width);
            int type = red->type[k] == MK_R_BOOL ? MK_R_I64 : red->type[k], size = accumulator_size(type);
            char *target = partial(red, k, a, block) + (b - red->left) * size;
            const int64_t begun = r == first;
            if (begun) memcpy(target, x, (size_t)(width * size));
            fold_lanes(type, out->reduction, target, x + begun * width * size, rows - begun, width);
        }
    }
}

/// B > 1 and R·B small: several a share a tile.
static void short_columns(const reduction *red, fused_registers *registers, int64_t a, int64_t count) {
    const mk_program *p = red->run->program;
    int64_t scratch[MK_TILE], each = red->r * red->b, n = count * each;
    fused_tile(red->run, registers, a * each, n, 0);
    for (int k = 0; k < red->reduced_count; k++) {
        const mk_output *out = &p->outputs[red->reduced[k]];
        const char *x = widened(red->type[k], registers->tiles[out->reg], scratch, n);
        int type = red->type[k] == MK_R_BOOL ? MK_R_I64 : red->type[k], size = accumulator_size(type);
        for (int64_t i = 0; i < count; i++) {
            char *target = partial(red, k, a + i, 0);
            const char *own = x + i * each * size;
            memcpy(target, own, (size_t)(red->b * size));
            fold_lanes(type, out->reduction, target, own + red->b * size, red->r - 1, red->b);
        }
    }
}

// MARK: the whole

/// How many a share a tile; 0 where one takes a tile or more.
static int64_t together_of(const reduction *red) {
    int64_t each = red->r * red->b;
    return red->blocks == 1 && each <= MK_TILE / 2 ? MK_TILE / each : 0;
}

static void run_units(void *context, int64_t begin, int64_t end) {
    const reduction *red = context;
    fused_registers *registers = fused_registers_for(red->run, MK_TILE);
    int64_t together = together_of(red);
    if (together) {
        const int64_t last = red->begin + end;
        for (int64_t a = red->begin + begin; a < last; a += together) {
            int64_t count = last - a < together ? last - a : together;
            if (red->b == 1) short_rows(red, registers, a, count);
            else short_columns(red, registers, a, count);
        }
        return;
    }
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t b_tile = unit % red->b_tiles, block = unit / red->b_tiles % red->blocks;
        int64_t a = red->begin + unit / red->b_tiles / red->blocks;
        if (red->b == 1) stretch(red, registers, a, block);
        else columns(red, registers, a, block, b_tile);
    }
}

/// Adds the blocks of each accumulator in order.
static void combine(const reduction *red, int k) {
    const mk_output *out = &red->run->program->outputs[red->reduced[k]];
    int type = red->type[k] == MK_R_BOOL ? MK_R_I64 : red->type[k];
    for (int64_t a = red->begin; a < red->end; a++) {
        for (int64_t block = 1; block < red->blocks; block++) {
            fold_lanes(
                type, out->reduction, partial(red, k, a, 0), partial(red, k, a, block), 1, red->right - red->left);
        }
    }
}

/// The dimensions before a row's, of the row of results that a share begins in.
static void row_index(const reduction *red, int64_t row, int64_t *index) {
    const mk_program *p = red->run->program;
    int64_t a = red->begin, b = red->left / row;
    for (int d = p->rank - 1; d >= 0; d--) {
        index[d] = 0;
        if ((d >= p->reduced_begin && d < p->reduced_end) || (p->reduced_end < p->rank && d == p->rank - 1)) continue;
        int64_t *rest = d < p->reduced_begin ? &a : &b;
        index[d] = *rest % p->dims[d];
        *rest /= p->dims[d];
    }
}

static void next_row(const mk_program *p, int64_t *index) {
    for (int d = p->reduced_end < p->rank ? p->rank - 2 : p->rank - 1; d >= 0; d--) {
        if (d >= p->reduced_begin && d < p->reduced_end) continue;
        if (++index[d] < p->dims[d]) return;
        index[d] = 0;
    }
}

/// Rounds the results to their type and writes them where the output's strides say.
static void deliver(const reduction *red, int k) {
    const mk_program *p = red->run->program;
    const mk_output *out = &p->outputs[red->reduced[k]];
    int type = red->type[k] == MK_R_BOOL ? MK_R_I64 : red->type[k], size = accumulator_size(type);
    char *base = red->run->pointers[out->buffer];
    int64_t element = tile_dtype_size(out->dtype);
    int store_type = out->dtype == MK_BOOL ? MK_R_BOOL : type;
    int64_t row = p->reduced_end < p->rank ? p->dims[p->rank - 1] : 1;
    int64_t inner = p->reduced_end < p->rank ? out->strides[p->rank - 1] : 1;
    int64_t index[MK_MAX_RANK];
    row_index(red, row, index);
    for (int64_t a = red->begin; a < red->end; a++) {
        char *source = partial(red, k, a, 0);
        if (type == MK_R_I64 && out->dtype == MK_BOOL) {
            for (int64_t i = 0; i < red->right - red->left; i++) ((uint8_t *)source)[i] = ((int64_t *)source)[i] != 0;
            size = 1;
        } else {
            tile_round(out->dtype, source, red->right - red->left);
        }
        for (int64_t b = red->left, n; b < red->right; b += n) {
            const int64_t column = b % row, left = red->right - b;
            n = row - column < left ? row - column : left;
            int64_t offset = column * inner;
            for (int d = 0; d < p->rank; d++) offset += index[d] * out->strides[d];
            tile_store(out->dtype, store_type, source + (b - red->left) * size, base + offset * element, inner, n);
            if (column + n == row) next_row(p, index);
        }
    }
}

/// Reduces the share that accumulators are there for.
static void run_share(reduction *red) {
    const mk_program *p = red->run->program;
    const int64_t a = red->end - red->begin, width = red->right - red->left, together = together_of(red);
    red->b_tiles = (width + red->b_tile - 1) / red->b_tile;
    const int64_t units = together ? a : a * red->blocks * red->b_tiles, total = a * red->r * width;
    const int64_t work = total / (units ? units : 1) * (p->instruction_count + 1);
    int64_t grain = total <= SERIAL_ELEMENTS ? units : 16384 / (work ? work : 1);
    if (together) grain = (grain / together + 1) * together;
    mk_parallel_for(units, grain < 1 ? 1 : grain, run_units, red);
    for (int k = 0; k < red->reduced_count; k++) {
        combine(red, k);
        deliver(red, k);
    }
}

void fused_reduce(const fused_run *run) {
    const mk_program *p = run->program;
    reduction red = {.run = run, .a = 1, .r = 1, .b = 1};
    for (int d = 0; d < p->rank; d++) {
        if (d < p->reduced_begin) red.a *= p->dims[d];
        else if (d < p->reduced_end) red.r *= p->dims[d];
        else red.b *= p->dims[d];
    }
    for (int o = 0; o < p->output_count; o++) {
        if (p->outputs[o].reduction == MK_RED_NONE) continue;
        red.reduced[red.reduced_count] = o;
        red.type[red.reduced_count] = p->layout.type[p->outputs[o].reg];
        red.reduced_count++;
    }
    red.block = BLOCK_ELEMENTS / red.b < 128 ? 128 : BLOCK_ELEMENTS / red.b;
    red.blocks = (red.r + red.block - 1) / red.block;
    red.b_tile = red.b < MK_TILE ? red.b : MK_TILE;
    const int64_t each = red.reduced_count * red.blocks * 8, fit = SHARE_BYTES / each;
    const int64_t tiles = fit / red.b_tile < 1 ? 1 : fit / red.b_tile;
    const int64_t width = fit < red.b && tiles * red.b_tile < red.b ? tiles * red.b_tile : red.b;
    const int64_t share = fit / red.b < 1 ? 1 : fit / red.b < red.a ? fit / red.b : red.a;
    red.partials = mk_scratch(MK_SCRATCH_PARTIALS, share * width * each);
    for (red.begin = 0; red.begin < red.a; red.begin = red.end) {
        red.end = red.begin + share < red.a ? red.begin + share : red.a;
        for (red.left = 0; red.left < red.b; red.left = red.right) {
            red.right = red.left + width < red.b ? red.left + width : red.b;
            run_share(&red);
        }
    }
}
