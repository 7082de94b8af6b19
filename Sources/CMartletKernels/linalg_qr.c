#include "linalg_support.h"

typedef struct {
    int64_t m, n;
    const void *a;
    void *q, *r;
} job;

// Reflector k is I - tau v vᵀ with v[0] = 1 at row k; v below is kept in row k of `reflectors`, where it is contiguous.
// It is made in double from numbers scaled to 1, so that no square overflows and the smallest column still gives an
// orthogonal reflector.
#define DEFINE_QR(S, T) \
    static T make_reflector_##S(int64_t m, int64_t n, int64_t k, T *a, T *v) { \
        double below = 0, squares = 0; \
        for (int64_t i = k + 1; i < m; i++) below = fmax(below, fabs((double)a[i * n + k])); \
        const double largest = fmax(below, fabs((double)a[k * n + k])); \
        v[k] = 1; \
        for (int64_t i = k + 1; i < m; i++) v[i] = 0; \
        if (below == 0) return 0; \
        for (int64_t i = k; i < m; i++) { \
            const double scaled = (double)a[i * n + k] / largest; \
            squares += scaled * scaled; \
        } \
        const double alpha = (double)a[k * n + k] / largest, length = sqrt(squares); \
        const double beta = alpha > 0 ? -length : length; \
        for (int64_t i = k + 1; i < m; i++) v[i] = (T)((double)a[i * n + k] / largest / (alpha - beta)); \
        a[k * n + k] = (T)(beta * largest); \
        for (int64_t i = k + 1; i < m; i++) a[i * n + k] = 0; \
        return (T)((beta - alpha) / beta); \
    } \
    /* Rows [k, m), columns [from, columns) of a lose tau v (vᵀ a). */ \
    static MK_CLONES void reflect_##S( \
        int64_t m, int64_t columns, int64_t k, int64_t from, T tau, const T *v, T *a, T *products) { \
        const int64_t width = columns - from; \
        for (int64_t c = 0; c < width; c++) products[c] = 0; \
        for (int64_t i = k; i < m; i++) add_row_##S(width, v[i], a + i * columns + from, products); \
        for (int64_t i = k; i < m; i++) add_row_##S(width, -tau * v[i], products, a + i * columns + from); \
    } \
    static void factor_##S(int64_t m, int64_t n, const T *source, T *q, T *r, T *work) { \
        const int64_t rank = mk_min64(m, n); \
        T *a = work, *v = a + m * n, *tau = v + rank * m, *products = tau + rank; \
        memcpy(a, source, (size_t)(m * n) * sizeof(T)); \
        for (int64_t k = 0; k < rank; k++) { \
            tau[k] = make_reflector_##S(m, n, k, a, v + k * m); \
            reflect_##S(m, n, k, k + 1, tau[k], v + k * m, a, products); \
        } \
        for (int64_t i = 0; i < rank; i++) \
            for (int64_t c = 0; c < n; c++) r[i * n + c] = c < i ? 0 : a[i * n + c]; \
        for (int64_t i = 0; i < m; i++) \
            for (int64_t c = 0; c < rank; c++) q[i * rank + c] = i == c; \
        for (int64_t k = rank - 1; k >= 0; k--) reflect_##S(m, rank, k, k, tau[k], v + k * m, q, products); \
    } \
    static void run_##S(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        const int64_t m = j->m, n = j->n, rank = mk_min64(m, n); \
        T *work = mk_scratch(MK_SCRATCH_ROW, (m * n + rank * (m + 1) + mk_max64(n, rank)) * (int64_t)sizeof(T)); \
        for (int64_t b = begin; b < end; b++) \
            factor_##S(m, n, (const T *)j->a + b * m * n, (T *)j->q + b * m * rank, (T *)j->r + b * rank * n, work); \
    }

DEFINE_QR(f32, float)
DEFINE_QR(f64, double)

void mk_qr(int dtype, int64_t batch, int64_t m, int64_t n, const void *a, void *q, void *r) {
    job j = {m, n, a, q, r};
    mk_parallel_for(batch, mk_matrix_grain(2 * m * n * mk_min64(m, n)), dtype == MK_FLOAT64 ? run_f64 : run_f32, &j);
}
