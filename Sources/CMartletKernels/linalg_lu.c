#include "linalg_support.h"

typedef struct {
    int64_t m, n;
    const void *a;
    void *lu;
    int64_t *permutation;
    int32_t *sign;
} job;

// Right-looking elimination: after the pivot row is chosen, every row below loses its multiple of it.
#define DEFINE_LU(S, T) \
    static int64_t pivot_##S(int64_t m, int64_t n, int64_t k, const T *lu) { \
        int64_t best = k; \
        for (int64_t i = k + 1; i < m; i++) \
            if (fabs((double)lu[i * n + k]) > fabs((double)lu[best * n + k])) best = i; \
        return best; \
    } \
    static void swap_rows_##S(int64_t n, T *a, T *b) { \
        for (int64_t i = 0; i < n; i++) { \
            const T held = a[i]; \
            a[i] = b[i]; \
            b[i] = held; \
        } \
    } \
    static MK_CLONES int32_t factor_##S(int64_t m, int64_t n, T *lu, int64_t *permutation) { \
        int32_t sign = 1; \
        for (int64_t i = 0; i < m; i++) permutation[i] = i; \
        for (int64_t k = 0; k < mk_min64(m, n); k++) { \
            const int64_t pivot = pivot_##S(m, n, k, lu); \
            if (pivot != k) { \
                swap_rows_##S(n, lu + k * n, lu + pivot * n); \
                const int64_t held = permutation[k]; \
                permutation[k] = permutation[pivot]; \
                permutation[pivot] = held; \
                sign = -sign; \
            } \
            const T *top = lu + k * n; \
            if (top[k] == 0) continue; \
            for (int64_t i = k + 1; i < m; i++) { \
                T *row = lu + i * n; \
                row[k] /= top[k]; \
                add_row_##S(n - k - 1, -row[k], top + k + 1, row + k + 1); \
            } \
        } \
        return sign; \
    } \
    static void run_##S(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const int64_t size = j->m * j->n; \
        for (int64_t b = begin; b < end; b++) { \
            T *lu = (T *)j->lu + b * size; \
            memmove(lu, (const T *)j->a + b * size, (size_t)size * sizeof(T)); \
            const int32_t sign = factor_##S(j->m, j->n, lu, j->permutation + b * j->m); \
            if (j->sign) j->sign[b] = sign; \
        } \
    }

DEFINE_LU(f32, float)
DEFINE_LU(f64, double)

void mk_lu(int dtype, int64_t batch, int64_t m, int64_t n, const void *a, void *lu, int64_t *permutation, int32_t *sign) {
    job j = {m, n, a, lu, permutation, sign};
    mk_parallel_for(batch, mk_matrix_grain(m * n * mk_min64(m, n) / 3), dtype == MK_FLOAT64 ? run_f64 : run_f32, &j);
}
