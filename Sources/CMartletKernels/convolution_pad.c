// Copying images into their padded layouts, converting 16-bit floats to float32 on the way.
#include "convolution_geometry.h"
#include "matmul_clones.h"
#include "matmul_half.h"
#include "mk_parallel.h"

typedef struct {
    const mk_padding *padding;
    const void *source;
    void *destination;
} job;

/// The elements e of a slot whose position lies inside the input are [first, last).
typedef struct {
    int64_t start, first, last;
} span;

static span span_of(const mk_padding *p, int dimension, int64_t slot) {
    const int64_t stride = p->stride[dimension], extent = p->extent[dimension];
    const int64_t start = slot * p->slot_dilation[dimension] % stride + p->low[dimension];
    const int64_t first = start >= 0 ? 0 : mk_min64(extent, mk_ceil_div(-start, stride));
    const int64_t room = p->size[dimension] - start;
    const int64_t last = room <= 0 ? 0 : mk_min64(extent, mk_ceil_div(room, stride));
    return (span){start, first, mk_max64(first, last)};
}

#define PLAIN(x) (x)

#define DEFINE_PAD(NAME, T, S, LOAD) \
    static MK_CLONES void NAME##_row(const mk_padding *p, span w, const S *source, T *to) { \
        const int64_t stride = p->stride[2]; \
        for (int64_t e = 0; e < w.first; e++) to[e] = 0; \
        if (stride == 1) \
            for (int64_t e = w.first; e < w.last; e++) to[e] = LOAD(source[e + w.start]); \
        else if (stride == 2) \
            for (int64_t e = w.first; e < w.last; e++) to[e] = LOAD(source[2 * e + w.start]); \
        else \
            for (int64_t e = w.first; e < w.last; e++) to[e] = LOAD(source[e * stride + w.start]); \
        for (int64_t e = w.last; e < p->extent[2]; e++) to[e] = 0; \
    } \
    /* One channel of one image: all slots, planes and rows. */ \
    static void NAME##_channels(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_padding *p = j->padding; \
        const int64_t slots = p->slots[0] * p->slots[1] * p->slots[2], volume = p->size[0] * p->size[1] * p->size[2]; \
        for (int64_t index = begin; index < end; index++) { \
            const S *source = (const S *)j->source + index * volume; \
            T *to = (T *)j->destination + index * p->channel; \
            for (int64_t slot = 0; slot < slots; slot++) { \
                const span d = span_of(p, 0, slot / (p->slots[1] * p->slots[2])); \
                const span h = span_of(p, 1, slot / p->slots[2] % p->slots[1]); \
                const span w = span_of(p, 2, slot % p->slots[2]); \
                for (int64_t z = 0; z < p->extent[0]; z++) \
                    for (int64_t y = 0; y < p->extent[1]; y++, to += p->extent[2]) { \
                        if (z < d.first || z >= d.last || y < h.first || y >= h.last) { \
                            for (int64_t e = 0; e < p->extent[2]; e++) to[e] = 0; \
                            continue; \
                        } \
                        const int64_t plane = z * p->stride[0] + d.start, row = y * p->stride[1] + h.start; \
                        NAME##_row(p, w, source + (plane * p->size[1] + row) * p->size[2], to); \
                    } \
            } \
        } \
    } \
    /* Eight channels by eight positions are turned in registers. */ \
    typedef T NAME##_octet __attribute__((vector_size(8 * sizeof(T)), aligned(sizeof(T)), may_alias)); \
    static inline __attribute__((always_inline)) void NAME##_turn( \
        const S *from, int64_t volume, T *to, int64_t channels) { \
        NAME##_octet row[8], pair[8], four[8]; \
        for (int i = 0; i < 8; i++) \
            for (int l = 0; l < 8; l++) row[i][l] = LOAD(from[i * volume + l]); \
        for (int i = 0; i < 8; i += 2) { \
            pair[i] = __builtin_shufflevector(row[i], row[i + 1], 0, 8, 1, 9, 4, 12, 5, 13); \
            pair[i + 1] = __builtin_shufflevector(row[i], row[i + 1], 2, 10, 3, 11, 6, 14, 7, 15); \
        } \
        for (int i = 0; i < 8; i += 4) \
            for (int j = 0; j < 2; j++) { \
                const NAME##_octet a = pair[i + j], b = pair[i + j + 2]; \
                four[i + 2 * j] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13); \
                four[i + 2 * j + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15); \
            } \
        for (int i = 0; i < 4; i++) { \
            const NAME##_octet a = four[i], b = four[i + 4]; \
            *(NAME##_octet *)(to + i * channels) = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11); \
            *(NAME##_octet *)(to + (i + 4) * channels) = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15); \
        } \
    } \
    /* A row of positions, channels innermost. */ \
    static MK_CLONES void NAME##_turned_row(const mk_padding *p, span w, const S *source, int64_t volume, T *to) { \
        const int64_t channels = p->channels; \
        for (int64_t e = 0; e < w.first * channels; e++) to[e] = 0; \
        const int64_t stride = p->stride[2]; \
        for (int64_t c = 0; c < channels; c += 8) { \
            const int64_t limit = mk_min64(8, channels - c); \
            const S *from = source + c * volume + w.start; \
            int64_t e = w.first; \
            if (limit == 8 && stride == 1 && w.last - w.first >= 8) \
                /* The last square overlaps the one before. */ \
                for (; e < w.last; e += 8) { \
                    const int64_t at = mk_min64(e, w.last - 8); \
                    NAME##_turn(from + at, volume, to + at * channels + c, channels); \
                } \
            for (; e < w.last; e++) \
                for (int64_t i = 0; i < limit; i++) to[e * channels + c + i] = LOAD(from[i * volume + e * stride]); \
        } \
        for (int64_t e = w.last * channels; e < p->extent[2] * channels; e++) to[e] = 0; \
    } \
    static void NAME##_turned(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_padding *p = j->padding; \
        const int64_t volume = p->size[0] * p->size[1] * p->size[2]; \
        const int64_t rows = p->slots[0] * p->slots[1] * p->slots[2] * p->extent[0] * p->extent[1]; \
        for (int64_t index = begin; index < end; index++) { \
            const int64_t image = index / rows, row = index % rows; \
            const int64_t y = row % p->extent[1], z = row / p->extent[1] % p->extent[0]; \
            const int64_t slot = row / (p->extent[1] * p->extent[0]); \
            const span d = span_of(p, 0, slot / (p->slots[1] * p->slots[2])); \
            const span h = span_of(p, 1, slot / p->slots[2] % p->slots[1]); \
            const span w = span_of(p, 2, slot % p->slots[2]); \
            T *to = (T *)j->destination + image * p->image + row * p->pitch[1]; \
            if (z < d.first || z >= d.last || y < h.first || y >= h.last) { \
                for (int64_t e = 0; e < p->pitch[1]; e++) to[e] = 0; \
                continue; \
            } \
            const int64_t plane = z * p->stride[0] + d.start, line = y * p->stride[1] + h.start; \
            const S *source = (const S *)j->source + image * p->channels * volume; \
            NAME##_turned_row(p, w, source + (plane * p->size[1] + line) * p->size[2], volume, to); \
        } \
    }

DEFINE_PAD(pad_f32, float, float, PLAIN)
DEFINE_PAD(pad_f64, double, double, PLAIN)
DEFINE_PAD(pad_bf16, float, uint16_t, mk_bf16_to_float)
DEFINE_PAD(pad_f16, float, uint16_t, mk_f16_to_float)

void mk_pad_images(const mk_padding *padding, const void *source, int64_t images, void *destination) {
    typedef void (*body)(void *, int64_t, int64_t);
    static const body planes[] = {pad_f32_channels, pad_f64_channels, pad_bf16_channels, pad_f16_channels};
    static const body turned[] = {pad_f32_turned, pad_f64_turned, pad_bf16_turned, pad_f16_turned};
    job j = {padding, source, destination};
    const int64_t rows = padding->image / padding->pitch[1];
    const int64_t count = padding->channels_last ? images * rows : images * padding->channels;
    const int64_t each = padding->channels_last ? padding->pitch[1] : padding->channel;
    mk_parallel_for(count, 1 + 32768 / (each + 1), (padding->channels_last ? turned : planes)[padding->dtype], &j);
}
