#include "mk_updates.h"

#include <math.h>

#include "mk_parallel.h"

#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

/// Elements of work a chunk holds: small parameters share one, large ones are cut.
enum { CHUNK = 8192 };

/// One stretch of one parameter. Each line rounds once, as the composite's body does.
CLONES static void adam_stretch(const mk_adam *restrict step, const mk_adam_segment *restrict s, int64_t begin, int64_t end) {
    const mk_adam k = *step;
    const float *p = s->parameter, *g = s->gradient, *m = s->first, *v = s->second;
    float *np = s->new_parameter, *nm = s->new_first, *nv = s->new_second;
#pragma clang loop vectorize(assume_safety)
    for (int64_t i = begin; i < end; i++) {
        float gradient = k.maximize ? -g[i] : g[i];
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

typedef struct {
    const mk_adam *step;
    const mk_adam_segment *segments;
    int64_t segment_count;
} adam_job;

/// Chunks number the stretches of all parameters in a row.
static void adam_chunks(void *context, int64_t begin, int64_t end) {
    const adam_job *job = context;
    int64_t first = 0;
    for (int64_t s = 0; s < job->segment_count && first < end; s++) {
        const mk_adam_segment *segment = &job->segments[s];
        int64_t chunks = (segment->count + CHUNK - 1) / CHUNK;
        int64_t from = begin > first ? begin - first : 0;
        int64_t to = end - first < chunks ? end - first : chunks;
        if (from < to) {
            int64_t last = to * CHUNK < segment->count ? to * CHUNK : segment->count;
            adam_stretch(job->step, segment, from * CHUNK, last);
        }
        first += chunks;
    }
}

void mk_adam_update(const mk_adam *step, const mk_adam_segment *segments, int64_t segment_count) {
    adam_job job = {step, segments, segment_count};
    int64_t chunks = 0;
    for (int64_t s = 0; s < segment_count; s++) chunks += (segments[s].count + CHUNK - 1) / CHUNK;
    mk_parallel_for(chunks, 2, adam_chunks, &job);
}
