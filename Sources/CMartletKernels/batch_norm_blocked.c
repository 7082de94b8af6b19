// Batch normalisation in training on blocks of 16 channels.
#include "batch_norm_lanes.h"

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

/// The first element of a plane.
static inline int64_t plane_at(const mk_batch_norm *s, int64_t image, int64_t block) {
    return (image * s->blocks + block) * s->positions * BLOCK;
}

#define DEFINE_BATCH_NORM(NAME, S, LOAD, STORE, ROUND) \
    /* Chunk by chunk, so that the second look at a chunk finds it in the first cache. */ \
    static MK_CLONES void NAME##_moments(const S *x, int64_t positions, moments *result) { \
        *result = (moments){0}; \
        for (int64_t start = 0; start < positions; start += CHUNK) { \
            const int64_t count = positions - start < CHUNK ? positions - start : CHUNK; \
            const S *chunk = x + start * BLOCK; \
            lanes a = {0}, b = {0}, c = {0}, d = {0}; \
            int64_t i = 0; \
            for (; i + 4 <= count; i += 4) { \
                a += LOAD(chunk + i * BLOCK); \
                b += LOAD(chunk + (i + 1) * BLOCK); \
                c += LOAD(chunk + (i + 2) * BLOCK); \
                d += LOAD(chunk + (i + 3) * BLOCK); \
            } \
            for (; i < count; i++) a += LOAD(chunk + i * BLOCK); \
            const lanes mean = ((a + b) + (c + d)) / (float)count; \
            lanes p = {0}, q = {0}, r = {0}, s = {0}; \
            for (i = 0; i + 4 <= count; i += 4) { \
                const lanes t = LOAD(chunk + i * BLOCK) - mean, u = LOAD(chunk + (i + 1) * BLOCK) - mean; \
                const lanes v = LOAD(chunk + (i + 2) * BLOCK) - mean, w = LOAD(chunk + (i + 3) * BLOCK) - mean; \
                p += t * t; \
                q += u * u; \
                r += v * v; \
                s += w * w; \
            } \
            for (; i < count; i++) { \
                const lanes t = LOAD(chunk + i * BLOCK) - mean; \
                p += t * t; \
            } \
            ADD_MOMENTS(result, (double)count, WIDE(mean), WIDE((p + q) + (r + s))); \
        } \
    } \
    static MK_CLONES void NAME##_apply(const job *j, int64_t image, int64_t block) { \
        const mk_batch_norm_forward_memory *m = j->forward; \
        const mk_batch_norm *s = j->shape; \
        const int64_t at = plane_at(s, image, block); \
        const S *x = (const S *)m->x + at, *residual = m->residual ? (const S *)m->residual + at : NULL; \
        S *y = (S *)m->y + at; \
        const lanes mean = LOAD_F32(m->mean + block * BLOCK), shift = LOAD_F32(m->shift + block * BLOCK); \
        lanes factor = LOAD_F32(m->variance + block * BLOCK) + s->epsilon; \
        for (int i = 0; i < BLOCK; i++) factor[i] = 1.0f / sqrtf(factor[i]); \
        factor *= LOAD_F32(m->scale + block * BLOCK); \
        if (residual && s->rectifies) { \
            for (int64_t i = 0; i < s->positions * BLOCK; i += BLOCK) { \
                const lanes value = (LOAD(x + i) - mean) * factor + shift; \
                const lanes sum = ROUND(value) + LOAD(residual + i); \
                STORE(y + i, RECTIFIED(sum)); \
            } \
        } else if (residual) { \
            for (int64_t i = 0; i < s->positions * BLOCK; i += BLOCK) { \
                const lanes value = (LOAD(x + i) - mean) * factor + shift; \
                STORE(y + i, ROUND(value) + LOAD(residual + i)); \
            } \
        } else if (s->rectifies) { \
            for (int64_t i = 0; i < s->positions * BLOCK; i += BLOCK) { \
                const lanes value = (LOAD(x + i) - mean) * factor + shift; \
                STORE(y + i, RECTIFIED(value)); \
            } \
        } else { \
            for (int64_t i = 0; i < s->positions * BLOCK; i += BLOCK) \
                STORE(y + i, (LOAD(x + i) - mean) * factor + shift); \
        } \
    } \
    static MK_CLONES void NAME##_sums(const job *j, int64_t image, int64_t block, gradient_sums *result) { \
        const mk_batch_norm_backward_memory *m = j->backward; \
        const mk_batch_norm *s = j->shape; \
        const int64_t at = plane_at(s, image, block); \
        const S *gradient = (const S *)m->gradient + at, *x = (const S *)m->x + at; \
        const S *second = m->second ? (const S *)m->second + at : NULL; \
        const S *output = m->output ? (const S *)m->output + at : NULL; \
        const int64_t pitch = BLOCK; \
        S *kept = m->kept ? (S *)m->kept + at : NULL; \
        const lanes mean = LOAD_F32(m->mean + block * BLOCK); \
        *result = (gradient_sums){{0}, {0}}; \
        for (int64_t start = 0; start < s->positions; start += CHUNK) { \
            const int64_t end = s->positions - start < CHUNK ? s->positions : start + CHUNK; \
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
        const int64_t at = plane_at(s, image, block); \
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
            for (int64_t i = 0; i < s->positions * BLOCK; i += BLOCK) { \
                lanes g = LOAD(gradient + i); \
                if (second) { \
                    g += LOAD(second + i); \
                    g = ROUND(g); \
                } \
                g = SELECT(LOAD(output + i) > 0, g);            \
                STORE(result + i, (g - shift - (LOAD(x + i) - mean) * scale) * factor); \
            } \
        } else { \
            for (int64_t i = 0; i < s->positions * BLOCK; i += BLOCK) { \
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
            (const S *)j->forward->x + plane_at(j->shape, image, block), j->shape->positions, \
            (moments *)j->partial + block * j->shape->batch + image); \
    } \
    static void NAME##_plane_sums(const job *j, int64_t image, int64_t block) { \
        NAME##_sums(j, image, block, (gradient_sums *)j->partial + block * j->shape->batch + image); \
    }

DEFINE_BATCH_NORM(f32, float, LOAD_F32, STORE_F32, ROUND_F32)
DEFINE_BATCH_NORM(bf16, uint16_t, LOAD_BF16, STORE_BF16, ROUND_BF16)

/// Mean and variance of a block from those of its planes.
static MK_CLONES void gather_moments(const job *j, int64_t block) {
    const moments *planes = (const moments *)j->partial + block * j->shape->batch;
    moments all = {0};
    for (int64_t image = 0; image < j->shape->batch; image++)
        ADD_MOMENTS(&all, planes[image].count, planes[image].mean, planes[image].deviation);
    *(lanes *)(j->forward->mean + block * BLOCK) = NARROW(all.mean);
    *(lanes *)(j->forward->variance + block * BLOCK) = NARROW(all.deviation / all.count);
}

static MK_CLONES void gather_sums(const job *j, int64_t block) {
    const gradient_sums *planes = (const gradient_sums *)j->partial + block * j->shape->batch;
    gradient_sums all = {{0}, {0}};
    for (int64_t image = 0; image < j->shape->batch; image++) {
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
    const int64_t plane = s->positions + 1;
    if (s->blocks >= 2 * mk_parallel_threads() || s->batch == 1) {
        mk_parallel_for(s->blocks, 1 + 1024 / (plane * s->batch), run_blocks, p);
        return;
    }
    mk_parallel_for(s->blocks * s->batch, 1 + 1024 / plane, run_planes, &(pass){&p->job, p->first});
    for (int64_t block = 0; block < s->blocks; block++) p->between(&p->job, block);
    mk_parallel_for(s->blocks * s->batch, 1 + 1024 / plane, run_planes, &(pass){&p->job, p->second});
}

void mk_batch_norm_forward(int dtype, const mk_batch_norm *shape, const mk_batch_norm_forward_memory *memory) {
    if (shape->pitch > BLOCK) {
        mk_batch_norm_forward_last(dtype, shape, memory);
        return;
    }
    const bool is_half = dtype == MK_BFLOAT16;
    void *partial = mk_scratch(MK_SCRATCH_RESULT, shape->batch * shape->blocks * (int64_t)sizeof(moments));
    passes p = {
        .job = {.shape = shape, .forward = memory, .partial = partial},
        .first = is_half ? bf16_plane_moments : f32_plane_moments,
        .second = is_half ? bf16_apply : f32_apply,
        .between = gather_moments};
    run_passes(&p);
}

void mk_batch_norm_backward(int dtype, const mk_batch_norm *shape, const mk_batch_norm_backward_memory *memory) {
    if (shape->pitch > BLOCK) {
        mk_batch_norm_backward_last(dtype, shape, memory);
        return;
    }
    const bool is_half = dtype == MK_BFLOAT16;
    void *partial = mk_scratch(MK_SCRATCH_RESULT, shape->batch * shape->blocks * (int64_t)sizeof(gradient_sums));
    passes p = {
        .job = {.shape = shape, .backward = memory, .partial = partial},
        .first = is_half ? bf16_plane_sums : f32_plane_sums,
        .second = is_half ? bf16_back : f32_back,
        .between = gather_sums};
    run_passes(&p);
}
