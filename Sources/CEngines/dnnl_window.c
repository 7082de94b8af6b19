// Spatial attributes shared by convolution and pooling.
#include "dnnl_internal.h"

dn_window dn_make_window(
    int rank, const int64_t *input, const int64_t *kernel, const int64_t *output, const int64_t *stride,
    const int64_t *padding_low, const int64_t *dilation) {
    dn_window w = {{0}, {0}, {0}, {0}};
    for (int i = 0; i < rank; i++) {
        const int64_t reach = (kernel[i] - 1) * dilation[i] + 1;
        w.stride[i] = stride[i];
        // The engine counts the gaps between taps, and refuses gaps where there is one tap.
        w.dilation[i] = kernel[i] > 1 ? dilation[i] - 1 : 0;
        w.padding_low[i] = padding_low[i];
        // Negative where the last window ends before the input does.
        w.padding_high[i] = (output[i] - 1) * stride[i] + reach - input[i] - padding_low[i];
    }
    return w;
}
