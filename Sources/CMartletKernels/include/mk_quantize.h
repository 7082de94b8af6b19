// float32 as 8-bit integers.
#ifndef MK_QUANTIZE_H
#define MK_QUANTIZE_H

#include "mk_types.h"

/// y = clip(round(x * factor)), rounded to even: to 0...255 where dtype is MK_UINT8, to -128...127 where it is MK_INT8.
/// A NaN becomes the lower limit.
void mk_quantize(int dtype, int64_t count, float factor, const float *x, void *y);

#endif
