// Integer products: plain loops over rows, wrapping as the type does. Unsigned arithmetic gives signed types the same bits.
#include "matmul_core.h"
#include "mk_matmul.h"
#include "mk_parallel.h"

typedef struct {
    const mk_matmul_shape *shape;
    const void *a, *b, *bias;
    void *c;
} job;

#define DEFINE_ROWS(NAME, T) \
    static void NAME(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const mk_matmul_shape *s = j->shape; \
        for (int64_t index = begin; index < end; index++) { \
            const int64_t entry = index / s->m, row = index % s->m; \
            const T *a = (const T *)j->a + entry * s->a_batch + row * s->a_row; \
            const T *b = (const T *)j->b + entry * s->b_batch; \
            T *c = (T *)j->c + entry * s->c_batch + row * s->c_row; \
            for (int64_t n = 0; n < s->n; n++) c[n] = j->bias ? ((const T *)j->bias)[n] : 0; \
            for (int64_t k = 0; k < s->k; k++, b += s->b_row) { \
                const T left = a[k * s->a_column]; \
                if (s->b_column == 1) \
                    for (int64_t n = 0; n < s->n; n++) c[n] = (T)(c[n] + (T)(left * b[n])); \
                else \
                    for (int64_t n = 0; n < s->n; n++) c[n] = (T)(c[n] + (T)(left * b[n * s->b_column])); \
            } \
        } \
    }

DEFINE_ROWS(rows_8, uint8_t)
DEFINE_ROWS(rows_32, uint32_t)
DEFINE_ROWS(rows_64, uint64_t)

void mk_matmul_integer(int dtype, const mk_matmul_shape *shape, const void *a, const void *b, const void *bias, void *c) {
    job j = {shape, a, b, bias, c};
    const int64_t grain = 1 + 100000 / (shape->n * shape->k + 1);
    void (*rows)(void *, int64_t, int64_t) = dtype == MK_INT32 ? rows_32 : dtype == MK_INT64 ? rows_64 : rows_8;
    mk_parallel_for(shape->batch * shape->m, grain, rows, &j);
}
