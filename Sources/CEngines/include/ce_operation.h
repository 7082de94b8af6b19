// A kernel of an engine, made once and run many times.
#ifndef CE_OPERATION_H
#define CE_OPERATION_H

#include "ce_layout.h"

/// One kernel for fixed shapes, types and layouts. Each family numbers its operands ("slots"): `ce_matmul_slot`,
/// `ce_convolution_slot` and so on. Running is safe from several threads at once as long as each brings its own
/// scratchpad: an operation keeps a few sets of arguments, and a fifth simultaneous caller waits.
typedef struct ce_operation ce_operation;

void ce_operation_free(ce_operation *_Nullable operation);

/// How the operand in `slot` lies in memory, owned by the operation; NULL where it has no such operand.
const ce_layout *_Nullable ce_operation_layout(const ce_operation *_Nonnull operation, int slot);

/// Bytes of scratch memory, aligned to 64, that every run needs; often 0.
size_t ce_operation_scratchpad_bytes(const ce_operation *_Nonnull operation);

/// The engine's name for the kernel, e.g. "brg:avx512_core".
const char *_Nonnull ce_operation_implementation(const ce_operation *_Nonnull operation);

/// States once, before the first run, which slot each pointer given to `ce_operation_run` belongs to: pointer i is
/// slot `slots[i]`, or is not read where that is -1. Without it pointers are indexed by slot. CE_INVALID where a slot
/// that the operation needs is missing or one is named twice.
ce_status ce_operation_set_order(ce_operation *_Nonnull operation, const int *_Nonnull slots, int count);

/// Runs on memory laid out as `ce_operation_layout` says, and returns when it is done. `scratchpad` may be NULL where
/// none is needed. Uses as many threads as were set when the operation was made.
ce_status ce_operation_run(
    ce_operation *_Nonnull operation, void *_Nullable const *_Nonnull pointers, void *_Nullable scratchpad);

/// Copies from one layout to another of the same sizes: plain to blocked, blocked to plain, and between element types.
typedef enum ce_reorder_slot { CE_REORDER_SOURCE = 0, CE_REORDER_DESTINATION = 1 } ce_reorder_slot;
ce_status ce_reorder_make(
    const ce_layout *_Nonnull source, const ce_layout *_Nonnull destination,
    ce_operation *_Nullable *_Nonnull result);

#endif
