// What the files of Winograd's convolution share.
//
// A block of tiles is one piece of work and stays in the second cache: the input's transforms V, then, for a few output channels
// at a time, the products M = V · U at each of the (tile + 2)² positions, then the output's transforms.
#ifndef WINOGRAD_CORE_H
#define WINOGRAD_CORE_H

#include "mk_winograd.h"

enum {
    MK_WINOGRAD_BLOCK = 16,
    MK_WINOGRAD_MAX_ROWS = 14,
    /// Blocks of output channels that are multiplied before they are transformed.
    MK_WINOGRAD_CHUNK = 4,
};

/// What a block of tiles works on. Distances are in floats.
typedef struct {
    const mk_winograd *shape;
    const mk_winograd_memory *memory;
    int64_t tiles_down, tiles_across;
    int64_t first, count;          // tiles of this block, numbered over image, row, column
    int64_t out_begin, out_end;    // blocks of output channels
    /// Panels of tiles side by side in V: `tall` of `rows` + 1 tiles, then others of `rows`.
    int64_t rows, tall;
    /// V: [position][panel][in channels / 16][tile of the panel][16]; positions lie `v_step` apart.
    float *v;
    int64_t v_step;
    /// M: [position][block of the chunk][tile][16].
    float *m;
    int64_t m_step;
} mk_winograd_tiles;

/// Runs a block of tiles with the instructions of one set.
typedef void (*mk_winograd_kernel)(const mk_winograd_tiles *tiles);

/// A stretch of tiles and a square of channel blocks of a weight gradient.
typedef struct {
    const mk_winograd *shape;
    const float *input, *gradient;
    int64_t tiles_down, tiles_across;
    int64_t first, count;
    int64_t in_begin, in_end, out_begin, out_end;
    /// Tiles that are transformed before they are multiplied.
    int64_t together;
    /// The transforms of input and gradient: [position][channels / 16][tile][16]; positions lie a step apart.
    float *v, *w;
    int64_t v_step, w_step;
    /// [out channels / 16][position][in channels / 16][out channel][in channel], for all channels. Written, not added to.
    float *sums;
} mk_winograd_stretch;

typedef void (*mk_winograd_weight_kernel)(const mk_winograd_stretch *stretch);

typedef struct {
    int rows;  // tallest panel
    mk_winograd_kernel run[2];  // F(2x2, 3x3), F(4x4, 3x3)
    mk_winograd_weight_kernel sum[2];
} mk_winograd_kernels;

/// Those for this processor.
const mk_winograd_kernels *mk_winograd_kernels_in_use(void);

extern const mk_winograd_kernels mk_winograd_baseline;
#if defined(__x86_64__)
extern const mk_winograd_kernels mk_winograd_avx2, mk_winograd_avx512;
#endif

/// Positions of a transformed tile.
static inline int64_t mk_winograd_positions(const mk_winograd *s) { return (int64_t)(s->tile + 2) * (s->tile + 2); }

#endif
