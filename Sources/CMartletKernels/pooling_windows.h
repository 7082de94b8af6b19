// Windows of pooling over three dimensions (missing ones have size 1), clipped to the input.
#ifndef POOLING_WINDOWS_H
#define POOLING_WINDOWS_H

#include "matmul_core.h"
#include "mk_pooling.h"

typedef struct {
    int64_t planes, input[3], kernel[3], output[3], stride[3], low[3], high[3], dilation[3];
    int64_t in_volume, out_volume;
    int64_t pitch;  // of channel blocks: elements between neighbouring positions
    bool include_pad;
} mk_windows;

typedef struct {
    int64_t first, last;  // [first, last)
} mk_range;

static inline mk_windows mk_windows_of(const mk_pooling *shape, bool dilated) {
    mk_windows w = {.planes = shape->planes, .pitch = shape->block, .in_volume = 1, .out_volume = 1, .include_pad = shape->count_include_pad};
    for (int i = 0; i < 3; i++) {
        const int from = i - (3 - shape->rank);
        w.input[i] = from < 0 ? 1 : shape->input[from];
        w.kernel[i] = from < 0 ? 1 : shape->kernel[from];
        w.output[i] = from < 0 ? 1 : shape->output[from];
        w.stride[i] = from < 0 ? 1 : shape->stride[from];
        w.low[i] = from < 0 ? 0 : shape->padding_low[from];
        w.high[i] = from < 0 ? 0 : shape->padding_high[from];
        w.dilation[i] = from < 0 || !dilated ? 1 : shape->dilation[from];
        w.in_volume *= w.input[i];
        w.out_volume *= w.output[i];
    }
    return w;
}

/// ceil(a / b) for b > 0 and any a, not below 0.
static inline int64_t mk_ceil_positive(int64_t a, int64_t b) { return a <= 0 ? 0 : (a + b - 1) / b; }

/// The taps of output `o` along dimension i that lie inside the input.
static inline mk_range mk_taps_inside(const mk_windows *w, int i, int64_t o) {
    const int64_t start = o * w->stride[i] - w->low[i], d = w->dilation[i];
    mk_range r = {mk_ceil_positive(-start, d), mk_min64(w->kernel[i], mk_ceil_positive(w->input[i] - start, d))};
    if (r.last < r.first) r.last = r.first;
    return r;
}

/// The outputs of a row whose tap k lies inside the input.
static inline mk_range mk_outputs_inside(const mk_windows *w, int64_t k) {
    const int64_t shift = w->low[2] - k * w->dilation[2];
    mk_range r = {mk_ceil_positive(shift, w->stride[2]),
                  mk_min64(w->output[2], mk_ceil_positive(w->input[2] + shift, w->stride[2]))};
    if (r.last < r.first) r.last = r.first;
    return r;
}

/// The outputs of a row whose every tap lies inside the input.
static inline mk_range mk_outputs_whole(const mk_windows *w) {
    mk_range r = {mk_outputs_inside(w, 0).first, mk_outputs_inside(w, w->kernel[2] - 1).last};
    if (r.last < r.first) r.last = r.first;
    return r;
}

/// Positions of output o's window along dimension i that count for the divisor; 0 where no tap meets the input.
static inline int64_t mk_counted(const mk_windows *w, int i, int64_t o) {
    const mk_range taps = mk_taps_inside(w, i, o);
    if (!w->include_pad || taps.first == taps.last) return taps.last - taps.first;
    const int64_t start = o * w->stride[i] - w->low[i];
    return mk_min64(start + w->kernel[i], w->input[i] + w->high[i]) - start;
}

/// Output o's divisor, a whole number and so exact; an empty window's sum of 0 is left alone by a divisor of 1.
static inline int64_t mk_divisor_of(const mk_windows *w, int64_t o) {
    const int64_t row = o / w->output[2];
    const int64_t h = row % w->output[1], d = row / w->output[1];
    return mk_max64(1, mk_counted(w, 0, d) * mk_counted(w, 1, h) * mk_counted(w, 2, o % w->output[2]));
}

/// Eight elements x[0], x[stride], ..., x[7 * stride] as a vector of T; reads nothing else in between the first and last.
#define MK_DEFINE_LOAD_EIGHT(NAME, T, S, LOAD) \
    typedef T NAME##_eight __attribute__((vector_size(8 * sizeof(T)), aligned(sizeof(T)), may_alias)); \
    typedef S NAME##_raw __attribute__((vector_size(8 * sizeof(S)), aligned(sizeof(S)), may_alias)); \
    static inline __attribute__((always_inline)) void NAME##_load(const S *x, int64_t stride, NAME##_eight *to) { \
        NAME##_raw raw; \
        if (stride == 1) \
            raw = *(const NAME##_raw *)x; \
        else if (stride == 2) \
            raw = __builtin_shufflevector(*(const NAME##_raw *)x, *(const NAME##_raw *)(x + 7), 0, 2, 4, 6, 9, 11, 13, 15); \
        else \
            for (int i = 0; i < 8; i++) raw[i] = x[i * stride]; \
        for (int i = 0; i < 8; i++) (*to)[i] = LOAD(raw[i]); \
    }

#endif
