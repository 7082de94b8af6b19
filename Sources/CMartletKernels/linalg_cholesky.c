#include "linalg_support.h"

typedef struct {
    int64_t n;
    const void *a;
    void *lower;
    _Atomic int64_t failed;
    int64_t *rows;  // per matrix: the row that failed
} job;

// Row by row: l[i][j] = (a[i][j] - l[i][..<j] · l[j][..<j]) / l[j][j]. Returns the row whose pivot is not positive, or -1.
#define DEFINE_CHOLESKY(S, T) \
    static MK_CLONES int64_t factor_##S(int64_t n, const T *a, T *l) { \
        for (int64_t i = 0; i < n; i++) { \
            T *row = l + i * n; \
            for (int64_t j = 0; j < i; j++) row[j] = (a[i * n + j] - dot_##S(j, row, l + j * n)) / l[j * n + j]; \
            const T pivot = a[i * n + i] - dot_##S(i, row, row); \
            if (!(pivot > 0)) return i; \
            row[i] = (T)sqrt((double)pivot); \
            for (int64_t j = i + 1; j < n; j++) row[j] = 0; \
        } \
        return -1; \
    } \
    static void run_##S(void *context, int64_t begin, int64_t end) { \
        job *j = context; \
        const int64_t size = j->n * j->n; \
        for (int64_t b = begin; b < end; b++) { \
            j->rows[b] = factor_##S(j->n, (const T *)j->a + b * size, (T *)j->lower + b * size); \
            if (j->rows[b] >= 0) mk_note_bad(&j->failed, b); \
        } \
    }

DEFINE_CHOLESKY(f32, float)
DEFINE_CHOLESKY(f64, double)

int64_t mk_cholesky(int dtype, int64_t batch, int64_t n, const void *a, void *lower, int64_t *failure_row) {
    int64_t *rows = mk_scratch(MK_SCRATCH_TABLES, batch * (int64_t)sizeof(int64_t));
    job j = {n, a, lower, INT64_MAX, rows};
    mk_parallel_for(batch, mk_matrix_grain(n * n * n / 6), dtype == MK_FLOAT64 ? run_f64 : run_f32, &j);
    const int64_t failed = mk_bad_or_fine(&j.failed);
    if (failed >= 0 && failure_row) *failure_row = rows[failed];
    return failed;
}
