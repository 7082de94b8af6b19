// Batch normalisation: y = (x - mean) / sqrt(variance + epsilon) · scale + shift, for each channel (axis 1).
#ifndef CE_NORMALIZATION_H
#define CE_NORMALIZATION_H

#include "ce_operation.h"

/// Which operands there are follows from the description: see `ce_normalization_make`.
typedef enum ce_normalization_slot {
    CE_NORMALIZATION_SOURCE = 0,
    CE_NORMALIZATION_DESTINATION = 1,
    /// `channels` float32 numbers each; the variance is the biased one.
    CE_NORMALIZATION_MEAN = 2,
    CE_NORMALIZATION_VARIANCE = 3,
    CE_NORMALIZATION_SCALE = 4,
    CE_NORMALIZATION_SHIFT = 5,
    /// Which elements the fused ReLU let through.
    CE_NORMALIZATION_WORKSPACE = 6,
    CE_NORMALIZATION_SOURCE_GRADIENT = 7,
    CE_NORMALIZATION_DESTINATION_GRADIENT = 8,
    CE_NORMALIZATION_SCALE_GRADIENT = 9,
    CE_NORMALIZATION_SHIFT_GRADIENT = 10,
    CE_NORMALIZATION_SLOTS = 11,
} ce_normalization_slot;

typedef struct ce_normalization {
    bool backward;
    /// Forward in training writes mean and variance (and the workspace, with `relu`). Forward outside training reads
    /// them.
    bool training;
    /// Training or backward with mean and variance taken as constants instead of the batch's.
    bool uses_given_statistics;
    int32_t rank;  // spatial dimensions, 0 to 3
    int64_t batch, channels, size[3];
    int32_t dtype;  // of source, destination and their gradients; everything else is float32
    /// Of source, destination and their gradients; not CE_FORMAT_ANY.
    ce_format format;
    bool has_scale, has_shift;
    /// max(0, y); backward then needs the workspace that forward filled.
    bool relu;
    float epsilon;
} ce_normalization;

/// Forward: SOURCE, DESTINATION, MEAN, VARIANCE, SCALE and SHIFT where asked for, WORKSPACE with `relu` in training.
/// Backward: SOURCE, MEAN, VARIANCE, DESTINATION_GRADIENT, SCALE, WORKSPACE with `relu`; writes SOURCE_GRADIENT,
/// SCALE_GRADIENT and SHIFT_GRADIENT.
ce_status ce_normalization_make(const ce_normalization *normalization, ce_operation **result);

#endif
