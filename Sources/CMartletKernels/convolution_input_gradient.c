// The gradient towards the input. Input position i meets output o and tap k where i + padding = o * stride + k * dilation,
// so positions fall into phases by (i + padding) modulo the stride, and each phase is a convolution of stride 1 with the
// taps of that remainder: no multiplication by a zero, no scattered additions.
#include "convolution_geometry.h"
#include "matmul_scratch.h"

/// One phase along one dimension: positions t * stride + phase - padding for t in [first, last], taps with their reach back.
typedef struct {
    int64_t phase, first, last;
} phase_range;

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

static phase_range range_of(const mk_geometry *g, int i, int64_t phase) {
    const int64_t first = floor_div(g->padding[i] - phase + g->stride[i] - 1, g->stride[i]);
    return (phase_range){phase, first, floor_div(g->input[i] - 1 + g->padding[i] - phase, g->stride[i])};
}

static bool in_phase(const mk_geometry *g, int i, int64_t tap, int64_t phase) {
    return tap * g->dilation[i] % g->stride[i] == phase;
}

/// Outputs o = t - (tap * dilation - phase) / stride: this is what is subtracted.
static int64_t reach(const mk_geometry *g, int i, int64_t tap) { return tap * g->dilation[i] / g->stride[i]; }

/// The padded gradient covers every output index that any phase asks for.
static mk_padding padding_of(const mk_geometry *g) {
    mk_padding p = {.dtype = g->dtype, .channels = g->out_channels};
    for (int i = 0; i < 3; i++) {
        int64_t low = 0, high = 0;
        for (int64_t phase = 0; phase < g->stride[i]; phase++) {
            const phase_range r = range_of(g, i, phase);
            if (r.last < r.first) continue;
            low = mk_min64(low, r.first - reach(g, i, g->kernel[i] - 1));
            high = mk_max64(high, r.last);
        }
        p.size[i] = g->output[i];
        p.slots[i] = p.stride[i] = p.slot_dilation[i] = 1;
        p.low[i] = low;
        p.extent[i] = high - low + 1;
    }
    mk_padding_layout(&p);
    return p;
}

typedef struct {
    const mk_geometry *g;
    const mk_padding *p;
    phase_range range[3];
    int64_t *patches, *inputs;  // a position's place in the padded gradient and in the input
    int64_t *taps, *weights;    // a step's place in the padded gradient and in the kernel
} phase_tables;

static int64_t fill_positions(const phase_tables *t, int64_t images) {
    const mk_geometry *g = t->g;
    const mk_padding *p = t->p;
    int64_t count = 0;
    for (int64_t image = 0; image < images; image++)
        for (int64_t d = t->range[0].first; d <= t->range[0].last; d++)
            for (int64_t h = t->range[1].first; h <= t->range[1].last; h++) {
                const int64_t z = d * g->stride[0] + t->range[0].phase - g->padding[0];
                const int64_t y = h * g->stride[1] + t->range[1].phase - g->padding[1];
                const int64_t to = image * g->in_channels * g->in_volume + (z * g->input[1] + y) * g->input[2];
                const int64_t from =
                    image * p->image + (d - p->low[0]) * p->pitch[0] + (h - p->low[1]) * p->pitch[1] - p->low[2];
                for (int64_t w = t->range[2].first; w <= t->range[2].last; w++, count++) {
                    t->patches[count] = from + w;
                    t->inputs[count] = to + w * g->stride[2] + t->range[2].phase - g->padding[2];
                }
            }
    return count;
}

static int64_t fill_taps(const phase_tables *t) {
    const mk_geometry *g = t->g;
    const mk_padding *p = t->p;
    int64_t count = 0;
    for (int64_t channel = 0; channel < g->group_out; channel++)
        for (int64_t d = 0; d < g->kernel[0]; d++) {
            if (!in_phase(g, 0, d, t->range[0].phase)) continue;
            for (int64_t h = 0; h < g->kernel[1]; h++) {
                if (!in_phase(g, 1, h, t->range[1].phase)) continue;
                for (int64_t w = 0; w < g->kernel[2]; w++) {
                    if (!in_phase(g, 2, w, t->range[2].phase)) continue;
                    t->taps[count] = channel * p->channel - reach(g, 0, d) * p->pitch[0] - reach(g, 1, h) * p->pitch[1]
                                     - reach(g, 2, w);
                    t->weights[count++] = channel * g->group_in * g->kernel_volume
                                          + (d * g->kernel[1] + h) * g->kernel[2] + w;
                }
            }
        }
    return count;
}

static mk_gemm product_of(const phase_tables *t, const void *kernel, const void *padded, void *result) {
    const mk_geometry *g = t->g;
    return (mk_gemm){
        .dtype = g->arithmetic, .batch = g->groups, .m = g->group_in,
        .a = {.view = {.base = kernel, .line_stride = g->kernel_volume, .step_offsets = t->weights},
              .dtype = g->dtype, .period = 1, .outer = g->group_out * g->group_in * g->kernel_volume},
        .b = {.view = {.base = padded, .line_offsets = t->patches, .step_offsets = t->taps, .overread = true},
              .dtype = g->arithmetic, .period = 1, .outer = g->group_out * t->p->channel},
        .c = result, .c_dtype = g->dtype, .c_period = 1, .c_outer = g->group_in * g->in_volume, .c_row = g->in_volume,
        .column_offsets = t->inputs,
    };
}

static void run_wave(phase_tables *t, const void *kernel, const void *padded, int64_t images, void *result) {
    const mk_geometry *g = t->g;
    for (int64_t d = 0; d < g->stride[0]; d++)
        for (int64_t h = 0; h < g->stride[1]; h++)
            for (int64_t w = 0; w < g->stride[2]; w++) {
                t->range[0] = range_of(g, 0, d);
                t->range[1] = range_of(g, 1, h);
                t->range[2] = range_of(g, 2, w);
                mk_gemm gemm = product_of(t, kernel, padded, result);
                gemm.n = fill_positions(t, images);
                gemm.k = fill_taps(t);
                // A phase without taps still writes its zeros.
                if (gemm.n > 0) mk_gemm_run(&gemm);
            }
}

static void run_plain(const mk_geometry *g, const void *output_gradient, const void *kernel, void *input_gradient) {
    const mk_gemm gemm = {
        .dtype = g->arithmetic, .batch = g->batch * g->groups, .m = g->group_in, .n = g->in_volume, .k = g->group_out,
        .a = {.view = {.base = kernel, .line_stride = 1, .step_stride = g->group_in},
              .dtype = g->dtype, .period = g->groups, .inner = g->group_out * g->group_in},
        .b = {.view = {.base = output_gradient, .line_stride = 1, .step_stride = g->out_volume},
              .dtype = g->dtype, .period = 1, .outer = g->group_out * g->out_volume},
        .c = input_gradient, .c_dtype = g->dtype, .c_period = 1, .c_outer = g->group_in * g->in_volume,
        .c_row = g->in_volume, .c_column = 1,
    };
    mk_gemm_run(&gemm);
}

void mk_convolution_input_gradient(
    int dtype, const mk_convolution *shape, const void *output_gradient, const void *kernel, void *input_gradient) {
    const mk_geometry g = mk_geometry_of(dtype, shape);
    if (mk_is_plain_product(&g)) return run_plain(&g, output_gradient, kernel, input_gradient);
    const mk_padding p = padding_of(&g);
    const int64_t wave = mk_wave_images(&p, g.batch), size = mk_dtype_size(dtype);
    const int64_t positions = wave * g.in_volume, steps = g.group_out * g.kernel_volume;
    int64_t *tables = mk_scratch(MK_SCRATCH_TABLES, 2 * (positions + steps) * (int64_t)sizeof(int64_t));
    void *padded = mk_scratch(MK_SCRATCH_PADDED, mk_padding_bytes(&p, wave));
    phase_tables t = {
        .g = &g, .p = &p, .patches = tables, .inputs = tables + positions, .taps = tables + 2 * positions,
        .weights = tables + 2 * positions + steps,
    };
    for (int64_t image = 0; image < g.batch; image += wave) {
        const int64_t images = mk_min64(wave, g.batch - image);
        mk_pad_images(&p, (const char *)output_gradient + image * g.out_channels * g.out_volume * size, images, padded);
        run_wave(&t, kernel, padded, images, (char *)input_gradient + image * g.in_channels * g.in_volume * size);
    }
}
