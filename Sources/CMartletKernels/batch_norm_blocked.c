#include "mk_batch_norm.h"

#include <math.h>
#include <string.h>

#include "matmul_clones.h"
#include "matmul_half.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"

enum { BLOCK = 16, CHUNK = 128 };

typedef float lanes __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));
typedef int32_t masks __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));
typedef uint32_t words __attribute__((vector_size(BLOCK * 4), aligned(4), may_alias));
typedef uint16_t halves __attribute__((vector_size(BLOCK * 2), aligned(2), may_alias));
typedef double wide __attribute__((vector_size(BLOCK * 8), aligned(8), may_alias));

// Macros, since a vector of this width cannot be passed between functions built for different instruction sets.
#define LOAD_F32(p) (*(const lanes *)(p))
#define STORE_F32(p, value) (*(lanes *)(p) = (value))
#define LOAD_BF16(p) ((lanes)(__builtin_convertvector(*(const halves *)(p), words) << 16))
/// The upper half of a float's bits, rounded to nearest even; a NaN stays one.
#define ROUNDED_BITS(bits) \
    ((((words)(((bits) & 0x7FFFFFFF) > 0x7F800000)) & (((bits) >> 16) | 0x40)) \
        | (~((words)(((bits) & 0x7FFFFFFF) > 0x7F800000)) & (((bits) + 0x7FFF + (((bits) >> 16) & 1)) >> 16)))
#define STORE_BF16(p, value) \
    do { \
        const words bits_ = (words)(value); \
        *(halves *)(p) = __builtin_convertvector(ROUNDED_BITS(bits_), halves); \
    } while (0)

/// What storing and loading would make of a value: each recorded operation rounds once.
#define ROUND_F32(value) (value)
#define ROUND_BF16(value) ((lanes)(ROUNDED_BITS((words)(value)) << 16))

#define WIDE(value) __builtin_convertvector(value, wide)
#define NARROW(value) __builtin_convertvector(value, lanes)
#define SELECT(mask, value) ((lanes)((mask) & (masks)(value)))
/// A rectifier that lets NaN through.
#define RECTIFIED(value) SELECT(((value) > 0) | ((value) != (value)), value)

/// Count, mean and sum of squared deviations of the numbers met so far, a lane a channel.
typedef struct {
    double count;
    wide mean, deviation;
} moments;

/// Sums of a gradient, and of the gradient times the centred input.
typedef struct {
    wide gradient, product;
} gradient_sums;

typedef struct {
    const mk_batch_norm *shape;
    const mk_batch_norm_forward_memory *forward;
    const mk_batch_norm_backward_memory *backward;
    void *partial;  // moments or sums, an image a block
} job;

/// A plane: some positions of one block of 16 channels. Where all channels lie side by side, batch and positions are one
/// axis of rows, which is cut into pieces that stay in the second cache while block after block of them is read.
static inline bool is_last(const mk_batch_norm *s) { return s->pitch > BLOCK; }

/// Rows of a piece: 128 KB of bfloat16, but no fewer than make the sums of a plane worth their while.
static inline int64_t piece_rows(const mk_batch_norm *s) { return 65536 / s->pitch > 64 ? 65536 / s->pitch : 64; }

/// Images, or pieces.
static inline int64_t plane_count(const mk_batch_norm *s) {
    return is_last(s) ? (s->batch * s->positions + piece_rows(s) - 1) / piece_rows(s) : s->batch;
}

/// The first element of a plane.
static inline int64_t plane_at(const mk_batch_norm *s, int64_t image, int64_t block) {
    if (is_last(s)) return image * piece_rows(s) * s->pitch + block * BLOCK;
    return (image * s->blocks + block) * s->positions * BLOCK;
}

/// Positions of a plane.
static inline int64_t plane_positions(const mk_batch_norm *s, int64_t image) {
    if (!is_last(s)) return s->positions;
    const int64_t left = s->batch * s->positions - image * piece_rows(s);
    return left < piece_rows(s) ? left : piece_rows(s);
}

// Chan, Golub and LeVeque (1979): moments of two sets as one.
#define ADD_MOMENTS(into, n, m, d) \
    do { \
        const double total_ = (into)->count + (n); \
        const wide apart_ = (m) - (into)->mean; \
        (into)->mean += apart_ * ((n) / total_); \
        (into)->deviation += (d) + apart_ * apart_ * ((into)->count * (n) / total_); \
        (into)->count = total_; \
    } while (0)

/// Adds position `at` of a plane's gradient to the sums of `DEFINE_BATCH_NORM`'s first backward pass.
#define ADD_GRADIENT(at, sum, product, LOAD, STORE, ROUND) \
    do { \
        lanes g = LOAD(gradient + (at) * pitch); \
        if (second) { \
            g += LOAD(second + (at) * pitch); \
            g = ROUND(g); \
        } \
        if (output) g *= SELECT(LOAD(output + (at) * pitch) > 0, (lanes){0} + 1); \
        if (kept) STORE(kept + (at) * pitch, g); \
        (sum) += g; \
        (product) += g * (LOAD(x + (at) * pitch) - mean); \
    } while (0)

#define DEFINE_BATCH_NORM(NAME, S, LOAD, STORE, ROUND) \
    /* Chunk by chunk, so that the second look at a chunk finds it in the first cache. */ \
    static MK_CLONES void NAME##_moments(const S *x, int64_t positions, int64_t pitch, moments *result) { \
        *result = (moments){0}; \
        for (int64_t start = 0; start < positions; start += CHUNK) { \
            const int64_t count = positions - start < CHUNK ? positions - start : CHUNK; \
            const S *chunk = x + start * pitch; \
            lanes a = {0}, b = {0}, c = {0}, d = {0}; \
            int64_t i = 0; \
            for (; i + 4 <= count; i += 4) { \
                a += LOAD(chunk + i * pitch); \
                b += LOAD(chunk + (i + 1) * pitch); \
                c += LOAD(chunk + (i + 2) * pitch); \
                d += LOAD(chunk + (i + 3) * pitch); \
            } \
            for (; i < count; i++) a += LOAD(chunk + i * pitch); \
            const lanes mean = ((a + b) + (c + d)) / (float)count; \
            lanes p = {0}, q = {0}, r = {0}, s = {0}; \
            for (i = 0; i + 4 <= count; i += 4) { \
                const lanes t = LOAD(chunk + i * pitch) - mean, u = LOAD(chunk + (i + 1) * pitch) - mean; \
                const lanes v = LOAD(chunk + (i + 2) * pitch) - mean, w = LOAD(chunk + (i + 3) * pitch) - mean; \
                p += t * t; \
                q += u * u; \
                r += v * v; \
                s += w * w; \
            } \
            for (; i < count; i++) { \
                const lanes t = LOAD(chunk + i * pitch) - mean; \
                p += t * t; \
            } \
            ADD_MOMENTS(result, (double)count, WIDE(mean), WIDE((p + q) + (r + s))); \
        } \
    } \
    static MK_CLONES void NAME##_apply(const job *j, int64_t image, int64_t block) { \
        const mk_batch_norm_forward_memory *m = j->forward; \
        const mk_batch_norm *s = j->shape; \
        const int64_t at = plane_at(s, image, block), pitch = s->pitch; \
        const int64_t end = plane_positions(s, image) * pitch; \
        const S *x = (const S *)m->x + at, *residual = m->residual ? (const S *)m->residual + at : NULL; \
        S *y = (S *)m->y + at; \
        const lanes mean = LOAD_F32(m->mean + block * BLOCK), shift = LOAD_F32(m->shift + block * BLOCK); \
        lanes factor = LOAD_F32(m->variance + block * BLOCK) + s->epsilon; \
        for (int i = 0; i < BLOCK; i++) factor[i] = 1.0f / sqrtf(factor[i]); \
        factor *= LOAD_F32(m->scale + block * BLOCK); \
        if (residual && s->rectifies) { \
            for (int64_t i = 0; i < end; i += pitch) { \
                const lanes value = (LOAD(x + i) - mean) * factor + shift; \
                const lanes sum = ROUND(value) + LOAD(residual + i); \
                STORE(y + i, RECTIFIED(sum)); \
            } \
        } else if (residual) { \
            for (int64_t i = 0; i < end; i += pitch) { \
                const lanes value = (LOAD(x + i) - mean) * factor + shift; \
                STORE(y + i, ROUND(value) + LOAD(residual + i)); \
            } \
        } else if (s->rectifies) { \
            for (int64_t i = 0; i < end; i += pitch) { \
                const lanes value = (LOAD(x + i) - mean) * factor + shift; \
                STORE(y + i, RECTIFIED(value)); \
            } \
        } else { \
            for (int64_t i = 0; i < end; i += pitch) \
                STORE(y + i, (LOAD(x + i) - mean) * factor + shift); \
        } \
    } \
    static MK_CLONES void NAME##_sums(const job *j, int64_t image, int64_t block, gradient_sums *result) { \
        const mk_batch_norm_backward_memory *m = j->backward; \
        const mk_batch_norm *s = j->shape; \
        const int64_t at = plane_at(s, image, block), pitch = s->pitch; \
        const int64_t positions = plane_positions(s, image); \
        const S *gradient = (const S *)m->gradient + at, *x = (const S *)m->x + at; \
        const S *second = m->second ? (const S *)m->second + at : NULL; \
        const S *output = m->output ? (const S *)m->output + at : NULL; \
        S *kept = m->kept ? (S *)m->kept + at : NULL; \
        const lanes mean = LOAD_F32(m->mean + block * BLOCK); \
        *result = (gradient_sums){{0}, {0}}; \
        for (int64_t start = 0; start < positions; start += CHUNK) { \
            const int64_t end = positions - start < CHUNK ? positions : start + CHUNK; \
            lanes sum = {0}, other_sum = {0}, product = {0}, other_product = {0}; \
            int64_t i = start; \
            for (; i + 2 <= end; i += 2) { \
                ADD_GRADIENT(i, sum, product, LOAD, STORE, ROUND); \
                ADD_GRADIENT(i + 1, other_sum, other_product, LOAD, STORE, ROUND); \
            } \
            if (i < end) ADD_GRADIENT(i, sum, product, LOAD, STORE, ROUND); \
            result->gradient += WIDE(sum + other_sum); \
            result->product += WIDE(product + other_product); \
        } \
    } \
    static MK_CLONES void NAME##_back(const job *j, int64_t image, int64_t block) { \
        const mk_batch_norm_backward_memory *m = j->backward; \
        const mk_batch_norm *s = j->shape; \
        const int64_t at = plane_at(s, image, block), pitch = s->pitch; \
        const int64_t end = plane_positions(s, image) * pitch; \
        /* What was kept is the whole gradient. */ \
        const S *gradient = (const S *)(m->kept ? m->kept : m->gradient) + at, *x = (const S *)m->x + at; \
        const S *second = m->second && !m->kept ? (const S *)m->second + at : NULL; \
        const S *output = m->output && !m->kept ? (const S *)m->output + at : NULL; \
        S *result = (S *)m->x_gradient + at; \
        const float numbers = (float)s->batch * (float)s->positions; \
        const lanes mean = LOAD_F32(m->mean + block * BLOCK); \
        lanes deviation = LOAD_F32(m->variance + block * BLOCK) + s->epsilon; \
        for (int i = 0; i < BLOCK; i++) deviation[i] = 1.0f / sqrtf(deviation[i]); \
        const lanes shift = LOAD_F32(m->shift_gradient + block * BLOCK) / numbers; \
        const lanes scale = LOAD_F32(m->scale_gradient + block * BLOCK) / numbers * deviation; \
        const lanes factor = LOAD_F32(m->scale + block * BLOCK) * deviation; \
        if (output) { \
            for (int64_t i = 0; i < end; i += pitch) { \
                lanes g = LOAD(gradient + i); \
                if (second) { \
                    g += LOAD(second + i); \
                    g = ROUND(g); \
                } \
                g *= SELECT(LOAD(output + i) > 0, (lanes){0} + 1); \
                STORE(result + i, (g - shift - (LOAD(x + i) - mean) * scale) * factor); \
            } \
        } else { \
            for (int64_t i = 0; i < end; i += pitch) { \
                lanes g = LOAD(gradient + i); \
                if (second) { \
                    g += LOAD(second + i); \
                    g = ROUND(g); \
                } \
                STORE(result + i, (g - shift - (LOAD(x + i) - mean) * scale) * factor); \
            } \
        } \
    } \
    static void NAME##_plane_moments(const job *j, int64_t image, int64_t block) { \
        NAME##_moments( \
            (const S *)j->forward->x + plane_at(j->shape, image, block), plane_positions(j->shape, image), \
            j->shape->pitch, (moments *)j->partial + block * plane_count(j->shape) + image); \
    } \
    static void NAME##_plane_sums(const job *j, int64_t image, int64_t block) { \
        NAME##_sums(j, image, block, (gradient_sums *)j->partial + block * plane_count(j->shape) + image); \
    }

DEFINE_BATCH_NORM(f32, float, LOAD_F32, STORE_F32, ROUND_F32)
DEFINE_BATCH_NORM(bf16, uint16_t, LOAD_BF16, STORE_BF16, ROUND_BF16)

/// Mean and variance of a block from those of its planes.
static MK_CLONES void gather_moments(const job *j, int64_t block) {
    const int64_t count = plane_count(j->shape);
    const moments *planes = (const moments *)j->partial + block * count;
    moments all = {0};
    for (int64_t image = 0; image < count; image++)
        ADD_MOMENTS(&all, planes[image].count, planes[image].mean, planes[image].deviation);
    *(lanes *)(j->forward->mean + block * BLOCK) = NARROW(all.mean);
    *(lanes *)(j->forward->variance + block * BLOCK) = NARROW(all.deviation / all.count);
}

static MK_CLONES void gather_sums(const job *j, int64_t block) {
    const int64_t count = plane_count(j->shape);
    const gradient_sums *planes = (const gradient_sums *)j->partial + block * count;
    gradient_sums all = {{0}, {0}};
    for (int64_t image = 0; image < count; image++) {
        all.gradient += planes[image].gradient;
        all.product += planes[image].product;
    }
    const float *variance = j->backward->variance + block * BLOCK;
    for (int i = 0; i < BLOCK; i++) all.product[i] /= sqrt((double)(variance[i] + j->shape->epsilon));
    *(lanes *)(j->backward->shift_gradient + block * BLOCK) = NARROW(all.gradient);
    *(lanes *)(j->backward->scale_gradient + block * BLOCK) = NARROW(all.product);
}

typedef void (*plane_work)(const job *, int64_t image, int64_t block);

/// The two passes over planes and what stands between them.
typedef struct {
    job job;
    plane_work first, second;
    void (*between)(const job *, int64_t block);
} passes;

static void run_blocks(void *context, int64_t begin, int64_t end) {
    const passes *p = context;
    for (int64_t block = begin; block < end; block++) {
        for (int64_t image = 0; image < p->job.shape->batch; image++) p->first(&p->job, image, block);
        p->between(&p->job, block);
        // The last image is the likeliest to be in the cache still.
        for (int64_t image = p->job.shape->batch; image-- > 0;) p->second(&p->job, image, block);
    }
}

/// One pass over planes.
typedef struct {
    const job *job;
    plane_work work;
} pass;

static void run_planes(void *context, int64_t begin, int64_t end) {
    const pass *p = context;
    for (int64_t i = begin; i < end; i++) p->work(p->job, i / p->job->shape->blocks, i % p->job->shape->blocks);
}

/// Block by block where there are enough for all threads; plane by plane otherwise. The numbers are the same.
static void run_passes(passes *p) {
    const mk_batch_norm *s = p->job.shape;
    const int64_t plane = (is_last(s) ? piece_rows(s) : s->positions) + 1;
    if (is_last(s)) {
        // All blocks of a piece by one thread.
        const int64_t count = s->blocks * plane_count(s);
        mk_parallel_for(count, s->blocks, run_planes, &(pass){&p->job, p->first});
        for (int64_t block = 0; block < s->blocks; block++) p->between(&p->job, block);
        mk_parallel_for(count, s->blocks, run_planes, &(pass){&p->job, p->second});
        return;
    }
    if (s->blocks >= 2 * mk_parallel_threads() || s->batch == 1) {
        mk_parallel_for(s->blocks, 1 + 1024 / (plane * s->batch), run_blocks, p);
        return;
    }
    mk_parallel_for(s->blocks * s->batch, 1 + 1024 / plane, run_planes, &(pass){&p->job, p->first});
    for (int64_t block = 0; block < s->blocks; block++) p->between(&p->job, block);
    mk_parallel_for(s->blocks * s->batch, 1 + 1024 / plane, run_planes, &(pass){&p->job, p->second});
}

void mk_batch_norm_forward(int dtype, const mk_batch_norm *shape, const mk_batch_norm_forward_memory *memory) {
    const bool is_half = dtype == MK_BFLOAT16;
    void *partial = mk_scratch(MK_SCRATCH_RESULT, plane_count(shape) * shape->blocks * (int64_t)sizeof(moments));
    passes p = {
        .job = {.shape = shape, .forward = memory, .partial = partial},
        .first = is_half ? bf16_plane_moments : f32_plane_moments,
        .second = is_half ? bf16_apply : f32_apply,
        .between = gather_moments};
    run_passes(&p);
}

void mk_batch_norm_backward(int dtype, const mk_batch_norm *shape, const mk_batch_norm_backward_memory *memory) {
    const bool is_half = dtype == MK_BFLOAT16;
    void *partial = mk_scratch(MK_SCRATCH_RESULT, plane_count(shape) * shape->blocks * (int64_t)sizeof(gradient_sums));
    passes p = {
        .job = {.shape = shape, .backward = memory, .partial = partial},
        .first = is_half ? bf16_plane_sums : f32_plane_sums,
        .second = is_half ? bf16_back : f32_back,
        .between = gather_sums};
    run_passes(&p);
}
