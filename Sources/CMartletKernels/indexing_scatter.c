// Scattering: replacing and adding. Tasks own outer entries and blocks of inner positions, so every destination is written
// by one thread, in ascending order of the updates.
#include "indexing_support.h"
#include "matmul_half.h"
#include "mk_parallel.h"

typedef struct {
    const mk_axis *axis;
    int64_t count;
    const int64_t *indices;
    bool shared_indices;  // indices are [count], not [outer, count, inner]
    const void *updates;
    void *destination;
    _Atomic int64_t bad;
} job;

#define REPLACE(old, new) (new)
#define ADD(old, new) ((old) + (new))
#define OR(old, new) ((old) | (new))
#define PLAIN(x) (x)

#define DEFINE_SCATTER(NAME, S, LOAD, STORE, COMBINE) \
    static void NAME(void *context, int64_t begin, int64_t end) { \
        job *j = context; \
        const mk_axis *a = j->axis; \
        for (int64_t task = begin; task < end; task++) { \
            const mk_inner_task t = mk_inner_task_at(a, task); \
            const int64_t start = t.outer * j->count * a->inner; \
            const S *updates = (const S *)j->updates + start; \
            S *to = (S *)j->destination + t.outer * a->axis * a->inner; \
            for (int64_t c = 0; c < j->count; c++) { \
                if (j->shared_indices) { \
                    const int64_t at = mk_resolved(j->indices[c], a->axis); \
                    if (mk_outside(at, a->axis)) { \
                        mk_note_bad(&j->bad, c); \
                        continue; \
                    } \
                    S *row = to + at * a->inner; \
                    for (int64_t i = t.first; i < t.last; i++) \
                        row[i] = STORE(COMBINE(LOAD(row[i]), LOAD(updates[c * a->inner + i]))); \
                    continue; \
                } \
                for (int64_t i = t.first; i < t.last; i++) { \
                    const int64_t position = start + c * a->inner + i; \
                    const int64_t at = mk_resolved(j->indices[position], a->axis); \
                    if (mk_outside(at, a->axis)) { \
                        mk_note_bad(&j->bad, position); \
                        continue; \
                    } \
                    S *element = to + at * a->inner + i; \
                    *element = STORE(COMBINE(LOAD(*element), LOAD(updates[c * a->inner + i]))); \
                } \
            } \
        } \
    }

DEFINE_SCATTER(replace_8, uint8_t, PLAIN, PLAIN, REPLACE)
DEFINE_SCATTER(replace_16, uint16_t, PLAIN, PLAIN, REPLACE)
DEFINE_SCATTER(replace_32, uint32_t, PLAIN, PLAIN, REPLACE)
DEFINE_SCATTER(replace_64, uint64_t, PLAIN, PLAIN, REPLACE)
DEFINE_SCATTER(add_f32, float, PLAIN, PLAIN, ADD)
DEFINE_SCATTER(add_f64, double, PLAIN, PLAIN, ADD)
DEFINE_SCATTER(add_bf16, uint16_t, mk_bf16_to_float, mk_float_to_bf16, ADD)
DEFINE_SCATTER(add_f16, uint16_t, mk_f16_to_float, mk_float_to_f16, ADD)
DEFINE_SCATTER(add_8, uint8_t, PLAIN, PLAIN, ADD)
DEFINE_SCATTER(add_32, uint32_t, PLAIN, PLAIN, ADD)
DEFINE_SCATTER(add_64, uint64_t, PLAIN, PLAIN, ADD)
DEFINE_SCATTER(or_8, uint8_t, PLAIN, PLAIN, OR)

typedef void (*body)(void *, int64_t, int64_t);

static int64_t run(job *j, body scatter) {
    const mk_axis *a = j->axis;
    mk_parallel_for(
        a->outer * mk_inner_blocks(a), mk_grain(j->count * mk_min64(a->inner, MK_INNER_BLOCK)), scatter, j);
    return mk_bad_or_fine(&j->bad);
}

static body adder(int dtype) {
    static const body adders[] = {add_f32, add_f64, add_bf16, add_f16, add_8, add_8, add_32, add_64, or_8};
    return adders[dtype];
}

int64_t mk_scatter_axis(
    int64_t element_size, const mk_axis *axis, void *destination, const int64_t *indices, int64_t count,
    const void *updates) {
    job j = {axis, count, indices, false, updates, destination, INT64_MAX};
    const body replace =
        element_size == 1 ? replace_8 : element_size == 2 ? replace_16 : element_size == 4 ? replace_32 : replace_64;
    return run(&j, replace);
}

int64_t mk_scatter_add_axis(
    int dtype, const mk_axis *axis, void *destination, const int64_t *indices, int64_t count, const void *updates) {
    job j = {axis, count, indices, false, updates, destination, INT64_MAX};
    return run(&j, adder(dtype));
}

int64_t mk_index_add(
    int dtype, const mk_axis *axis, void *destination, const int64_t *indices, int64_t count, const void *updates) {
    job j = {axis, count, indices, true, updates, destination, INT64_MAX};
    return run(&j, adder(dtype));
}
