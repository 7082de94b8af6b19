// Convolution over 1, 2 or 3 spatial dimensions and its gradients. The kernel is not flipped.
#ifndef CE_CONVOLUTION_H
#define CE_CONVOLUTION_H

#include "ce_operation.h"

/// The operands have the same roles in every direction; backward writes gradients where forward reads, and the reverse.
typedef enum ce_convolution_slot {
    CE_CONVOLUTION_SOURCE = 0,
    CE_CONVOLUTION_WEIGHTS = 1,
    CE_CONVOLUTION_DESTINATION = 2,
    CE_CONVOLUTION_BIAS = 3,
    CE_CONVOLUTION_FACTOR = 4,
    CE_CONVOLUTION_SHIFT = 5,
    CE_CONVOLUTION_ADDEND = 6,
    CE_CONVOLUTION_SLOTS = 7,
} ce_convolution_slot;

typedef enum ce_convolution_direction {
    /// Reads source, weights and bias, writes destination.
    CE_CONVOLUTION_FORWARD = 0,
    /// Reads weights and the destination's gradient, writes the source's gradient.
    CE_CONVOLUTION_BACKWARD_DATA = 1,
    /// Reads source and the destination's gradient, writes the gradients of weights and bias.
    CE_CONVOLUTION_BACKWARD_WEIGHTS = 2,
} ce_convolution_direction;

/// Attributes; entries past `rank` in the arrays are ignored. Source [batch, in channels, input...], weights
/// [out channels, in channels / groups, kernel...], destination [batch, out channels, output...]. Output position o and
/// kernel position k meet at input position o * stride + k * dilation - padding_low; positions outside count as 0. The
/// output's size is given, not derived; `padding_high` is only documentation.
typedef struct ce_convolution {
    int32_t direction;  // a ce_convolution_direction
    int32_t rank;       // spatial dimensions, 1 to 3
    int64_t batch, groups, in_channels, out_channels;
    int64_t input[3], kernel[3], output[3];
    int64_t stride[3], padding_low[3], padding_high[3], dilation[3];
    int32_t source_dtype, weights_dtype, destination_dtype, bias_dtype;
    /// Weights take CE_FORMAT_PLAIN, CE_FORMAT_ANY or CE_FORMAT_GIVEN. With groups > 1 their layout has a leading
    /// axis of groups; `ce_layout_make_plain_like` gives the plain one, which is the same memory as without that
    /// axis.
    ce_format source_format, weights_format, destination_format;
    bool has_bias;
    /// Forward only, in this order: adds what the destination held, times this (0: nothing); multiplies by a factor and
    /// adds a shift for each channel, float32 [out channels]; adds a tensor like the destination; clamps at 0 (NaN
    /// becomes 0).
    float sum_scale;
    bool has_factor_and_shift;
    bool has_addend;
    bool relu;
    /// Forward only, last of all: multiplies by this (0: nothing), for destinations of integers, which are rounded to even and
    /// clipped.
    float output_factor;
    /// Forward only: the engine may pick kernels that have no backward; matters with CE_FORMAT_ANY alone.
    bool inference;
} ce_convolution;

ce_status ce_convolution_make(const ce_convolution *convolution, ce_operation **result);

#endif
