// Convolutions in bfloat16 on the processor's matrix tiles (AMX), for activations with all channels side by side. A tile is 16
// rows of 64 bytes; one instruction multiplies 16 x 32 by 32 x 16 numbers into 16 x 16 sums of float32.
#ifndef MK_TILES_H
#define MK_TILES_H

#include "mk_types.h"

/// True where the processor has tiles for bfloat16 and the kernel lets this process use them.
bool mk_tiles_are_available(void);

/// Input [batch, in height, in width, in channels], output alike, both channel counts multiples of 16. Output position o and
/// kernel position k meet at the input position o * stride + k * dilation - padding; positions outside count as 0.
typedef struct {
    int64_t batch, in_channels, out_channels;
    int64_t in_height, in_width, out_height, out_width, kernel_height, kernel_width;
    int64_t stride_y, stride_x, padding_top, padding_left, dilation_y, dilation_x;
} mk_tiles_convolution;

// Positions outside are multiplied as zeros: an infinity or a NaN among the weights, or in an output's gradient, makes NaN of sums near
// the border that the definition leaves it out of.

/// True where the kernels below take the shape.
bool mk_tiles_has_convolution(const mk_tiles_convolution *shape);
bool mk_tiles_has_input_gradient(const mk_tiles_convolution *shape);
bool mk_tiles_has_weight_gradient(const mk_tiles_convolution *shape);

/// Bytes of the packed weights of the convolution, or of its input's gradient.
int64_t mk_tiles_weight_bytes(const mk_tiles_convolution *shape, bool is_gradient);

/// Packs weights [out channels, in channels, kernel height, kernel width].
void mk_tiles_pack_weights(const mk_tiles_convolution *shape, bool is_gradient, const uint16_t *weights, void *packed);

/// y = input * weights; y = y · factor + shift; y = y + residual; y = max(0, y) that lets NaN through: all in float32, and rounded
/// once.
typedef struct {
    const uint16_t *input;
    const void *weights;      // packed
    const float *factor;      // [out channels], or NULL
    const float *shift;       // [out channels], or NULL
    const uint16_t *residual; // like the output, which may be the same memory; or NULL
    bool rectifies;
    uint16_t *output;
} mk_tiles_memory;

void mk_tiles_run(const mk_tiles_convolution *shape, const mk_tiles_memory *memory);

/// The gradient of the convolution's input: `memory->input` is the output's gradient, `memory->output` the input's; positions that no
/// output reached get 0.
void mk_tiles_input_gradient(const mk_tiles_convolution *shape, const mk_tiles_memory *memory);

/// Bytes of `workspace`.
int64_t mk_tiles_weight_gradient_bytes(const mk_tiles_convolution *shape);

/// result[o, c, y, x] = Σ input · output gradient over all positions that meet at the kernel position (y, x): products of bfloat16
/// summed in float32, in an order that depends on the shape alone, and rounded once to bfloat16, or not where `is_float` asks for
/// float32. An infinity or a NaN in the input may make NaN of all sums with its channel.
void mk_tiles_weight_gradient(
    const mk_tiles_convolution *shape, const uint16_t *input, const uint16_t *gradient, bool is_float, void *result,
    void *workspace);

#endif
