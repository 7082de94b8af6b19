// Maximum pooling, eight outputs of a row at a time where their windows lie inside the input, single ones at its borders.
#include <math.h>

#include "matmul_clones.h"
#include "matmul_half.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"
#include "pooling_windows.h"

typedef struct {
    mk_windows windows;
    const void *input;
    void *output;
    int32_t *indices;
    const int32_t *given;  // indices of a backward or gathering call
} job;

#define PLAIN(x) (x)

typedef int32_t eight_positions __attribute__((vector_size(32), aligned(4)));

// Positions fit 32 bits within a plane, which lets eight be carried along in a vector.
#define DEFINE_MAX(NAME, T, S, LOAD, STORE) \
    MK_DEFINE_LOAD_EIGHT(NAME, T, S, LOAD) \
    /* Where a tap meets the plane: its first position in the row of output (d, h). */ \
    static inline int64_t NAME##_row_start(const mk_windows *w, int64_t d, int64_t h, int64_t kd, int64_t kh) { \
        const int64_t z = d * w->stride[0] - w->low[0] + kd * w->dilation[0]; \
        const int64_t y = h * w->stride[1] - w->low[1] + kh * w->dilation[1]; \
        return (z * w->input[1] + y) * w->input[2] - w->low[2]; \
    } \
    /* Outputs o ... o + 7 of a row, every tap inside. */ \
    static inline __attribute__((always_inline)) void NAME##_eight_outputs( \
        const mk_windows *w, const S *plane, int64_t stride, int64_t d, int64_t h, int64_t o, mk_range ds, mk_range hs, \
        S *values, int32_t *indices) { \
        NAME##_eight best = {0}, value; \
        eight_positions where = {0}; \
        const eight_positions lanes = (eight_positions){0, 1, 2, 3, 4, 5, 6, 7} * (int32_t)stride; \
        /* All bits set for the first tap, which wins whatever it is. */ \
        int32_t first = -1; \
        for (int64_t kd = ds.first; kd < ds.last; kd++) \
            for (int64_t kh = hs.first; kh < hs.last; kh++) { \
                const int64_t start = NAME##_row_start(w, d, h, kd, kh) + o * stride; \
                for (int64_t kw = 0; kw < w->kernel[2]; kw++) { \
                    const int64_t position = start + kw * w->dilation[2]; \
                    NAME##_load(plane + position, stride, &value); \
                    const __typeof__(value > best) wins = (value > best) | (value != value) | first; \
                    best = (NAME##_eight)((wins & (__typeof__(wins))value) | (~wins & (__typeof__(wins))best)); \
                    const eight_positions moves = __builtin_convertvector(wins, eight_positions); \
                    where = (moves & (lanes + (int32_t)position)) | (~moves & where); \
                    first = 0; \
                } \
            } \
        for (int i = 0; i < 8; i++) values[o + i] = STORE(best[i]); \
        if (indices) \
            for (int i = 0; i < 8; i++) indices[o + i] = where[i]; \
    } \
    static void NAME##_one_output( \
        const mk_windows *w, const S *plane, int64_t d, int64_t h, int64_t o, mk_range ds, mk_range hs, S *values, \
        int32_t *indices) { \
        const mk_range ws = mk_taps_inside(w, 2, o); \
        T best = -(T)INFINITY; \
        int32_t where = -1; \
        for (int64_t kd = ds.first; kd < ds.last; kd++) \
            for (int64_t kh = hs.first; kh < hs.last; kh++) \
                for (int64_t kw = ws.first; kw < ws.last; kw++) { \
                    const int64_t position = \
                        NAME##_row_start(w, d, h, kd, kh) + o * w->stride[2] + kw * w->dilation[2]; \
                    const T value = LOAD(plane[position]); \
                    if (where < 0 || value > best || value != value) best = value, where = (int32_t)position; \
                } \
        values[o] = STORE(best); \
        if (indices) indices[o] = where; \
    } \
    static MK_CLONES void NAME##_row( \
        const mk_windows *w, const S *plane, int64_t d, int64_t h, S *values, int32_t *indices) { \
        const mk_range ds = mk_taps_inside(w, 0, d), hs = mk_taps_inside(w, 1, h); \
        mk_range whole = mk_outputs_whole(w); \
        if (whole.last - whole.first < 8 || ds.first == ds.last || hs.first == hs.last) whole.last = whole.first; \
        for (int64_t o = 0; o < whole.first; o++) NAME##_one_output(w, plane, d, h, o, ds, hs, values, indices); \
        for (int64_t o = whole.last; o < w->output[2]; o++) \
            NAME##_one_output(w, plane, d, h, o, ds, hs, values, indices); \
        for (int64_t next = whole.first; next < whole.last; next += 8) { \
            /* The last eight overlap the ones before. */ \
            const int64_t o = mk_min64(next, whole.last - 8); \
            if (w->stride[2] == 2) \
                NAME##_eight_outputs(w, plane, 2, d, h, o, ds, hs, values, indices); \
            else if (w->stride[2] == 1) \
                NAME##_eight_outputs(w, plane, 1, d, h, o, ds, hs, values, indices); \
            else \
                NAME##_eight_outputs(w, plane, w->stride[2], d, h, o, ds, hs, values, indices); \
        } \
    } \
    static void NAME##_planes(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_windows *w = &j->windows; \
        for (int64_t p = begin; p < end; p++) { \
            const S *plane = (const S *)j->input + p * w->in_volume; \
            int64_t to = p * w->out_volume; \
            for (int64_t d = 0; d < w->output[0]; d++) \
                for (int64_t h = 0; h < w->output[1]; h++, to += w->output[2]) \
                    NAME##_row(w, plane, d, h, (S *)j->output + to, j->indices ? j->indices + to : NULL); \
        } \
    } \
    static void NAME##_back(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_windows *w = &j->windows; \
        T *sums = sizeof(T) == sizeof(S) ? NULL : mk_scratch(MK_SCRATCH_ROW, w->in_volume * (int64_t)sizeof(T)); \
        for (int64_t p = begin; p < end; p++) { \
            const S *gradient = (const S *)j->input + p * w->out_volume; \
            const int32_t *indices = j->given + p * w->out_volume; \
            S *result = (S *)j->output + p * w->in_volume; \
            T *to = sums ? sums : (T *)(void *)result; \
            memset(to, 0, (size_t)w->in_volume * sizeof(T)); \
            for (int64_t o = 0; o < w->out_volume; o++) \
                if (indices[o] >= 0) to[indices[o]] += LOAD(gradient[o]); \
            if (sums) \
                for (int64_t i = 0; i < w->in_volume; i++) result[i] = STORE(to[i]); \
        } \
    }

DEFINE_MAX(max_f32, float, float, PLAIN, PLAIN)
DEFINE_MAX(max_f64, double, double, PLAIN, PLAIN)
DEFINE_MAX(max_bf16, float, uint16_t, mk_bf16_to_float, mk_float_to_bf16)
DEFINE_MAX(max_f16, float, uint16_t, mk_f16_to_float, mk_float_to_f16)

#define DEFINE_GATHER(NAME, S) \
    static void NAME(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_windows *w = &j->windows; \
        for (int64_t p = begin; p < end; p++) { \
            const S *x = (const S *)j->input + p * w->in_volume; \
            const int32_t *indices = j->given + p * w->out_volume; \
            S *to = (S *)j->output + p * w->out_volume; \
            for (int64_t o = 0; o < w->out_volume; o++) to[o] = indices[o] < 0 ? 0 : x[indices[o]]; \
        } \
    }

DEFINE_GATHER(gather_16, uint16_t)
DEFINE_GATHER(gather_32, uint32_t)
DEFINE_GATHER(gather_64, uint64_t)

typedef void (*body)(void *, int64_t, int64_t);

void mk_pool_max_forward(int dtype, const mk_pooling *shape, const void *input, void *values, int32_t *indices) {
    static const body bodies[] = {max_f32_planes, max_f64_planes, max_bf16_planes, max_f16_planes};
    job j = {.windows = mk_windows_of(shape, true), .input = input, .output = values, .indices = indices};
    const mk_windows *w = &j.windows;
    const int64_t work = w->out_volume * w->kernel[0] * w->kernel[1] * w->kernel[2];
    mk_parallel_for(w->planes, 1 + 65536 / (work + 1), bodies[dtype], &j);
}

void mk_pool_max_backward(
    int dtype, const mk_pooling *shape, const void *output_gradient, const int32_t *indices, void *input_gradient) {
    static const body bodies[] = {max_f32_back, max_f64_back, max_bf16_back, max_f16_back};
    job j = {.windows = mk_windows_of(shape, true), .input = output_gradient, .output = input_gradient, .given = indices};
    mk_parallel_for(j.windows.planes, 1 + 32768 / (j.windows.in_volume + 1), bodies[dtype], &j);
}

void mk_pool_gather(int dtype, const mk_pooling *shape, const void *x, const int32_t *indices, void *output) {
    job j = {.windows = mk_windows_of(shape, true), .input = x, .output = output, .given = indices};
    const body gather = dtype == MK_FLOAT32 ? gather_32 : dtype == MK_FLOAT64 ? gather_64 : gather_16;
    mk_parallel_for(j.windows.planes, 1 + 32768 / (j.windows.out_volume + 1), gather, &j);
}
