// Winograd's weight gradient: how the tiles and channels are shared among threads, and the last transform.
#include <math.h>
#include <string.h>

#include "matmul_clones.h"
#include "matmul_core.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"
#include "mk_winograd.h"
#include "winograd_core.h"

enum {
    BLOCK = MK_WINOGRAD_BLOCK,
    SQUARE = BLOCK * BLOCK,
    MOST_PARTS = 8,
    /// Bytes of all parts' sums, about, where there is more than one.
    PARTS_BYTES = 12 << 20,
    /// Bytes of the transforms that are multiplied together: half a second cache, about.
    TOGETHER_BYTES = 1 << 20,
    LEAST_TOGETHER = 64,
    MOST_TOGETHER = 160,
};

/// How the work is cut: the tiles into parts with sums of their own, which the shape alone decides since it decides the order
/// of additions; channels into ranges.
typedef struct {
    const mk_winograd *shape;
    const float *input, *gradient;
    float *result, *sums;
    const mk_winograd_kernels *kernels;
    int64_t tiles_down, tiles_across, tiles, together;
    int64_t parts, part_sums, in_ranges, out_ranges;
} division;

static int64_t parts_of(const mk_winograd *s, int64_t tiles, int64_t together) {
    const int64_t bytes = mk_winograd_positions(s) * s->in_channels * s->out_channels * (int64_t)sizeof(float);
    int64_t parts = 1;
    while (parts < MOST_PARTS && 2 * parts * bytes <= PARTS_BYTES && tiles >= 4 * parts * together) parts *= 2;
    return parts;
}

static division divide(const mk_winograd *s) {
    division d = {.shape = s, .kernels = mk_winograd_kernels_in_use(), .in_ranges = 1, .out_ranges = 1};
    d.tiles_down = mk_ceil_div(s->out_height, s->tile);
    d.tiles_across = mk_ceil_div(s->out_width, s->tile);
    d.tiles = s->batch * d.tiles_down * d.tiles_across;
    const int64_t bytes = mk_winograd_positions(s) * (s->in_channels + s->out_channels) * (int64_t)sizeof(float);
    d.together = mk_max64(LEAST_TOGETHER, mk_min64(MOST_TOGETHER, TOGETHER_BYTES / bytes));
    d.parts = parts_of(s, d.tiles, d.together);
    d.part_sums = mk_winograd_positions(s) * s->in_channels * s->out_channels;
    return d;
}

/// Cuts channels where there are too few parts for the threads: the wider side first, since the other one's transforms are then
/// made again.
static void share(division *d, int threads) {
    const int64_t in_blocks = d->shape->in_channels / BLOCK, out_blocks = d->shape->out_channels / BLOCK;
    while (threads > 1 && d->parts * d->in_ranges * d->out_ranges < 2 * threads) {
        if (out_blocks / d->out_ranges >= in_blocks / d->in_ranges && out_blocks >= 4 * d->out_ranges)
            d->out_ranges *= 2;
        else if (in_blocks >= 4 * d->in_ranges)
            d->in_ranges *= 2;
        else
            return;
    }
}

int64_t mk_winograd_sum_bytes(const mk_winograd *shape) {
    const division d = divide(shape);
    return d.parts * d.part_sums * (int64_t)sizeof(float);
}

static void sum_items(void *context, int64_t begin, int64_t end) {
    const division *d = context;
    const mk_winograd *s = d->shape;
    const int64_t positions = mk_winograd_positions(s);
    const int64_t in_blocks = s->in_channels / BLOCK, out_blocks = s->out_channels / BLOCK;
    for (int64_t item = begin; item < end; item++) {
        const int64_t in = item % d->in_ranges, out = item / d->in_ranges % d->out_ranges;
        const int64_t part = item / d->in_ranges / d->out_ranges;
        const int64_t first = d->tiles * part / d->parts;
        mk_winograd_stretch t = {
            .shape = s, .input = d->input, .gradient = d->gradient, .tiles_down = d->tiles_down,
            .tiles_across = d->tiles_across, .first = first, .count = d->tiles * (part + 1) / d->parts - first,
            .in_begin = in_blocks * in / d->in_ranges, .in_end = in_blocks * (in + 1) / d->in_ranges,
            .out_begin = out_blocks * out / d->out_ranges, .out_end = out_blocks * (out + 1) / d->out_ranges,
            .together = d->together, .sums = d->sums + part * d->part_sums};
        // A block more between positions keeps them from meeting in one set of a cache.
        t.v_step = (d->together * (t.in_end - t.in_begin) + 1) * BLOCK;
        t.w_step = (d->together * (t.out_end - t.out_begin) + 1) * BLOCK;
        t.v = mk_scratch(MK_SCRATCH_WINOGRAD, positions * (t.v_step + t.w_step) * (int64_t)sizeof(float));
        t.w = t.v + positions * t.v_step;
        d->kernels->sum[s->tile == 4](&t);
    }
}

// MARK: the last transform

typedef double wide __attribute__((vector_size(BLOCK * 8), aligned(8)));
typedef float lanes __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));

/// Gᵀ of a line of tile + 2 sums that lie `step` apart. A macro for the reason that winograd.c gives.
#define SUM_LINE(tile, r, step, a, b, c) \
    do { \
        if ((tile) == 2) { \
            const wide even_ = ((r)[step] + (r)[2 * (step)]) * 0.5; \
            (a) = (r)[0] + even_; \
            (b) = ((r)[step] - (r)[2 * (step)]) * 0.5; \
            (c) = even_ + (r)[3 * (step)]; \
        } else { \
            const wide even_ = (r)[step] + (r)[2 * (step)], far_ = (r)[3 * (step)] + (r)[4 * (step)]; \
            (a) = (r)[0] - even_ * (2.0 / 3) + far_ * (1.0 / 6); \
            (b) = ((r)[3 * (step)] - (r)[4 * (step)]) * (M_SQRT2 / 6) \
                - ((r)[step] - (r)[2 * (step)]) * (M_SQRT2 / 3); \
            (c) = (far_ - even_) * (1.0 / 3) + (r)[5 * (step)]; \
        } \
    } while (0)

/// The gradients of one output channel and 16 input channels.
static MK_CLONES void transform_sums(const division *d, int64_t out, int64_t in_block) {
    const mk_winograd *s = d->shape;
    const int size = s->tile + 2;
    const int64_t positions = mk_winograd_positions(s), in_blocks = s->in_channels / BLOCK;
    const float *from = d->sums + (out / BLOCK * positions * in_blocks + in_block) * SQUARE + out % BLOCK * BLOCK;
    wide whole[36], half[18], g[9];
    for (int64_t p = 0; p < positions; p++) {
        whole[p] = __builtin_convertvector(*(const lanes *)(from + p * in_blocks * SQUARE), wide);
        for (int64_t part = 1; part < d->parts; part++)
            whole[p] +=
                __builtin_convertvector(*(const lanes *)(from + part * d->part_sums + p * in_blocks * SQUARE), wide);
    }
    for (int j = 0; j < size; j++) SUM_LINE(s->tile, whole + j, size, half[j], half[6 + j], half[12 + j]);
    for (int i = 0; i < 3; i++) SUM_LINE(s->tile, half + 6 * i, 1, g[3 * i], g[3 * i + 1], g[3 * i + 2]);
    float *to = d->result + (out * s->in_channels + in_block * BLOCK) * 9;
    for (int k = 0; k < 9; k++) {
        float line[BLOCK];
        *(lanes *)line = __builtin_convertvector(g[k], lanes);
        for (int in = 0; in < BLOCK; in++) to[in * 9 + k] = line[in];
    }
}

static void transform_items(void *context, int64_t begin, int64_t end) {
    const division *d = context;
    for (int64_t out = begin; out < end; out++)
        for (int64_t block = 0; block < d->shape->in_channels / BLOCK; block++) transform_sums(d, out, block);
}

void mk_winograd_weight_gradient(
    const mk_winograd *shape, const float *input, const float *gradient, float *result, float *sums) {
    division d = divide(shape);
    d.input = input, d.gradient = gradient, d.result = result, d.sums = sums;
    share(&d, mk_parallel_threads());
    mk_parallel_for(d.parts * d.in_ranges * d.out_ranges, 1, sum_items, &d);
    mk_parallel_for(shape->out_channels, 4, transform_items, &d);
}
