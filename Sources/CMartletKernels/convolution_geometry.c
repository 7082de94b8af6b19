#include "convolution_geometry.h"

enum { WAVE_BYTES = 6 << 20 };

mk_geometry mk_geometry_of(int dtype, const mk_convolution *shape) {
    mk_geometry g = {
        .dtype = dtype,
        .arithmetic = dtype == MK_FLOAT64 ? MK_FLOAT64 : MK_FLOAT32,
        .batch = shape->batch, .groups = shape->groups,
        .in_channels = shape->in_channels, .out_channels = shape->out_channels,
        .group_in = shape->in_channels / shape->groups, .group_out = shape->out_channels / shape->groups,
        .in_volume = 1, .kernel_volume = 1, .out_volume = 1,
    };
    const int missing = 3 - shape->rank;
    for (int i = 0; i < 3; i++) {
        const bool real = i >= missing;
        const int from = real ? i - missing : 0;
        g.input[i] = real ? shape->input[from] : 1;
        g.kernel[i] = real ? shape->kernel[from] : 1;
        g.output[i] = real ? shape->output[from] : 1;
        g.stride[i] = real ? shape->stride[from] : 1;
        g.padding[i] = real ? shape->padding_low[from] : 0;
        g.dilation[i] = real ? shape->dilation[from] : 1;
        g.in_volume *= g.input[i];
        g.kernel_volume *= g.kernel[i];
        g.out_volume *= g.output[i];
    }
    return g;
}

bool mk_is_plain_product(const mk_geometry *g) {
    for (int i = 0; i < 3; i++)
        if (g->kernel[i] != 1 || g->padding[i] != 0 || g->stride[i] != 1 || g->input[i] != g->output[i]) return false;
    return true;
}

void mk_padding_layout(mk_padding *p) {
    const int64_t unit = p->channels_last ? p->channels : 1;
    p->pitch[2] = unit;
    p->pitch[1] = p->pitch[2] * p->extent[2];
    p->pitch[0] = p->pitch[1] * p->extent[1];
    p->slot_stride[2] = p->pitch[0] * p->extent[0];
    p->slot_stride[1] = p->slot_stride[2] * p->slots[2];
    p->slot_stride[0] = p->slot_stride[1] * p->slots[1];
    const int64_t whole = p->slot_stride[0] * p->slots[0];
    p->channel = p->channels_last ? 1 : whole;
    p->image = p->channels_last ? whole : whole * p->channels;
}

static int64_t greatest_common_divisor(int64_t a, int64_t b) {
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

mk_padding mk_padding_for_taps(const mk_geometry *g, bool channels_last) {
    mk_padding p = {.dtype = g->dtype, .channels = g->in_channels, .channels_last = channels_last};
    for (int i = 0; i < 3; i++) {
        // Taps k and k + stride / gcd(stride, dilation) have the same remainder; before that all differ.
        const int64_t period = g->stride[i] / greatest_common_divisor(g->stride[i], g->dilation[i]);
        p.size[i] = g->input[i];
        p.slots[i] = mk_min64(period, g->kernel[i]);
        p.extent[i] = g->output[i] + (g->kernel[i] - 1) * g->dilation[i] / g->stride[i];
        p.stride[i] = g->stride[i];
        p.slot_dilation[i] = g->dilation[i];
        p.low[i] = -g->padding[i];
    }
    mk_padding_layout(&p);
    return p;
}

int64_t mk_padding_tap(const mk_padding *p, const mk_geometry *g, int64_t tap) {
    int64_t offset = 0;
    for (int i = 2; i >= 0; i--) {
        const int64_t k = tap % g->kernel[i];
        tap /= g->kernel[i];
        offset += k % p->slots[i] * p->slot_stride[i] + k * g->dilation[i] / g->stride[i] * p->pitch[i];
    }
    return offset;
}

int64_t mk_padding_bytes(const mk_padding *p, int64_t images) {
    return images * p->image * (p->dtype == MK_FLOAT64 ? 8 : 4) + 128;
}

int64_t mk_wave_images(const mk_padding *p, int64_t batch) {
    const int64_t fit = mk_max64(1, WAVE_BYTES / mk_padding_bytes(p, 1));
    if (batch == 0) return 1;
    // Equal waves rather than a short one at the end.
    return mk_ceil_div(batch, mk_ceil_div(batch, fit));
}
