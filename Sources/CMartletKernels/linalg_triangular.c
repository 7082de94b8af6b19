#include "linalg_support.h"

enum { COLUMN_BLOCK = 128 };

typedef struct {
    int64_t n, columns, blocks;
    bool upper, transposed, unit;
    const void *t, *b;
    void *x;
} job;

// Substitution for a block of columns, row by row: forwards where op(t) is lower, backwards where it is upper.
#define DEFINE_SOLVE(S, T) \
    static MK_CLONES void solve_##S(const job *j, const T *t, const T *b, T *x, int64_t width) { \
        const int64_t n = j->n, columns = j->columns; \
        const bool forwards = j->upper == j->transposed; \
        for (int64_t step = 0; step < n; step++) { \
            const int64_t i = forwards ? step : n - 1 - step; \
            T *row = x + i * columns; \
            memmove(row, b + i * columns, (size_t)width * sizeof(T)); \
            for (int64_t k = forwards ? 0 : i + 1; k < (forwards ? i : n); k++) \
                add_row_##S(width, -(j->transposed ? t[k * n + i] : t[i * n + k]), x + k * columns, row); \
            if (!j->unit) \
                for (int64_t c = 0; c < width; c++) row[c] /= t[i * n + i]; \
        } \
    } \
    static void run_##S(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        for (int64_t task = begin; task < end; task++) { \
            const int64_t entry = task / j->blocks, column = task % j->blocks * COLUMN_BLOCK; \
            const int64_t at = entry * j->n * j->columns + column; \
            solve_##S(j, (const T *)j->t + entry * j->n * j->n, (const T *)j->b + at, (T *)j->x + at, \
                      mk_min64(COLUMN_BLOCK, j->columns - column)); \
        } \
    }

DEFINE_SOLVE(f32, float)
DEFINE_SOLVE(f64, double)

void mk_triangular_solve(
    int dtype, int64_t batch, int64_t n, int64_t columns, bool upper, bool transposed, bool unit_diagonal, const void *t,
    const void *b, void *x) {
    job j = {n, columns, mk_ceil_div(columns, COLUMN_BLOCK), upper, transposed, unit_diagonal, t, b, x};
    const int64_t work = n * n * mk_min64(columns, COLUMN_BLOCK) / 2;
    mk_parallel_for(batch * j.blocks, mk_matrix_grain(work), dtype == MK_FLOAT64 ? run_f64 : run_f32, &j);
}
