// Cutting [outer, axis, inner] into tasks, and reporting the first index out of range.
#ifndef INDEXING_SUPPORT_H
#define INDEXING_SUPPORT_H

#include <stdatomic.h>

#include "matmul_core.h"
#include "mk_indexing.h"

/// Inner positions that one task takes along.
enum { MK_INNER_BLOCK = 256 };

static inline int64_t mk_inner_blocks(const mk_axis *axis) { return mk_ceil_div(axis->inner, MK_INNER_BLOCK); }

/// Task t covers inner positions [first, last) of outer entry `outer`.
typedef struct {
    int64_t outer, first, last;
} mk_inner_task;

static inline mk_inner_task mk_inner_task_at(const mk_axis *axis, int64_t index) {
    const int64_t blocks = mk_inner_blocks(axis), first = index % blocks * MK_INNER_BLOCK;
    return (mk_inner_task){index / blocks, first, mk_min64(axis->inner, first + MK_INNER_BLOCK)};
}

/// Resolves an index counted from the end; a result outside [0, axis) is out of range.
static inline int64_t mk_resolved(int64_t index, int64_t axis) { return index < 0 ? index + axis : index; }

static inline bool mk_outside(int64_t index, int64_t axis) { return (uint64_t)index >= (uint64_t)axis; }

/// Keeps the smallest position of a bad index that any thread found; INT64_MAX means none.
static inline void mk_note_bad(_Atomic int64_t *bad, int64_t position) {
    int64_t known = atomic_load_explicit(bad, memory_order_relaxed);
    while (position < known && !atomic_compare_exchange_weak(bad, &known, position)) {}
}

static inline int64_t mk_bad_or_fine(_Atomic int64_t *bad) {
    const int64_t position = atomic_load(bad);
    return position == INT64_MAX ? -1 : position;
}

/// Chunk of tasks worth a thread, for tasks of `each` elements.
static inline int64_t mk_grain(int64_t each) { return 1 + 16384 / (each + 1); }

#endif
