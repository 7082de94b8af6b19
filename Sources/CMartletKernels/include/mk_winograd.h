// Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015) for convolutions of
// 3 by 3 with stride and dilation 1 and one group, float32, on channel blocks: F(4x4, 3x3) with 2.25 multiplications an output
// and channel where the definition has 9, F(2x2, 3x3) with 4.
//
//     Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A      summed over the input channels before Aᵀ·A
//
// The points of interpolation are 0, ±√½, ±√2, ∞ for F(4, 3) and 0, ±1, ∞ for F(2, 3). With the textbook's 0, ±1, ±2, ∞ the
// largest error of F(4x4, 3x3) is four times as large.
#ifndef MK_WINOGRAD_H
#define MK_WINOGRAD_H

#include "mk_types.h"

/// Input [batch, in channels / 16, in height, in width, 16], output alike; both channel counts are multiples of 16.
/// Output position o and kernel position k meet at the input position o + k - padding; positions outside count as 0.
typedef struct {
    int32_t tile;  // 2 or 4: outputs of a tile along each axis
    int64_t batch, in_channels, out_channels;
    int64_t in_height, in_width, out_height, out_width;
    int64_t padding_top, padding_left;
    bool rectifies;
    /// The weights are those of the convolution whose input gradient this computes: [in channels, out channels, 3, 3], turned by
    /// half a turn.
    bool is_gradient;
} mk_winograd;

/// y = input * weights (+ bias); y = y · factor + shift; y = y + residual; y = max(0, y) that lets NaN through.
typedef struct {
    const float *input;
    const float *weights;          // what mk_winograd_transform wrote
    const float *bias;             // [out channels], or NULL
    const float *factor, *shift;   // [out channels], or both NULL
    const float *residual;         // like the output, or NULL
    float *output;
} mk_winograd_memory;

/// Bytes of the transformed weights.
int64_t mk_winograd_weight_bytes(const mk_winograd *shape);

/// G g Gᵀ of weights [out channels, in channels, 3, 3] (see `is_gradient`), worked out in double and rounded once.
void mk_winograd_transform(const mk_winograd *shape, const float *weights, float *transformed);

/// A weight gradient of the same convolution: for each pair of channels the sum over all tiles, with the transposed transforms,
///
///     ∂L/∂g = Gᵀ [ Σ (Bᵀ d B) ⊙ (A ∂L/∂Y Aᵀ) ] G
///
/// Writes [out channels, in channels, 3, 3]. `sums` has `mk_winograd_sum_bytes` bytes.
void mk_winograd_weight_gradient(
    const mk_winograd *shape, const float *input, const float *gradient, float *result, float *sums);
int64_t mk_winograd_sum_bytes(const mk_winograd *shape);

/// A NaN or an infinity in the input makes NaN of at most the tiles whose windows hold it, and of no other image.
void mk_winograd_run(const mk_winograd *shape, const mk_winograd_memory *memory);

#endif
