// Scratch memory of the kernels: a few grow-only, 64-byte aligned blocks a thread, freed with the thread.
#ifndef MATMUL_SCRATCH_H
#define MATMUL_SCRATCH_H

#include <stdint.h>

/// Who holds a block. A region's body takes other blocks than the code that started the region, because the starting
/// thread runs bodies too.
enum mk_scratch_slot {
    MK_SCRATCH_A_WHOLE = 0,  // all of A, packed, shared by the threads of a region
    MK_SCRATCH_B_WHOLE,      // all of B, packed
    MK_SCRATCH_A_PANEL,
    MK_SCRATCH_B_BLOCK,
    MK_SCRATCH_C_TILE,
    MK_SCRATCH_PADDED,       // padded images
    MK_SCRATCH_TABLES,       // offsets of a convolution
    MK_SCRATCH_RESULT,       // a gradient before its final rounding
    MK_SCRATCH_ROW,          // a line of a scan, sort or factorisation
    MK_SCRATCH_WINOGRAD,     // transformed tiles
    MK_SCRATCH_TILES,        // operands packed for matrix tiles
    MK_SCRATCH_TILE_PAIRS,
    MK_SCRATCH_REGISTERS,    // a tile of each register of a fused program
    MK_SCRATCH_PARTIALS,     // a reduction's accumulators
    MK_SCRATCH_SQUARES,      // sums of a norm's pieces
    MK_SCRATCH_COUNT
};

typedef struct {
    void *pointer;
    int64_t capacity;
} mk_scratch_block;

/// The calling thread's blocks, of every slot; NULL before the first.
extern _Thread_local mk_scratch_block *mk_scratch_blocks;

/// Makes a block as large as that.
void mk_scratch_grow(enum mk_scratch_slot slot, int64_t bytes);

/// At least `bytes` bytes whose contents are undefined, valid until the same thread asks for the slot again.
static inline void *mk_scratch(enum mk_scratch_slot slot, int64_t bytes) {
    if (!mk_scratch_blocks || mk_scratch_blocks[slot].capacity < bytes) mk_scratch_grow(slot, bytes);
    return mk_scratch_blocks[slot].pointer;
}

#endif
