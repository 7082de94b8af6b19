// Losses of a batch in one pass over its rows.
#ifndef MK_LOSSES_H
#define MK_LOSSES_H

#include "mk_types.h"

/// The cross entropy of logits [rows, classes] and class labels, as MartletGraph.SoftmaxCrossEntropy's body defines it:
/// ln Σ e^x - Σ t·x with t = `low` everywhere and `high` at the label; a label that is no class gives NaN.
typedef struct {
    int64_t rows, classes;
    float low, high;
} mk_cross_entropy;

/// losses[row], or their mean in losses[0].
void mk_cross_entropy_forward(
    const mk_cross_entropy *shape, bool averages, const float *logits, const int64_t *labels, float *losses);

/// gradient = (softmax(logits) - t) · scale, with scale = cotangent[row], or cotangent[0] / rows where `averages`.
void mk_cross_entropy_backward(
    const mk_cross_entropy *shape, bool averages, const float *logits, const int64_t *labels, const float *cotangent,
    float *gradient);

#endif
