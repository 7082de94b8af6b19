// Running sums and arg-reductions along an axis. Blocks of inner positions go along side by side, one state each.
#include "indexing_support.h"
#include "matmul_clones.h"
#include "matmul_half.h"
#include "mk_parallel.h"

#define PLAIN(x) (x)

typedef struct {
    const mk_axis *axis;
    const void *source;
    void *destination;
    bool reverse, exclusive, is_max;
} job;

#define DEFINE_SUM(NAME, T, S, LOAD, STORE) \
    static MK_CLONES void NAME##_block( \
        const S *from, S *to, int64_t width, int64_t axis, int64_t step, bool exclusive) { \
        T sums[MK_INNER_BLOCK] = {0}; \
        for (int64_t k = 0; k < axis; k++, from += step, to += step) \
            for (int64_t i = 0; i < width; i++) { \
                const T after = sums[i] + LOAD(from[i]); \
                to[i] = STORE(exclusive ? sums[i] : after); \
                sums[i] = after; \
            } \
    } \
    static void NAME(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_axis *a = j->axis; \
        for (int64_t task = begin; task < end; task++) { \
            const mk_inner_task t = mk_inner_task_at(a, task); \
            const int64_t first = (t.outer * a->axis + (j->reverse ? a->axis - 1 : 0)) * a->inner + t.first; \
            NAME##_block((const S *)j->source + first, (S *)j->destination + first, t.last - t.first, a->axis, \
                         j->reverse ? -a->inner : a->inner, j->exclusive); \
        } \
    }

// A long sum in float32 stands still from 2^24 on.
DEFINE_SUM(sum_f32, double, float, PLAIN, PLAIN)
DEFINE_SUM(sum_f64, double, double, PLAIN, PLAIN)
DEFINE_SUM(sum_bf16, float, uint16_t, mk_bf16_to_float, mk_float_to_bf16)
DEFINE_SUM(sum_f16, float, uint16_t, mk_f16_to_float, mk_float_to_f16)
DEFINE_SUM(sum_8, uint8_t, uint8_t, PLAIN, PLAIN)
DEFINE_SUM(sum_32, uint32_t, uint32_t, PLAIN, PLAIN)
DEFINE_SUM(sum_64, uint64_t, uint64_t, PLAIN, PLAIN)

// A first NaN beats every number and stays.
#define DEFINE_ARG(NAME, T, S, LOAD) \
    static inline __attribute__((always_inline)) void NAME##_walk( \
        const bool is_max, const S *from, int64_t *to, int64_t width, int64_t axis, int64_t inner) { \
        T best[MK_INNER_BLOCK]; \
        int64_t where[MK_INNER_BLOCK]; \
        for (int64_t i = 0; i < width; i++) best[i] = LOAD(from[i]), where[i] = 0; \
        for (int64_t k = 1; k < axis; k++) { \
            from += inner; \
            for (int64_t i = 0; i < width; i++) { \
                const T value = LOAD(from[i]); \
                const bool better = is_max ? value > best[i] : value < best[i]; \
                const bool wins = (better | (value != value)) & (best[i] == best[i]); \
                best[i] = wins ? value : best[i]; \
                where[i] = wins ? k : where[i]; \
            } \
        } \
        for (int64_t i = 0; i < width; i++) to[i] = where[i]; \
    } \
    static MK_CLONES void NAME##_max(const S *from, int64_t *to, int64_t width, int64_t axis, int64_t inner) { \
        NAME##_walk(true, from, to, width, axis, inner); \
    } \
    static MK_CLONES void NAME##_min(const S *from, int64_t *to, int64_t width, int64_t axis, int64_t inner) { \
        NAME##_walk(false, from, to, width, axis, inner); \
    } \
    static void NAME(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_axis *a = j->axis; \
        for (int64_t task = begin; task < end; task++) { \
            const mk_inner_task t = mk_inner_task_at(a, task); \
            const S *from = (const S *)j->source + t.outer * a->axis * a->inner + t.first; \
            int64_t *to = (int64_t *)j->destination + t.outer * a->inner + t.first; \
            (j->is_max ? NAME##_max : NAME##_min)(from, to, t.last - t.first, a->axis, a->inner); \
        } \
    }

DEFINE_ARG(arg_f32, float, float, PLAIN)
DEFINE_ARG(arg_f64, double, double, PLAIN)
DEFINE_ARG(arg_bf16, float, uint16_t, mk_bf16_to_float)
DEFINE_ARG(arg_f16, float, uint16_t, mk_f16_to_float)
DEFINE_ARG(arg_i8, int8_t, int8_t, PLAIN)
DEFINE_ARG(arg_u8, uint8_t, uint8_t, PLAIN)
DEFINE_ARG(arg_i32, int32_t, int32_t, PLAIN)
DEFINE_ARG(arg_i64, int64_t, int64_t, PLAIN)

typedef void (*body)(void *, int64_t, int64_t);

static void run(job *j, body work) {
    const mk_axis *a = j->axis;
    mk_parallel_for(a->outer * mk_inner_blocks(a), mk_grain(a->axis * mk_min64(a->inner, MK_INNER_BLOCK)), work, j);
}

void mk_cumulative_sum(
    int dtype, const mk_axis *axis, const void *source, void *destination, bool reverse, bool exclusive) {
    static const body bodies[] = {sum_f32, sum_f64, sum_bf16, sum_f16, sum_8, sum_8, sum_32, sum_64};
    job j = {.axis = axis, .source = source, .destination = destination, .reverse = reverse, .exclusive = exclusive};
    run(&j, bodies[dtype]);
}

void mk_arg_reduce(int dtype, bool is_max, const mk_axis *axis, const void *source, int64_t *destination) {
    static const body bodies[] = {arg_f32, arg_f64, arg_bf16, arg_f16, arg_i8, arg_u8, arg_i32, arg_i64, arg_u8};
    job j = {.axis = axis, .source = source, .destination = destination, .is_max = is_max};
    run(&j, bodies[dtype]);
}
