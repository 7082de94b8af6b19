// Gathering and selecting by element size.
#include <string.h>

#include "indexing_support.h"
#include "mk_parallel.h"

typedef struct {
    const mk_axis *axis;
    int64_t size, count;
    const char *source;
    const int64_t *indices;
    char *destination;
    _Atomic int64_t bad;
} job;

#define DEFINE_GATHER(NAME, S) \
    static void NAME(job *j, int64_t outer) { \
        const mk_axis *a = j->axis; \
        const int64_t *indices = j->indices + outer * j->count * a->inner; \
        const S *source = (const S *)j->source + outer * a->axis * a->inner; \
        S *to = (S *)j->destination + outer * j->count * a->inner; \
        for (int64_t c = 0; c < j->count; c++) \
            for (int64_t i = 0; i < a->inner; i++, indices++) { \
                const int64_t at = mk_resolved(*indices, a->axis); \
                if (mk_outside(at, a->axis)) \
                    mk_note_bad(&j->bad, indices - j->indices); \
                else \
                    to[c * a->inner + i] = source[at * a->inner + i]; \
            } \
    }

DEFINE_GATHER(gather_8, uint8_t)
DEFINE_GATHER(gather_16, uint16_t)
DEFINE_GATHER(gather_32, uint32_t)
DEFINE_GATHER(gather_64, uint64_t)

static void gather_outers(void *context, int64_t begin, int64_t end) {
    job *j = context;
    for (int64_t outer = begin; outer < end; outer++) switch (j->size) {
        case 1: gather_8(j, outer); break;
        case 2: gather_16(j, outer); break;
        case 4: gather_32(j, outer); break;
        default: gather_64(j, outer); break;
        }
}

int64_t mk_gather_axis(
    int64_t element_size, const mk_axis *axis, const void *source, const int64_t *indices, int64_t count,
    void *destination) {
    job j = {axis, element_size, count, source, indices, destination, INT64_MAX};
    mk_parallel_for(axis->outer, mk_grain(count * axis->inner), gather_outers, &j);
    return mk_bad_or_fine(&j.bad);
}

/// Tasks are rows (outer, c); a row of `inner` elements is one copy.
static void select_rows(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const mk_axis *a = j->axis;
    const int64_t bytes = a->inner * j->size;
    for (int64_t row = begin; row < end; row++) {
        const int64_t outer = row / j->count, c = row % j->count, at = mk_resolved(j->indices[c], a->axis);
        const char *from = j->source + (outer * a->axis + at) * bytes;
        char *to = j->destination + row * bytes;
        if (mk_outside(at, a->axis)) {
            mk_note_bad(&j->bad, c);
            continue;
        }
        // Single elements are copied as such: a call of memcpy costs more than they do.
        switch (bytes) {
        case 1: *to = *from; break;
        case 2: memcpy(to, from, 2); break;
        case 4: memcpy(to, from, 4); break;
        case 8: memcpy(to, from, 8); break;
        default: memcpy(to, from, (size_t)bytes); break;
        }
    }
}

int64_t mk_index_select(
    int64_t element_size, const mk_axis *axis, const void *source, const int64_t *indices, int64_t count,
    void *destination) {
    job j = {axis, element_size, count, source, indices, destination, INT64_MAX};
    mk_parallel_for(axis->outer * count, mk_grain(axis->inner), select_rows, &j);
    return mk_bad_or_fine(&j.bad);
}
