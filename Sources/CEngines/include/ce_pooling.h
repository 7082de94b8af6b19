// Maximum and average pooling over 1, 2 or 3 spatial dimensions, and their gradients.
#ifndef CE_POOLING_H
#define CE_POOLING_H

#include "ce_operation.h"

/// Backward writes the source's gradient and reads the destination's.
typedef enum ce_pooling_slot {
    CE_POOLING_SOURCE = 0,
    CE_POOLING_DESTINATION = 1,
    /// Where in its window each maximum was; present for maxima in training and backward.
    CE_POOLING_WORKSPACE = 2,
    CE_POOLING_SLOTS = 3,
} ce_pooling_slot;

typedef enum ce_pooling_kind {
    CE_POOLING_MAX = 0,
    /// Divides by the window's size, padding counted.
    CE_POOLING_AVERAGE_INCLUDE_PADDING = 1,
    /// Divides by the number of input elements in the window.
    CE_POOLING_AVERAGE_EXCLUDE_PADDING = 2,
} ce_pooling_kind;

/// Attributes; entries past `rank` in the arrays are ignored. Window o covers the input positions o * stride + k *
/// dilation - padding_low. The output's size is given; `padding_high` only says how far padding that is counted
/// reaches: CE_UNIMPLEMENTED where a counting average's window goes beyond it.
typedef struct ce_pooling {
    int32_t kind;  // a ce_pooling_kind
    int32_t rank;
    bool backward;
    /// Forward only: fill the workspace that backward needs.
    bool training;
    int64_t batch, channels;
    int64_t input[3], kernel[3], output[3];
    int64_t stride[3], padding_low[3], padding_high[3], dilation[3];
    int32_t dtype;
    /// Of source and destination alike; not CE_FORMAT_ANY.
    ce_format format;
} ce_pooling;

/// Unlike the portable kernels a maximum passes over NaN, and a window of nothing but -infinity gives the lowest finite
/// number. Of equal maxima the first wins. Where windows overlap, bfloat16 gradients are summed in bfloat16.
ce_status ce_pooling_make(const ce_pooling *pooling, ce_operation **result);

/// Turns the workspace that `operation` (made from `pooling`) has filled into row-major indices [batch, channels,
/// output...], each the position of the maximum in its input plane. Writes planes `first` to `end` of the batch *
/// channels planes, so that threads can share the work; `indices` is the start of the whole tensor.
ce_status ce_pooling_indices(
    const ce_pooling *pooling, const ce_operation *operation, const void *workspace, int64_t first, int64_t end,
    int64_t *indices);

#endif
