// Average pooling: taps are added in the window's order, then divided; eight outputs of a row at a time where their windows
// lie inside the input, single ones at its borders.
#include "matmul_clones.h"
#include "matmul_half.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"
#include "pooling_windows.h"

typedef struct {
    mk_windows windows;
    const void *input;
    void *output;
} job;

#define PLAIN(x) (x)

#define DEFINE_AVERAGE(NAME, T, S, LOAD, STORE) \
    MK_DEFINE_LOAD_EIGHT(NAME, T, S, LOAD) \
    /* Where a tap meets the plane: its first position in the row of output (d, h). */ \
    static inline int64_t NAME##_row_start(const mk_windows *w, int64_t d, int64_t h, int64_t kd, int64_t kh) { \
        const int64_t z = d * w->stride[0] - w->low[0] + kd, y = h * w->stride[1] - w->low[1] + kh; \
        return (z * w->input[1] + y) * w->input[2] - w->low[2]; \
    } \
    static inline __attribute__((always_inline)) void NAME##_eight_outputs( \
        const mk_windows *w, const S *plane, int64_t stride, int64_t d, int64_t h, int64_t o, mk_range ds, mk_range hs, \
        const T *divisors, S *to) { \
        NAME##_eight sum = {0}, value; \
        for (int64_t kd = ds.first; kd < ds.last; kd++) \
            for (int64_t kh = hs.first; kh < hs.last; kh++) { \
                const S *x = plane + NAME##_row_start(w, d, h, kd, kh) + o * stride; \
                for (int64_t kw = 0; kw < w->kernel[2]; kw++) { \
                    NAME##_load(x + kw, stride, &value); \
                    sum += value; \
                } \
            } \
        sum /= *(const NAME##_eight *)(divisors + o); \
        for (int i = 0; i < 8; i++) to[o + i] = STORE(sum[i]); \
    } \
    static void NAME##_one_output( \
        const mk_windows *w, const S *plane, int64_t d, int64_t h, int64_t o, mk_range ds, mk_range hs, \
        const T *divisors, S *to) { \
        const mk_range ws = mk_taps_inside(w, 2, o); \
        T sum = 0; \
        for (int64_t kd = ds.first; kd < ds.last; kd++) \
            for (int64_t kh = hs.first; kh < hs.last; kh++) { \
                const S *x = plane + NAME##_row_start(w, d, h, kd, kh) + o * w->stride[2]; \
                for (int64_t kw = ws.first; kw < ws.last; kw++) sum += LOAD(x[kw]); \
            } \
        to[o] = STORE(sum / divisors[o]); \
    } \
    static MK_CLONES void NAME##_row( \
        const mk_windows *w, const S *plane, int64_t d, int64_t h, const T *divisors, S *to) { \
        const mk_range ds = mk_taps_inside(w, 0, d), hs = mk_taps_inside(w, 1, h); \
        mk_range whole = mk_outputs_whole(w); \
        if (whole.last - whole.first < 8) whole.last = whole.first; \
        for (int64_t o = 0; o < whole.first; o++) NAME##_one_output(w, plane, d, h, o, ds, hs, divisors, to); \
        for (int64_t o = whole.last; o < w->output[2]; o++) \
            NAME##_one_output(w, plane, d, h, o, ds, hs, divisors, to); \
        for (int64_t next = whole.first; next < whole.last; next += 8) { \
            /* The last eight overlap the ones before. */ \
            const int64_t o = mk_min64(next, whole.last - 8); \
            if (w->stride[2] == 2) \
                NAME##_eight_outputs(w, plane, 2, d, h, o, ds, hs, divisors, to); \
            else if (w->stride[2] == 1) \
                NAME##_eight_outputs(w, plane, 1, d, h, o, ds, hs, divisors, to); \
            else \
                NAME##_eight_outputs(w, plane, w->stride[2], d, h, o, ds, hs, divisors, to); \
        } \
    } \
    static void NAME##_planes(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_windows *w = &j->windows; \
        T *divisors = mk_scratch(MK_SCRATCH_ROW, w->out_volume * (int64_t)sizeof(T)); \
        for (int64_t o = 0; o < w->out_volume; o++) divisors[o] = (T)mk_divisor_of(w, o); \
        for (int64_t p = begin; p < end; p++) { \
            const S *plane = (const S *)j->input + p * w->in_volume; \
            S *to = (S *)j->output + p * w->out_volume; \
            int64_t row = 0; \
            for (int64_t d = 0; d < w->output[0]; d++) \
                for (int64_t h = 0; h < w->output[1]; h++, row += w->output[2]) \
                    NAME##_row(w, plane, d, h, divisors + row, to + row); \
        } \
    } \
    /* The shares of an output row go to every input that its windows cover. */ \
    static MK_CLONES void NAME##_spread( \
        const mk_windows *w, int64_t d, int64_t h, const S *gradient, const T *divisors, T *shares, T *sums) { \
        const mk_range ds = mk_taps_inside(w, 0, d), hs = mk_taps_inside(w, 1, h); \
        for (int64_t o = 0; o < w->output[2]; o++) shares[o] = LOAD(gradient[o]) / divisors[o]; \
        for (int64_t kd = ds.first; kd < ds.last; kd++) \
            for (int64_t kh = hs.first; kh < hs.last; kh++) { \
                T *to = sums + NAME##_row_start(w, d, h, kd, kh); \
                for (int64_t kw = 0; kw < w->kernel[2]; kw++) { \
                    const mk_range r = mk_outputs_inside(w, kw); \
                    if (w->stride[2] == 1) \
                        for (int64_t o = r.first; o < r.last; o++) to[o + kw] += shares[o]; \
                    else \
                        for (int64_t o = r.first; o < r.last; o++) to[o * w->stride[2] + kw] += shares[o]; \
                } \
            } \
    } \
    static void NAME##_back(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_windows *w = &j->windows; \
        const int64_t scratch = w->out_volume + w->output[2] + w->in_volume; \
        T *divisors = mk_scratch(MK_SCRATCH_ROW, scratch * (int64_t)sizeof(T)); \
        T *shares = divisors + w->out_volume, *sums = shares + w->output[2]; \
        for (int64_t o = 0; o < w->out_volume; o++) divisors[o] = (T)mk_divisor_of(w, o); \
        for (int64_t p = begin; p < end; p++) { \
            const S *gradient = (const S *)j->input + p * w->out_volume; \
            S *to = (S *)j->output + p * w->in_volume; \
            int64_t row = 0; \
            memset(sums, 0, (size_t)w->in_volume * sizeof(T)); \
            for (int64_t d = 0; d < w->output[0]; d++) \
                for (int64_t h = 0; h < w->output[1]; h++, row += w->output[2]) \
                    NAME##_spread(w, d, h, gradient + row, divisors + row, shares, sums); \
            for (int64_t i = 0; i < w->in_volume; i++) to[i] = STORE(sums[i]); \
        } \
    }

DEFINE_AVERAGE(average_f32, float, float, PLAIN, PLAIN)
DEFINE_AVERAGE(average_f64, double, double, PLAIN, PLAIN)
DEFINE_AVERAGE(average_bf16, float, uint16_t, mk_bf16_to_float, mk_float_to_bf16)
DEFINE_AVERAGE(average_f16, float, uint16_t, mk_f16_to_float, mk_float_to_f16)

typedef void (*body)(void *, int64_t, int64_t);

static void run(const body *bodies, int dtype, const mk_pooling *shape, const void *input, void *output) {
    job j = {mk_windows_of(shape, false), input, output};
    const mk_windows *w = &j.windows;
    const int64_t work = w->out_volume * w->kernel[0] * w->kernel[1] * w->kernel[2] + w->in_volume;
    mk_parallel_for(w->planes, 1 + 65536 / work, bodies[dtype], &j);
}

void mk_pool_average_forward(int dtype, const mk_pooling *shape, const void *input, void *output) {
    static const body bodies[] = {average_f32_planes, average_f64_planes, average_bf16_planes, average_f16_planes};
    run(bodies, dtype, shape, input, output);
}

void mk_pool_average_backward(int dtype, const mk_pooling *shape, const void *output_gradient, void *input_gradient) {
    static const body bodies[] = {average_f32_back, average_f64_back, average_bf16_back, average_f16_back};
    run(bodies, dtype, shape, output_gradient, input_gradient);
}
