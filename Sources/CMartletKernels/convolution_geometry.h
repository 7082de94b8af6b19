// What the convolutions share: three spatial dimensions always, images padded into scratch, and tables of offsets that make
// every patch element's address a sum of one entry for its position and one for its tap.
//
// A padded image has no borders left to test. Where the stride is s > 1, positions are sorted by their remainder modulo s
// ("slots"), so that the positions that one tap visits always lie side by side.
#ifndef CONVOLUTION_GEOMETRY_H
#define CONVOLUTION_GEOMETRY_H

#include "matmul_core.h"
#include "mk_convolution.h"

/// A convolution with missing leading dimensions filled in as size 1, and its groups' sizes.
typedef struct {
    int dtype, arithmetic;  // arithmetic: MK_FLOAT32 or MK_FLOAT64
    int64_t batch, groups, in_channels, out_channels, group_in, group_out;
    int64_t input[3], kernel[3], output[3], stride[3], padding[3], dilation[3];
    int64_t in_volume, kernel_volume, out_volume;
} mk_geometry;

mk_geometry mk_geometry_of(int dtype, const mk_convolution *shape);

/// One tap, no padding, stride 1: images are operands of a product as they lie.
bool mk_is_plain_product(const mk_geometry *g);

/// How images are laid out after padding: element e of slot j along a dimension is position e * stride + start of the slot.
typedef struct {
    int dtype;  // of the source; the padded elements are float32 or float64
    int64_t channels, size[3];
    int64_t slots[3], extent[3], stride[3];
    int64_t slot_dilation[3], low[3];  // start of slot j = j * slot_dilation % stride + low
    bool channels_last;
    // Strides of the padded layout, in elements.
    int64_t image, channel, slot_stride[3], pitch[3];
} mk_padding;

/// Fills in the strides.
void mk_padding_layout(mk_padding *padding);
/// The padding in which tap k of dimension i at output o is element o + k * dilation / stride of slot k % slots.
mk_padding mk_padding_for_taps(const mk_geometry *g, bool channels_last);
/// Offset of tap (d, h, w), given by its flat index.
int64_t mk_padding_tap(const mk_padding *padding, const mk_geometry *g, int64_t tap);
/// Bytes that `images` padded images take, overhang for whole vectors included.
int64_t mk_padding_bytes(const mk_padding *padding, int64_t images);
/// Pads images [0, images) of `source`, in parallel.
void mk_pad_images(const mk_padding *padding, const void *source, int64_t images, void *destination);

/// Images that are padded and multiplied together: enough to fill the cores, few enough to stay in the last-level cache.
int64_t mk_wave_images(const mk_padding *padding, int64_t batch);

/// One input channel a group and few outputs: the weight gradient has no product worth the name, but rows of dot products.
bool mk_is_depthwise(const mk_geometry *g);
void mk_depthwise_weight_gradient(const mk_geometry *g, const void *input, const void *gradient, void *result);

#endif
