// Forward convolution as a product: out channels by patch elements, times patch elements by positions. Patches are packed
// straight from the padded images into the product's panels; they never exist in memory as a whole.
#include "convolution_geometry.h"
#include "matmul_scratch.h"

/// Where each output position of a wave's images starts in the padded images and in the output.
static void fill_positions(const mk_geometry *g, const mk_padding *p, int64_t images, int64_t *patches, int64_t *outputs) {
    for (int64_t image = 0, i = 0; image < images; image++)
        for (int64_t d = 0; d < g->output[0]; d++)
            for (int64_t h = 0; h < g->output[1]; h++) {
                const int64_t start = image * p->image + d * p->pitch[0] + h * p->pitch[1];
                const int64_t to = image * g->out_channels * g->out_volume + (d * g->output[1] + h) * g->output[2];
                for (int64_t w = 0; w < g->output[2]; w++, i++) patches[i] = start + w, outputs[i] = to + w;
            }
}

static void fill_taps(const mk_geometry *g, const mk_padding *p, int64_t *taps) {
    for (int64_t channel = 0, i = 0; channel < g->group_in; channel++)
        for (int64_t tap = 0; tap < g->kernel_volume; tap++, i++)
            taps[i] = channel * p->channel + mk_padding_tap(p, g, tap);
}

static mk_gemm product_of(const mk_geometry *g, const void *kernel, const void *bias) {
    const int64_t steps = g->group_in * g->kernel_volume;
    return (mk_gemm){
        .dtype = g->arithmetic, .batch = g->groups, .m = g->group_out, .k = steps,
        .a = {.view = {.base = kernel, .line_stride = steps, .step_stride = 1},
              .dtype = g->dtype, .period = 1, .outer = g->group_out * steps},
        .c_dtype = g->dtype, .c_period = 1, .c_outer = g->group_out * g->out_volume, .c_row = g->out_volume, .c_column = 1,
        .row_bias = bias, .row_bias_period = g->groups,
    };
}

static void run_plain(const mk_geometry *g, const void *input, const void *kernel, const void *bias, void *output) {
    mk_gemm gemm = product_of(g, kernel, bias);
    gemm.batch = g->batch * g->groups;
    gemm.a.period = g->groups, gemm.a.inner = gemm.a.outer, gemm.a.outer = 0;
    gemm.n = g->out_volume;
    gemm.b = (mk_gemm_operand){
        .view = {.base = input, .line_stride = 1, .step_stride = g->in_volume},
        .dtype = g->dtype, .period = 1, .outer = g->group_in * g->in_volume,
    };
    gemm.c = output;
    mk_gemm_run(&gemm);
}

void mk_convolution_forward(
    int dtype, const mk_convolution *shape, const void *input, const void *kernel, const void *bias, void *output) {
    const mk_geometry g = mk_geometry_of(dtype, shape);
    if (mk_is_plain_product(&g)) return run_plain(&g, input, kernel, bias, output);
    const mk_padding p = mk_padding_for_taps(&g, false);
    const int64_t wave = mk_wave_images(&p, g.batch), size = mk_dtype_size(dtype);
    const int64_t positions = wave * g.out_volume, steps = g.group_in * g.kernel_volume;
    int64_t *tables = mk_scratch(MK_SCRATCH_TABLES, (2 * positions + steps) * (int64_t)sizeof(int64_t));
    void *padded = mk_scratch(MK_SCRATCH_PADDED, mk_padding_bytes(&p, wave));
    fill_positions(&g, &p, wave, tables, tables + positions);
    fill_taps(&g, &p, tables + 2 * positions);
    mk_gemm gemm = product_of(&g, kernel, bias);
    gemm.b = (mk_gemm_operand){
        .view = {.base = padded, .line_offsets = tables, .step_offsets = tables + 2 * positions, .overread = true},
        .dtype = g.arithmetic, .period = 1, .outer = g.group_in * p.channel,
    };
    gemm.column_offsets = tables + positions;
    for (int64_t image = 0; image < g.batch; image += wave) {
        const int64_t images = mk_min64(wave, g.batch - image);
        mk_pad_images(&p, (const char *)input + image * g.in_channels * g.in_volume * size, images, padded);
        gemm.n = images * g.out_volume;
        gemm.c = (char *)output + image * g.out_channels * g.out_volume * size;
        mk_gemm_run(&gemm);
    }
}
