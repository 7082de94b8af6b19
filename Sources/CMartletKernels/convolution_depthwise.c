// The weight gradient of depthwise convolutions: for every tap, a dot product of the output gradient's rows with the padded
// input's. Sums are kept in vectors, one a tap, over all images; their lanes are added at the very end.
#include "convolution_geometry.h"
#include "matmul_clones.h"
#include "matmul_half.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"

// Multiply and add in one rounding where the processor can.
#pragma clang fp contract(fast)

typedef float f32_vector __attribute__((vector_size(64), aligned(4), may_alias));
typedef double f64_vector __attribute__((vector_size(64), aligned(8), may_alias));

typedef struct {
    const mk_geometry *g;
    const mk_padding *p;
    const void *padded, *gradient;
    void *sums;  // [out channels, taps] vectors
    const int64_t *taps;
    int64_t images;
    void *result;
} job;

bool mk_is_depthwise(const mk_geometry *g) { return g->group_in == 1 && g->group_out <= 4; }

#define PLAIN(x) (x)

#define DEFINE_DEPTHWISE(NAME, T, V, INTEGER, S, LOAD, STORE) \
    typedef INTEGER NAME##_mask __attribute__((vector_size(64), aligned(4), may_alias)); \
    static MK_CLONES void NAME##_row( \
        const T *x, const S *gradient, int64_t width, const int64_t *taps, int64_t tap_count, V *sums) { \
        enum { LANES = sizeof(V) / sizeof(T) }; \
        for (int64_t w = 0; w < width; w += LANES) { \
            T right[LANES] = {0}; \
            INTEGER mask[LANES] = {0}; \
            const int64_t count = mk_min64(LANES, width - w); \
            for (int64_t i = 0; i < count; i++) right[i] = LOAD(gradient[w + i]), mask[i] = -1; \
            const V gradients = *(const V *)right; \
            if (count == LANES) { \
                for (int64_t tap = 0; tap < tap_count; tap++) sums[tap] += *(const V *)(x + w + taps[tap]) * gradients; \
                continue; \
            } \
            /* Lanes behind the row hold other elements of the padded image: they must not meet a 0 as infinity. */ \
            const NAME##_mask kept = *(const NAME##_mask *)mask; \
            for (int64_t tap = 0; tap < tap_count; tap++) \
                sums[tap] += (V)(*(const NAME##_mask *)(x + w + taps[tap]) & kept) * gradients; \
        } \
    } \
    static void NAME##_channels(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_geometry *g = j->g; \
        const mk_padding *p = j->p; \
        for (int64_t o = begin; o < end; o++) \
            for (int64_t image = 0; image < j->images; image++) { \
                const T *x = (const T *)j->padded + image * p->image + o / g->group_out * p->channel; \
                const S *gradient = (const S *)j->gradient + (image * g->out_channels + o) * g->out_volume; \
                V *sums = (V *)j->sums + o * g->kernel_volume; \
                for (int64_t d = 0; d < g->output[0]; d++) \
                    for (int64_t h = 0; h < g->output[1]; h++, gradient += g->output[2]) \
                        NAME##_row(x + d * p->pitch[0] + h * p->pitch[1], gradient, g->output[2], j->taps, \
                                   g->kernel_volume, sums); \
            } \
    } \
    static void NAME##_finish(const job *j) { \
        for (int64_t i = 0; i < j->g->out_channels * j->g->kernel_volume; i++) { \
            T lanes[sizeof(V) / sizeof(T)], total = 0; \
            *(V *)lanes = ((const V *)j->sums)[i]; \
            for (size_t lane = 0; lane < sizeof(V) / sizeof(T); lane++) total += lanes[lane]; \
            ((S *)j->result)[i] = STORE(total); \
        } \
    }

DEFINE_DEPTHWISE(f32, float, f32_vector, int32_t, float, PLAIN, PLAIN)
DEFINE_DEPTHWISE(f64, double, f64_vector, int64_t, double, PLAIN, PLAIN)
DEFINE_DEPTHWISE(bf16, float, f32_vector, int32_t, uint16_t, mk_bf16_to_float, mk_float_to_bf16)
DEFINE_DEPTHWISE(f16, float, f32_vector, int32_t, uint16_t, mk_f16_to_float, mk_float_to_f16)

void mk_depthwise_weight_gradient(const mk_geometry *g, const void *input, const void *gradient, void *result) {
    static void (*const channels[])(void *, int64_t, int64_t) = {
        f32_channels, f64_channels, bf16_channels, f16_channels};
    static void (*const finish[])(const job *) = {f32_finish, f64_finish, bf16_finish, f16_finish};
    const mk_padding p = mk_padding_for_taps(g, false);
    const int64_t wave = mk_wave_images(&p, g->batch), size = mk_dtype_size(g->dtype);
    const int64_t sum_bytes = g->out_channels * g->kernel_volume * 64;
    int64_t *taps = mk_scratch(MK_SCRATCH_TABLES, g->kernel_volume * (int64_t)sizeof(int64_t));
    for (int64_t tap = 0; tap < g->kernel_volume; tap++) taps[tap] = mk_padding_tap(&p, g, tap);
    void *padded = mk_scratch(MK_SCRATCH_PADDED, mk_padding_bytes(&p, wave));
    job j = {.g = g, .p = &p, .padded = padded, .taps = taps, .result = result};
    j.sums = mk_scratch(MK_SCRATCH_RESULT, sum_bytes);
    memset(j.sums, 0, (size_t)sum_bytes);
    for (int64_t image = 0; image < g->batch; image += wave) {
        j.images = mk_min64(wave, g->batch - image);
        mk_pad_images(&p, (const char *)input + image * g->in_channels * g->in_volume * size, j.images, padded);
        j.gradient = (const char *)gradient + image * g->out_channels * g->out_volume * size;
        const int64_t work = j.images * g->out_volume * g->kernel_volume;
        mk_parallel_for(g->out_channels, 1 + 100000 / (work + 1), channels[g->dtype], &j);
    }
    finish[g->dtype](&j);
}
