// What the kernels on matrix tiles share.
#ifndef TILES_H
#define TILES_H

#include "mk_tiles.h"

enum {
    MK_TILE_ROWS = 16,     // of a tile, and sums in a row
    MK_TILE_DEPTH = 32,    // numbers of bfloat16 in a row: the length of a product
    MK_TILE_BYTES = 1024,
    MK_TILE_SUMS = 256,
};

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define MK_TILES_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512bf16,avx2,fma,amx-tile,amx-bf16")))

/// Eight full tiles, in this thread, until `_tile_release`.
MK_TILES_TARGET static inline void mk_tiles_begin(void) {
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } configuration;
    memset(&configuration, 0, sizeof configuration);
    configuration.palette = 1;
    for (int tile = 0; tile < 8; tile++) {
        configuration.bytes[tile] = 64;
        configuration.rows[tile] = MK_TILE_ROWS;
    }
    _tile_loadconfig(&configuration);
}
#endif

#endif
