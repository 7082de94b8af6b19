// Batch normalisation in training over channel blocks: [batch, channels / 16, positions, 16], or with all channels side by
// side, [batch, positions, channels]; with the addition and the rectifier that follow it, forward and backward. dtype (x, y and their gradients) is float32 or bfloat16; everything of one
// number a channel is float32.
//
// A block of 16 channels is one piece of work: what its statistics read is still in the cache when it is normalised.
// Partial sums are taken image by image and added in that order, whatever the number of threads.
#ifndef MK_BATCH_NORM_H
#define MK_BATCH_NORM_H

#include "mk_types.h"

typedef struct {
    int64_t batch, blocks, positions;
    /// Elements between neighbouring positions: 16, or all channels.
    int64_t pitch;
    float epsilon;
    /// Forward: y = max(0, ...).
    bool rectifies;
} mk_batch_norm;

/// y = (x - mean)·rstd·scale + shift (+ residual) (rectified), with the batch's mean and biased variance.
typedef struct {
    const void *x;
    const float *scale, *shift;
    const void *residual;  // like x, or NULL
    void *y;
    float *mean, *variance;
} mk_batch_norm_forward_memory;

void mk_batch_norm_forward(int dtype, const mk_batch_norm *shape, const mk_batch_norm_forward_memory *memory);

/// With g = (gradient (+ second)) · (output > 0), x̂ = (x - mean)·rstd and n numbers a channel:
///
///     dshift = Σg   dscale = Σg·x̂   dx = scale·rstd·(g - dshift/n - x̂·dscale/n)
typedef struct {
    const void *gradient;
    const void *second;  // a second gradient that is added, or NULL
    const void *output;  // what the rectifier gave, or NULL where there was none
    const void *x;
    const float *scale, *mean, *variance;
    void *x_gradient;
    float *scale_gradient, *shift_gradient;
    void *kept;  // g itself, for others that read it, or NULL
} mk_batch_norm_backward_memory;

void mk_batch_norm_backward(int dtype, const mk_batch_norm *shape, const mk_batch_norm_backward_memory *memory);

#endif
