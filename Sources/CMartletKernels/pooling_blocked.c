// Pooling where 16 channels or more lie innermost: every output of 16 is one vector, its taps are whole vectors too.
#include <math.h>

#include "matmul_clones.h"
#include "matmul_half.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"
#include "pooling_windows.h"

enum { BLOCK = 16 };

typedef struct {
    mk_windows windows;
    const void *input;
    void *output;
    int32_t *indices;
    const int32_t *given;  // indices of a backward call
} job;

typedef float lanes __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));
typedef int32_t positions __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));
typedef uint32_t words __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));
typedef uint16_t halves __attribute__((vector_size(BLOCK * 2), aligned(2), may_alias));

// Macros, since a vector of this width cannot be passed between functions built for different instruction sets.
#define LOAD_F32(x) (*(const lanes *)(x))
#define STORE_F32(x, value) (*(lanes *)(x) = (value))
#define LOAD_BF16(x) ((lanes)(__builtin_convertvector(*(const halves *)(x), words) << 16))
#define STORE_BF16(x, value) \
    do { \
        const lanes rounded_ = (value); \
        for (int i_ = 0; i_ < BLOCK; i_++) (x)[i_] = mk_float_to_bf16(rounded_[i_]); \
    } while (0)

/// Elements between neighbouring positions, and where a plane of so many positions begins: [batch, channels / 16, positions,
/// 16], or [batch, positions, channels].
static inline int64_t plane_at(const mk_windows *w, int64_t plane, int64_t volume) {
    const int64_t blocks = w->pitch / BLOCK;
    return plane / blocks * volume * w->pitch + plane % blocks * BLOCK;
}

/// The position in the plane of tap (kd, kh, kw) of output (d, h, o); it may lie outside.
static inline int64_t tap_position(
    const mk_windows *w, int64_t d, int64_t h, int64_t o, int64_t kd, int64_t kh, int64_t kw) {
    const int64_t z = d * w->stride[0] - w->low[0] + kd * w->dilation[0];
    const int64_t y = h * w->stride[1] - w->low[1] + kh * w->dilation[1];
    return (z * w->input[1] + y) * w->input[2] + o * w->stride[2] - w->low[2] + kw * w->dilation[2];
}

/// Every output `at` = (d, h, o). Which taps lie inside is worked out once a row, and for outputs at a row's ends: it takes
/// divisions.
#define FOR_OUTPUTS(w) \
    const mk_range whole = mk_outputs_whole(w); \
    for (int64_t d = 0, at = 0; d < (w)->output[0]; d++) \
        for (int64_t h = 0; h < (w)->output[1]; h++) \
            for (mk_range ds = mk_taps_inside(w, 0, d), hs = mk_taps_inside(w, 1, h), *row = &ds; row; row = NULL) \
                for (int64_t o = 0; o < (w)->output[2]; o++, at++)

/// Every tap of an output that lies inside, with its `position` in the plane.
#define FOR_TAPS(w, d, h, o) \
    const bool is_whole = (o) >= whole.first && (o) < whole.last; \
    const mk_range ws = is_whole ? (mk_range){0, (w)->kernel[2]} : mk_taps_inside(w, 2, o); \
    for (int64_t kd = ds.first; kd < ds.last; kd++) \
        for (int64_t kh = hs.first; kh < hs.last; kh++) \
            for (int64_t kw = ws.first, position = tap_position(w, d, h, o, kd, kh, ws.first); kw < ws.last; \
                 kw++, position += (w)->dilation[2])

#define DEFINE_BLOCKED(NAME, S, LOAD, STORE) \
    static inline __attribute__((always_inline)) void NAME##_max_outputs( \
        const mk_windows *w, const S *plane, S *values, int32_t *indices, const bool keeps_indices) { \
        FOR_OUTPUTS(w) { \
            lanes best = (lanes){0} - INFINITY; \
            positions where = (positions){0} - 1; \
            int32_t first = -1; \
            FOR_TAPS(w, d, h, o) { \
                const lanes value = LOAD(plane + position * w->pitch); \
                const positions wins = (value > best) | (value != value) | first; \
                best = (lanes)((wins & (positions)value) | (~wins & (positions)best)); \
                if (keeps_indices) where = (wins & (int32_t)position) | (~wins & where); \
                first = 0; \
            } \
            STORE(values + at * w->pitch, best); \
            if (keeps_indices) *(positions *)(indices + at * w->pitch) = where; \
        } \
    } \
    static MK_CLONES void NAME##_max_plane(const mk_windows *w, const S *plane, S *values, int32_t *indices) { \
        if (indices) NAME##_max_outputs(w, plane, values, indices, true); \
        else NAME##_max_outputs(w, plane, values, indices, false); \
    } \
    static void NAME##_max(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_windows *w = &j->windows; \
        for (int64_t p = begin; p < end; p++) { \
            const int64_t to = plane_at(w, p, w->out_volume); \
            NAME##_max_plane( \
                w, (const S *)j->input + plane_at(w, p, w->in_volume), (S *)j->output + to, \
                j->indices ? j->indices + to : NULL); \
        } \
    } \
    /* Each lane has a target of its own; of one lane they are met in the order of outputs. */ \
    static MK_CLONES void NAME##_max_back_plane( \
        const mk_windows *w, const S *gradient, const int32_t *indices, float *sums, S *result) { \
        memset(sums, 0, (size_t)(w->in_volume * BLOCK) * sizeof(float)); \
        for (int64_t o = 0; o < w->out_volume; o++) { \
            const lanes value = LOAD(gradient + o * w->pitch); \
            const int32_t *at = indices + o * w->pitch; \
            for (int i = 0; i < BLOCK; i++) \
                if (at[i] >= 0) sums[(int64_t)at[i] * BLOCK + i] += value[i]; \
        } \
        if ((void *)sums != (void *)result) \
            for (int64_t i = 0; i < w->in_volume; i++) STORE(result + i * w->pitch, *(const lanes *)(sums + i * BLOCK)); \
    } \
    static void NAME##_max_back(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_windows *w = &j->windows; \
        float *scratch = \
            sizeof(S) == 4 && w->pitch == BLOCK ? NULL : mk_scratch(MK_SCRATCH_ROW, w->in_volume * BLOCK * (int64_t)sizeof(float)); \
        for (int64_t p = begin; p < end; p++) { \
            S *result = (S *)j->output + plane_at(w, p, w->in_volume); \
            const int64_t from = plane_at(w, p, w->out_volume); \
            NAME##_max_back_plane( \
                w, (const S *)j->input + from, j->given + from, scratch ? scratch : (float *)(void *)result, result); \
        } \
    } \
    static MK_CLONES void NAME##_average_plane(const mk_windows *w, const S *plane, S *to) { \
        FOR_OUTPUTS(w) { \
            lanes sum = {0}; \
            FOR_TAPS(w, d, h, o) sum += LOAD(plane + position * w->pitch); \
            STORE(to + at * w->pitch, sum / (float)mk_divisor_of(w, at)); \
        } \
    } \
    static void NAME##_average(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_windows *w = &j->windows; \
        for (int64_t p = begin; p < end; p++) \
            NAME##_average_plane( \
                w, (const S *)j->input + plane_at(w, p, w->in_volume), (S *)j->output + plane_at(w, p, w->out_volume)); \
    } \
    static MK_CLONES void NAME##_average_back_plane(const mk_windows *w, const S *gradient, float *sums, S *result) { \
        memset(sums, 0, (size_t)(w->in_volume * BLOCK) * sizeof(float)); \
        FOR_OUTPUTS(w) { \
            const lanes share = LOAD(gradient + at * w->pitch) / (float)mk_divisor_of(w, at); \
            FOR_TAPS(w, d, h, o) *(lanes *)(sums + position * BLOCK) += share; \
        } \
        if ((void *)sums != (void *)result) \
            for (int64_t i = 0; i < w->in_volume; i++) STORE(result + i * w->pitch, *(const lanes *)(sums + i * BLOCK)); \
    } \
    static void NAME##_average_back(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_windows *w = &j->windows; \
        float *scratch = \
            sizeof(S) == 4 && w->pitch == BLOCK ? NULL : mk_scratch(MK_SCRATCH_ROW, w->in_volume * BLOCK * (int64_t)sizeof(float)); \
        for (int64_t p = begin; p < end; p++) { \
            S *result = (S *)j->output + plane_at(w, p, w->in_volume); \
            NAME##_average_back_plane( \
                w, (const S *)j->input + plane_at(w, p, w->out_volume), scratch ? scratch : (float *)(void *)result, \
                result); \
        } \
    }

DEFINE_BLOCKED(f32, float, LOAD_F32, STORE_F32)
DEFINE_BLOCKED(bf16, uint16_t, LOAD_BF16, STORE_BF16)

/// Planes are cheap to hand out: about 8,000 vectors a chunk.
static int64_t grain(const mk_windows *w) { return 1 + 8192 / (w->in_volume + 1); }

void mk_pool_max_forward_blocked(int dtype, const mk_pooling *shape, const void *input, void *values, int32_t *indices) {
    job j = {.windows = mk_windows_of(shape, true), .input = input, .output = values, .indices = indices};
    mk_parallel_for(j.windows.planes, grain(&j.windows), dtype == MK_FLOAT32 ? f32_max : bf16_max, &j);
}

void mk_pool_max_backward_blocked(
    int dtype, const mk_pooling *shape, const void *output_gradient, const int32_t *indices, void *input_gradient) {
    job j = {.windows = mk_windows_of(shape, true), .input = output_gradient, .output = input_gradient, .given = indices};
    mk_parallel_for(j.windows.planes, grain(&j.windows), dtype == MK_FLOAT32 ? f32_max_back : bf16_max_back, &j);
}

void mk_pool_average_forward_blocked(int dtype, const mk_pooling *shape, const void *input, void *output) {
    job j = {.windows = mk_windows_of(shape, false), .input = input, .output = output};
    mk_parallel_for(j.windows.planes, grain(&j.windows), dtype == MK_FLOAT32 ? f32_average : bf16_average, &j);
}

void mk_pool_average_backward_blocked(int dtype, const mk_pooling *shape, const void *output_gradient, void *input_gradient) {
    job j = {.windows = mk_windows_of(shape, false), .input = output_gradient, .output = input_gradient};
    mk_parallel_for(j.windows.planes, grain(&j.windows), dtype == MK_FLOAT32 ? f32_average_back : bf16_average_back, &j);
}
