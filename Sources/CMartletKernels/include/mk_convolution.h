// Convolution over 1, 2 or 3 spatial dimensions and its gradients, in plain contiguous layouts:
// input [batch, in channels, spatial...], kernel [out channels, in channels / groups, spatial...],
// output [batch, out channels, spatial...]. "Convolution" is the field's: a cross-correlation, the kernel is not flipped.
#ifndef MK_CONVOLUTION_H
#define MK_CONVOLUTION_H

#include "mk_types.h"

/// Attributes; entries past `rank` in the arrays are ignored. Output position o and kernel position k meet at the input
/// position o * stride + k * dilation - padding_low; positions outside the input count as 0. The output size is given, not
/// derived, so `padding_high` only documents where it came from: any size is computed consistently.
typedef struct {
    int32_t rank;  // spatial dimensions, 1...3
    int64_t batch, groups, in_channels, out_channels;  // both channel counts are multiples of groups
    int64_t input[3], kernel[3], output[3];
    int64_t stride[3], padding_low[3], padding_high[3], dilation[3];
} mk_convolution;

/// output = input * kernel (+ bias[out channels], or NULL). dtype is one of the four floating-point types; bfloat16 and
/// float16 accumulate in float32 and round once.
void mk_convolution_forward(
    int dtype, const mk_convolution *shape, const void *input, const void *kernel, const void *bias, void *output);

/// input_gradient from output_gradient and kernel. Input positions that no output reached get 0. This is also the transposed
/// convolution, with its input as `output_gradient` and its output as `input_gradient`.
void mk_convolution_input_gradient(
    int dtype, const mk_convolution *shape, const void *output_gradient, const void *kernel, void *input_gradient);

/// kernel_gradient from input and output_gradient, summed over the batch in an order that depends on the shape alone.
void mk_convolution_weight_gradient(
    int dtype, const mk_convolution *shape, const void *input, const void *output_gradient, void *kernel_gradient);

#endif
