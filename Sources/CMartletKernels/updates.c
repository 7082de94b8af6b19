#include "mk_updates.h"

#include <math.h>
#include <stdbool.h>

#include "matmul_clones.h"
#include "mk_parallel.h"

/// Elements of work a chunk holds: small parameters share one, large ones are cut. A large network is cut into
/// about TASKS pieces; up to ALONE elements take less time than waking a second thread.
enum { CHUNK = 2048, TASKS = 256, ALONE = 16384 };

#define INLINE static inline __attribute__((always_inline))

/// One stretch of one parameter. Each line rounds once, as the composite's body does; a scale of 1 changes no bit.
INLINE void adam_loop(const mk_adam k, const mk_adam_segment *s, int64_t begin, int64_t end, bool keeps) {
    const float *p = s->parameter, *g = s->gradient, *m = s->first, *v = s->second;
    float *np = s->new_parameter, *nm = s->new_first, *nv = s->new_second, *ng = s->scaled_gradient;
#pragma clang loop vectorize(assume_safety)
    for (int64_t i = begin; i < end; i++) {
        float gradient = k.gradient_scale * g[i];
        if (keeps) ng[i] = gradient;
        gradient = k.maximize ? -gradient : gradient;
        float parameter = p[i];
        if (k.has_l2) gradient = gradient + k.l2_decay * parameter;
        if (k.has_shrink) parameter = k.shrink * parameter;
        float first = k.beta1 * m[i] + k.beta1_complement * gradient;
        float second = k.beta2 * v[i] + k.beta2_complement * (gradient * gradient);
        float size = sqrtf(second * k.second_scale) + k.epsilon;
        nm[i] = first;
        nv[i] = second;
        np[i] = parameter - k.rate * (first / size);
    }
}

MK_CLONES static void adam_stretch(const void *step, const void *segment, int64_t begin, int64_t end) {
    const mk_adam_segment *s = segment;
    if (s->scaled_gradient) adam_loop(*(const mk_adam *)step, s, begin, end, true);
    else adam_loop(*(const mk_adam *)step, s, begin, end, false);
}

/// One stretch of one parameter. Each line rounds once, as the composite's body does; a gain or a scale of 1 changes no bit.
INLINE void sgd_loop(const mk_sgd k, const mk_sgd_segment *s, int64_t begin, int64_t end, bool keeps) {
    const float *p = s->parameter, *g = s->gradient, *v = s->velocity;
    float *np = s->new_parameter, *nv = s->new_velocity, *ng = s->scaled_gradient;
    if (!k.has_momentum) {
#pragma clang loop vectorize(assume_safety)
        for (int64_t i = begin; i < end; i++) {
            float gradient = k.gradient_scale * g[i];
            if (keeps) ng[i] = gradient;
            gradient = k.maximize ? -gradient : gradient;
            float parameter = p[i];
            if (k.has_l2) gradient = gradient + k.l2_decay * parameter;
            if (k.has_shrink) parameter = k.shrink * parameter;
            np[i] = parameter - k.rate * gradient;
        }
        return;
    }
#pragma clang loop vectorize(assume_safety)
    for (int64_t i = begin; i < end; i++) {
        float gradient = k.gradient_scale * g[i];
        if (keeps) ng[i] = gradient;
        gradient = k.maximize ? -gradient : gradient;
        float parameter = p[i];
        if (k.has_l2) gradient = gradient + k.l2_decay * parameter;
        if (k.has_shrink) parameter = k.shrink * parameter;
        gradient = k.gain * gradient;
        float velocity = k.momentum * v[i] + gradient;
        nv[i] = velocity;
        np[i] = parameter - k.rate * (k.nesterov ? k.momentum * velocity + gradient : velocity);
    }
}

MK_CLONES static void sgd_stretch(const void *step, const void *segment, int64_t begin, int64_t end) {
    const mk_sgd_segment *s = segment;
    if (s->scaled_gradient) sgd_loop(*(const mk_sgd *)step, s, begin, end, true);
    else sgd_loop(*(const mk_sgd *)step, s, begin, end, false);
}

typedef struct {
    const void *step;
    const char *segments;
    int64_t segment_size, segment_count;
    void (*stretch)(const void *step, const void *segment, int64_t begin, int64_t end);
} update_job;

/// Every kind of segment begins with its count.
static int64_t count_of(const update_job *job, int64_t segment) {
    return *(const int64_t *)(job->segments + segment * job->segment_size);
}

/// Chunks number the stretches of all parameters in a row.
static void update_chunks(void *context, int64_t begin, int64_t end) {
    const update_job *job = context;
    int64_t first = 0;
    for (int64_t s = 0; s < job->segment_count && first < end; s++) {
        int64_t count = count_of(job, s);
        int64_t chunks = (count + CHUNK - 1) / CHUNK;
        int64_t from = begin > first ? begin - first : 0;
        int64_t to = end - first < chunks ? end - first : chunks;
        if (from < to) {
            int64_t last = to * CHUNK < count ? to * CHUNK : count;
            job->stretch(job->step, job->segments + s * job->segment_size, from * CHUNK, last);
        }
        first += chunks;
    }
}

static void run_update(update_job job) {
    int64_t chunks = 0, elements = 0;
    for (int64_t s = 0; s < job.segment_count; s++) {
        elements += count_of(&job, s);
        chunks += (count_of(&job, s) + CHUNK - 1) / CHUNK;
    }
    if (elements <= ALONE)
        update_chunks(&job, 0, chunks);
    else
        mk_parallel_for(chunks, 2 + chunks / TASKS, update_chunks, &job);
}

void mk_adam_update(const mk_adam *step, const mk_adam_segment *segments, int64_t segment_count) {
    run_update((update_job){step, (const char *)segments, sizeof *segments, segment_count, adam_stretch});
}

void mk_sgd_update(const mk_sgd *step, const mk_sgd_segment *segments, int64_t segment_count) {
    run_update((update_job){step, (const char *)segments, sizeof *segments, segment_count, sgd_stretch});
}
