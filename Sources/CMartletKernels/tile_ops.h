// The operations of a tile program: one loop an opcode and register type, found by table.
#ifndef TILE_OPS_H
#define TILE_OPS_H

#include "matmul_clones.h"
#include "mk_fused.h"

#define TILE_CLONES MK_CLONES

/// Runs one instruction on n elements.
void tile_run(const mk_instruction *instruction, void *const *registers, void *destination, int64_t n);

/// Rounds n elements of a register to what `dtype` can hold: 16-bit floats, wrapped integers.
void tile_round(int dtype, void *values, int64_t n);

/// Loads n elements of storage type `dtype`, `stride` elements apart, into a register of type `type`.
void tile_load(int dtype, int type, const void *source, int64_t stride, void *destination, int64_t n);

/// Stores n elements of a register of type `type` as storage type `dtype`, `stride` elements apart.
void tile_store(int dtype, int type, const void *source, void *destination, int64_t stride, int64_t n);

/// Fills n elements of a register with a number, rounded to `dtype`.
void tile_splat(int dtype, int type, mk_scalar value, void *destination, int64_t n);

/// Random bits at positions start + stride·i as int64.
void tile_random(uint64_t key, uint64_t start, int64_t stride, int64_t *destination, int64_t n);

static inline int64_t tile_register_size(int type) { return type == MK_R_F32 ? 4 : type == MK_R_BOOL ? 1 : 8; }
static inline int64_t tile_dtype_size(int dtype) {
    static const int8_t sizes[] = {4, 8, 2, 2, 1, 1, 4, 8, 1};
    return sizes[dtype];
}
/// True where memory of the storage type can serve as a register of its own type.
static inline int tile_is_native(int dtype, int type) {
    return (dtype == MK_FLOAT32 && type == MK_R_F32) || (dtype == MK_FLOAT64 && type == MK_R_F64)
        || (dtype == MK_INT64 && type == MK_R_I64) || (dtype == MK_BOOL && type == MK_R_BOOL);
}

#endif
