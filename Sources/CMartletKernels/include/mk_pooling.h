// Maximum and average pooling over 1, 2 or 3 spatial dimensions of [planes, spatial...] (planes = batch * channels).
// dtype is one of the four floating-point types.
#ifndef MK_POOLING_H
#define MK_POOLING_H

#include "mk_types.h"

/// Attributes; entries past `rank` are ignored. Window o covers the input positions o * stride + k * dilation - padding_low.
/// Ceil mode arrives as a larger `output`; windows are clipped to the input, as PyTorch does.
typedef struct {
    int32_t rank;  // spatial dimensions, 1...3
    bool count_include_pad;  // average: divide by the window clipped to input + declared padding, else to the input alone
    int64_t planes;
    int64_t block;  // channels that lie innermost side by side, where they do
    int64_t input[3], kernel[3], output[3];
    int64_t stride[3], padding_low[3], padding_high[3];
    int64_t dilation[3];  // maximum only; averages take 1
} mk_pooling;

/// values[plane, o] = the largest input of each window, and indices[plane, o] = its flat position within the input plane.
/// The first of equals wins; a NaN wins over everything (the last NaN, as PyTorch). `indices` may be NULL.
/// A window wholly outside the input gives -infinity and index -1.
void mk_pool_max_forward(int dtype, const mk_pooling *shape, const void *input, void *values, int32_t *indices);

/// input_gradient = output_gradient added at `indices` (plane by plane, in order), 0 elsewhere.
void mk_pool_max_backward(
    int dtype, const mk_pooling *shape, const void *output_gradient, const int32_t *indices, void *input_gradient);

/// output[plane, o] = x[plane, indices[plane, o]], 0 where the index is -1: the transpose of mk_pool_max_backward.
void mk_pool_gather(int dtype, const mk_pooling *shape, const void *x, const int32_t *indices, void *output);

/// output = sum of each window / its divisor; an empty window gives 0.
void mk_pool_average_forward(int dtype, const mk_pooling *shape, const void *input, void *output);
void mk_pool_average_backward(int dtype, const mk_pooling *shape, const void *output_gradient, void *input_gradient);

// The same over planes of 16 channels: [batch, channels / 16, spatial..., 16], or parts of [batch, spatial..., channels].
// `planes` counts blocks of 16, `block` is 16 or all channels.
// float32 and bfloat16 only.

void mk_pool_max_forward_blocked(int dtype, const mk_pooling *shape, const void *input, void *values, int32_t *indices);
void mk_pool_max_backward_blocked(
    int dtype, const mk_pooling *shape, const void *output_gradient, const int32_t *indices, void *input_gradient);
void mk_pool_average_forward_blocked(int dtype, const mk_pooling *shape, const void *input, void *output);
void mk_pool_average_backward_blocked(int dtype, const mk_pooling *shape, const void *output_gradient, void *input_gradient);

#endif
