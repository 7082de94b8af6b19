// Winograd's convolution: the weights' transforms, and how the tiles are shared among threads.
#include "mk_winograd.h"

#include <math.h>
#include <string.h>

#include "matmul_clones.h"
#include "matmul_core.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"
#include "winograd_core.h"

enum {
    BLOCK = MK_WINOGRAD_BLOCK,
    /// Pieces of work for each thread, where there are enough: a slow core takes fewer.
    ITEMS_A_THREAD = 4,
};

int64_t mk_winograd_weight_bytes(const mk_winograd *s) {
    return mk_winograd_positions(s) * s->in_channels * s->out_channels * (int64_t)sizeof(float);
}

// MARK: weights

typedef double wide __attribute__((vector_size(BLOCK * 8), aligned(8)));
typedef float lanes __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));

/// G of a line of three numbers a, b, c, for 16 output channels at once; results lie `step` apart. A macro, since a vector of
/// this width cannot be passed between functions built for different instruction sets.
#define WEIGHT_LINE(tile, a, b, c, result, step) \
    do { \
        const wide a_ = (a), b_ = (b), c_ = (c); \
        (result)[0] = a_; \
        if ((tile) == 2) { \
            (result)[step] = (a_ + b_ + c_) * 0.5; \
            (result)[2 * (step)] = (a_ - b_ + c_) * 0.5; \
        } else { \
            (result)[step] = (a_ + b_ * M_SQRT1_2 + c_ * 0.5) * (-2.0 / 3); \
            (result)[2 * (step)] = (a_ - b_ * M_SQRT1_2 + c_ * 0.5) * (-2.0 / 3); \
            (result)[3 * (step)] = (a_ + b_ * M_SQRT2 + c_ * 2) * (1.0 / 6); \
            (result)[4 * (step)] = (a_ - b_ * M_SQRT2 + c_ * 2) * (1.0 / 6); \
        } \
        (result)[((tile) + 1) * (step)] = c_; \
    } while (0)

typedef struct {
    const mk_winograd *shape;
    const float *weights;
    float *transformed;
} transformation;

/// Which of the weights' kernels leads from one channel to another.
static inline int64_t kernel_of(const mk_winograd *s, int64_t out, int64_t in) {
    return s->is_gradient ? in * s->out_channels + out : out * s->in_channels + in;
}

/// Transformed weights lie as [out channels / 16][position][in channels][16].
static MK_CLONES void transform_block(const transformation *t, int64_t block) {
    // Places of one input channel lie so that they meet in one set of a cache: a few channels are written together.
    enum { TOGETHER = 8 };
    const mk_winograd *s = t->shape;
    const int size = s->tile + 2;
    const int64_t positions = mk_winograd_positions(s), channels = s->in_channels;
    float some[36][TOGETHER][BLOCK];
    for (int64_t first = 0; first < channels; first += TOGETHER) {
        for (int in = 0; in < TOGETHER; in++) {
            float given[9][BLOCK];
            wide g[9], half[18], whole[36];
            for (int out = 0; out < BLOCK; out++) {
                const float *kernel = t->weights + kernel_of(s, block * BLOCK + out, first + in) * 9;
                for (int k = 0; k < 9; k++) given[k][out] = kernel[s->is_gradient ? 8 - k : k];
            }
            for (int k = 0; k < 9; k++) g[k] = __builtin_convertvector(*(lanes *)given[k], wide);
            for (int j = 0; j < 3; j++) WEIGHT_LINE(s->tile, g[j], g[3 + j], g[6 + j], half + j, 3);
            for (int i = 0; i < size; i++)
                WEIGHT_LINE(s->tile, half[i * 3], half[i * 3 + 1], half[i * 3 + 2], whole + i * size, 1);
            for (int64_t p = 0; p < positions; p++) *(lanes *)some[p][in] = __builtin_convertvector(whole[p], lanes);
        }
        float *to = t->transformed + (block * positions * channels + first) * BLOCK;
        for (int64_t p = 0; p < positions; p++) memcpy(to + p * channels * BLOCK, some[p], sizeof some[p]);
    }
}

static void transform_blocks(void *context, int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; block++) transform_block(context, block);
}

void mk_winograd_transform(const mk_winograd *shape, const float *weights, float *transformed) {
    transformation t = {shape, weights, transformed};
    mk_parallel_for(shape->out_channels / BLOCK, 1, transform_blocks, &t);
}

// MARK: tiles

const mk_winograd_kernels *mk_winograd_kernels_in_use(void) {
#if defined(__x86_64__)
    switch (mk_gemm_isa_in_use()) {
    case MK_ISA_AVX512: return &mk_winograd_avx512;
    case MK_ISA_AVX2: return &mk_winograd_avx2;
    }
#endif
    return &mk_winograd_baseline;
}

/// How the work is cut: into blocks of tiles, and output channels into parts where there are few of those.
typedef struct {
    const mk_winograd *shape;
    const mk_winograd_memory *memory;
    const mk_winograd_kernels *kernels;
    int64_t tiles_down, tiles_across, tiles;
    int64_t block_tiles, tile_blocks, parts;
} division;

/// Tiles of a block: few, so that V and M stay in the second cache beside the weights; more where the weights do not fit in
/// there anyway and are read anew for each block.
static int64_t wanted_tiles(const division *d, int threads) {
    enum { LEAST = 14, FEW = 28, MANY = 84, WEIGHTS_A_TILE = 2048 };
    const int64_t weights = d->shape->in_channels * d->shape->out_channels;
    const int64_t wanted = mk_max64(FEW, mk_min64(MANY, weights / WEIGHTS_A_TILE));
    return wanted == FEW && d->tiles < wanted * threads * ITEMS_A_THREAD ? LEAST : wanted;
}

static division divide(const mk_winograd *s, const mk_winograd_memory *memory) {
    division d = {.shape = s, .memory = memory, .kernels = mk_winograd_kernels_in_use(), .parts = 1};
    const int threads = mk_parallel_threads();
    d.tiles_down = mk_ceil_div(s->out_height, s->tile);
    d.tiles_across = mk_ceil_div(s->out_width, s->tile);
    d.tiles = s->batch * d.tiles_down * d.tiles_across;
    d.block_tiles = mk_ceil_div(d.tiles, mk_ceil_div(d.tiles, wanted_tiles(&d, threads)));
    d.tile_blocks = mk_ceil_div(d.tiles, d.block_tiles);
    // Each part transforms the input again, which shows where it has few output channels.
    while (threads > 1 && d.tile_blocks * d.parts < threads * ITEMS_A_THREAD
           && s->out_channels >= 4 * d.parts * MK_WINOGRAD_CHUNK * BLOCK)
        d.parts *= 2;
    return d;
}

static void run_items(void *context, int64_t begin, int64_t end) {
    const division *d = context;
    const mk_winograd *s = d->shape;
    const int64_t positions = mk_winograd_positions(s), out_blocks = s->out_channels / BLOCK;
    for (int64_t item = begin; item < end; item++) {
        const int64_t part = item / d->tile_blocks, first = item % d->tile_blocks * d->block_tiles;
        mk_winograd_tiles t = {
            .shape = s, .memory = d->memory, .tiles_down = d->tiles_down, .tiles_across = d->tiles_across,
            .first = first, .count = mk_min64(d->block_tiles, d->tiles - first),
            .out_begin = out_blocks * part / d->parts, .out_end = out_blocks * (part + 1) / d->parts};
        const int64_t panels = mk_ceil_div(t.count, d->kernels->rows);
        t.rows = t.count / panels;
        t.tall = t.count % panels;
        // A block more between positions keeps them from meeting in one set of a cache.
        t.v_step = t.count * s->in_channels + BLOCK;
        t.m_step = t.count * MK_WINOGRAD_CHUNK * BLOCK + BLOCK;
        t.v = mk_scratch(MK_SCRATCH_WINOGRAD, positions * (t.v_step + t.m_step) * (int64_t)sizeof(float));
        t.m = t.v + positions * t.v_step;
        d->kernels->run[s->tile == 4](&t);
    }
}

void mk_winograd_run(const mk_winograd *shape, const mk_winograd_memory *memory) {
    division d = divide(shape, memory);
    mk_parallel_for(d.tile_blocks * d.parts, 1, run_items, &d);
}
