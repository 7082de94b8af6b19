// Moving a finished tile of sums to its place in C: bias, rounding, and any layout of C's columns.
#ifndef MATMUL_EXPORT_H
#define MATMUL_EXPORT_H

#include "mk_types.h"

typedef struct {
    int dtype;  // of the tile: MK_FLOAT32 or MK_FLOAT64
    const void *tile;
    int64_t rows, columns, tile_row;  // tile[r * tile_row + column]
    int c_dtype;
    void *c;
    int64_t c_row, c_column;
    const int64_t *column_offsets;  // instead of c_column
    bool accumulate;
    const void *row_bias, *column_bias;  // of c_dtype, or NULL
} mk_gemm_export;

void mk_gemm_export_tile(const mk_gemm_export *job);

#endif
