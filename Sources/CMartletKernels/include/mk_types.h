// Element types shared by every kernel. The numbers equal MartletGraph.DataType's raw values.
#ifndef MK_TYPES_H
#define MK_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mk_dtype {
    MK_FLOAT32 = 0,
    MK_FLOAT64 = 1,
    MK_BFLOAT16 = 2,
    MK_FLOAT16 = 3,
    MK_INT8 = 4,
    MK_UINT8 = 5,
    MK_INT32 = 6,
    MK_INT64 = 7,
    MK_BOOL = 8,
};

/// Largest rank of an iteration space after adjacent dimensions were merged.
enum { MK_MAX_RANK = 16 };

#endif
