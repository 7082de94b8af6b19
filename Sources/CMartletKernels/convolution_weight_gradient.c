// The gradient towards the kernel: output gradients by positions, times positions by patch elements. Input images are padded
// with their channels innermost, so that a position's patch is a few long stretches of memory.
//
// Small kernels leave few tiles to share out; then the images are cut into a fixed number of sections (a function of the
// shape alone), each summed apart, and the sections are added in order at the end.
#include "convolution_geometry.h"
#include "matmul_half.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"

#include <string.h>

typedef struct {
    const mk_geometry *g;
    const char *sums;  // [sections, out channels, taps, group_in]
    void *result;
    int64_t sections;
} reduction;

static void store(int dtype, void *result, int64_t i, double wide, float narrow) {
    switch (dtype) {
    case MK_FLOAT32: ((float *)result)[i] = narrow; break;
    case MK_FLOAT64: ((double *)result)[i] = wide; break;
    case MK_BFLOAT16: ((uint16_t *)result)[i] = mk_float_to_bf16(narrow); break;
    default: ((uint16_t *)result)[i] = mk_float_to_f16(narrow); break;
    }
}

/// Adds the sections up and moves [taps, group_in] to [group_in, taps], for out channels [begin, end).
static void reduce_sections(void *context, int64_t begin, int64_t end) {
    const reduction *r = context;
    const mk_geometry *g = r->g;
    const int64_t patch = g->kernel_volume * g->group_in, section = g->out_channels * patch;
    const bool wide = g->arithmetic == MK_FLOAT64;
    for (int64_t o = begin; o < end; o++)
        for (int64_t channel = 0; channel < g->group_in; channel++)
            for (int64_t tap = 0; tap < g->kernel_volume; tap++) {
                const int64_t from = o * patch + tap * g->group_in + channel;
                double sum64 = 0;
                float sum32 = 0;
                for (int64_t s = 0; s < r->sections; s++)
                    if (wide)
                        sum64 += ((const double *)r->sums)[s * section + from];
                    else
                        sum32 += ((const float *)r->sums)[s * section + from];
                store(g->dtype, r->result, o * patch + channel * g->kernel_volume + tap, sum64, sum32);
            }
}

static int64_t sections_of(const mk_geometry *g) {
    const int64_t tiles =
        g->groups * mk_ceil_div(g->group_out, 64) * mk_ceil_div(g->group_in * g->kernel_volume, 128);
    return mk_max64(1, mk_min64(16 / tiles, g->batch));
}

static void fill_lines(const mk_geometry *g, const mk_padding *p, int64_t *lines) {
    for (int64_t tap = 0, i = 0; tap < g->kernel_volume; tap++) {
        const int64_t offset = mk_padding_tap(p, g, tap);
        for (int64_t channel = 0; channel < g->group_in; channel++, i++) lines[i] = offset + channel;
    }
}

/// Steps run over images and their output positions.
static void fill_steps(const mk_geometry *g, const mk_padding *p, int64_t images, int64_t *patches, int64_t *gradients) {
    for (int64_t image = 0, i = 0; image < images; image++)
        for (int64_t d = 0; d < g->output[0]; d++)
            for (int64_t h = 0; h < g->output[1]; h++)
                for (int64_t w = 0; w < g->output[2]; w++, i++) {
                    patches[i] = image * p->image + d * p->pitch[0] + h * p->pitch[1] + w * p->pitch[2];
                    gradients[i] = image * g->out_channels * g->out_volume + (d * g->output[1] + h) * g->output[2] + w;
                }
}

/// The images as they lie (one tap and nothing to pad), or their padded copies.
static mk_gemm_operand patches_of(
    const mk_geometry *g, const mk_padding *p, bool plain, const void *padded, const int64_t *lines, const int64_t *steps) {
    if (plain)
        return (mk_gemm_operand){
            .view = {.line_stride = g->in_volume, .step_offsets = steps},
            .dtype = g->dtype, .period = g->groups, .inner = g->group_in * g->in_volume};
    return (mk_gemm_operand){
        .view = {.base = padded, .line_offsets = lines, .step_offsets = steps, .overread = true},
        .dtype = p->dtype == MK_FLOAT64 ? MK_FLOAT64 : MK_FLOAT32, .period = g->groups, .inner = g->group_in};
}

typedef struct {
    const mk_geometry *g;
    const mk_padding *p;
    bool plain;
    const char *input, *output_gradient;
    void *padded;
    int64_t wave, sections;
} waves;

static void run_waves(const waves *w, mk_gemm *gemm) {
    const mk_geometry *g = w->g;
    const int64_t size = mk_dtype_size(g->dtype);
    const int64_t in = g->in_channels * g->in_volume, out = g->out_channels * g->out_volume;
    for (int64_t image = 0, images; image < g->batch; image += images) {
        images = mk_min64(w->wave, g->batch - image);
        const int64_t sections = mk_min64(w->sections, images);
        images -= images % sections;
        if (w->plain)
            gemm->b.view.base = w->input + image * in * size;
        else
            mk_pad_images(w->p, w->input + image * in * size, images, w->padded);
        gemm->batch = sections * g->groups;
        gemm->k = images / sections * g->out_volume;
        gemm->a.view.base = w->output_gradient + image * out * size;
        gemm->a.outer = images / sections * out;
        gemm->b.outer = images / sections * (w->plain ? in : w->p->image);
        gemm->accumulate = image > 0;
        mk_gemm_run(gemm);
    }
}

void mk_convolution_weight_gradient(
    int dtype, const mk_convolution *shape, const void *input, const void *output_gradient, void *kernel_gradient) {
    const mk_geometry g = mk_geometry_of(dtype, shape);
    if (g.batch == 0) {
        // Nothing was convolved: a sum of nothing, for which there is no wave of images.
        memset(kernel_gradient, 0, (size_t)(g.out_channels * g.group_in * g.kernel_volume * mk_dtype_size(dtype)));
        return;
    }
    if (mk_is_depthwise(&g)) return mk_depthwise_weight_gradient(&g, input, output_gradient, kernel_gradient);
    const mk_padding p = mk_padding_for_taps(&g, true);
    waves w = {&g, &p, mk_is_plain_product(&g), input, output_gradient, NULL, 0, sections_of(&g)};
    w.wave = mk_max64(mk_wave_images(&p, g.batch), w.sections);
    const int64_t patch = g.kernel_volume * g.group_in, positions = w.wave * g.out_volume;
    int64_t *lines = mk_scratch(MK_SCRATCH_TABLES, (patch + 2 * positions) * (int64_t)sizeof(int64_t));
    int64_t *patches = lines + patch, *gradients = patches + positions;
    fill_lines(&g, &p, lines);
    fill_steps(&g, &p, w.wave, patches, gradients);
    if (w.plain)
        for (int64_t i = 0; i < positions; i++)
            patches[i] = i / g.in_volume * g.in_channels * g.in_volume + i % g.in_volume;
    else
        w.padded = mk_scratch(MK_SCRATCH_PADDED, mk_padding_bytes(&p, w.wave));
    void *sums =
        mk_scratch(MK_SCRATCH_RESULT, w.sections * g.out_channels * patch * mk_dtype_size(g.arithmetic));
    mk_gemm gemm = {
        .dtype = g.arithmetic, .m = g.group_out, .n = patch,
        .a = {.view = {.line_stride = g.out_volume, .step_offsets = gradients},
              .dtype = dtype, .period = g.groups, .inner = g.group_out * g.out_volume},
        .b = patches_of(&g, &p, w.plain, w.padded, lines, patches),
        .c = sums, .c_dtype = g.arithmetic, .c_period = 1, .c_outer = g.group_out * patch, .c_row = patch, .c_column = 1,
    };
    run_waves(&w, &gemm);
    reduction r = {&g, sums, kernel_gradient, w.sections};
    mk_parallel_for(g.out_channels, 1 + 16384 / patch, reduce_sections, &r);
}
