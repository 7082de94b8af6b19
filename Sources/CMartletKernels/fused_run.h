// One run of a tile program, as the walk over tiles and the reductions share it.
#ifndef FUSED_RUN_H
#define FUSED_RUN_H

#include "mk_fused.h"
#include "tile_ops.h"

typedef struct {
    const mk_program *program;
    void *const *pointers;
    const mk_scalar *scalars;
    /// Outputs that the instruction making them may write straight to memory.
    uint64_t direct_outputs;
    /// True where what the next tile reads is asked for, and writes of these outputs, which take no input's memory.
    bool asks;
    uint64_t asked_outputs;
} fused_run;

/// A worker's blocks of memory, and where each register's tile lies now (its block, or memory used in place).
typedef struct {
    char *blocks;
    void *tiles[MK_MAX_REGISTERS];
} fused_registers;

/// The calling thread's registers, with the scalars of the run filled in for tiles of up to n elements.
fused_registers *fused_registers_for(const fused_run *run, int64_t n);

/// How many elements a tile asks for, of so many that follow it.
static inline int64_t fused_ahead(const fused_run *run, int64_t left) {
    return run->asks ? (left < MK_TILE ? left : MK_TILE) : 0;
}

/// Computes the elements [start, start + n) of the flattened space, n <= MK_TILE: registers are filled and outputs that are
/// not reduced are stored. What lies in memory of the next `ahead` elements is asked for.
void fused_tile(const fused_run *run, fused_registers *registers, int64_t start, int64_t n, int64_t ahead);

/// Runs a program that ends in reductions.
void fused_reduce(const fused_run *run);

#endif
