// One-sided Jacobi in double for both types: pairs of lines are rotated until all are orthogonal; their lengths are the
// singular values. Lines are the shorter side's vectors (columns of a tall matrix, rows of a wide one), stored as rows.
#include "linalg_support.h"

enum { SWEEPS_MAX = 60 };
static const double EPSILON = 0x1p-52;

typedef struct {
    int dtype;
    int64_t m, n;
    const void *a;
    void *u, *s, *vt;
    _Atomic int64_t failed;
} job;

/// `count` lines of `length` numbers; `turns` [count, count] collects the rotations.
typedef struct {
    int64_t count, length;
    double *lines, *turns, *values;
    int64_t *order;
} jacobi;

static double load(int dtype, const void *buffer, int64_t i) {
    return dtype == MK_FLOAT64 ? ((const double *)buffer)[i] : (double)((const float *)buffer)[i];
}

static void store(int dtype, void *buffer, int64_t i, double value) {
    if (dtype == MK_FLOAT64)
        ((double *)buffer)[i] = value;
    else
        ((float *)buffer)[i] = (float)value;
}

static MK_CLONES void rotate(int64_t n, double cosine, double sine, double *restrict p, double *restrict q) {
    for (int64_t i = 0; i < n; i++) {
        const double held = p[i];
        p[i] = cosine * held - sine * q[i];
        q[i] = sine * held + cosine * q[i];
    }
}

static MK_CLONES void measure(int64_t n, const double *p, const double *q, double *pp, double *qq, double *pq) {
    *pp = dot_f64(n, p, p);
    *qq = dot_f64(n, q, q);
    *pq = dot_f64(n, p, q);
}

/// The relative error of a dot product of two lines; the largest element is 1.
static double tolerance_of(const jacobi *j) { return EPSILON * (4 + (double)j->length); }

/// One sweep over all pairs; true when nothing had to be turned.
static bool sweep(const jacobi *j) {
    const double tolerance = tolerance_of(j);
    bool still = true;
    for (int64_t p = 0; p < j->count - 1; p++)
        for (int64_t q = p + 1; q < j->count; q++) {
            double *lp = j->lines + p * j->length, *lq = j->lines + q * j->length, pp, qq, pq;
            measure(j->length, lp, lq, &pp, &qq, &pq);
            if (!(fabs(pq) > tolerance * sqrt(pp) * sqrt(qq))) continue;
            // Lines that are nothing but rounding error would be turned for ever.
            if (fmin(pp, qq) <= tolerance * tolerance) continue;
            still = false;
            const double zeta = (qq - pp) / (2 * pq);
            const double tangent = copysign(1, zeta) / (fabs(zeta) + hypot(1, zeta));
            const double cosine = 1 / sqrt(1 + tangent * tangent), sine = cosine * tangent;
            rotate(j->length, cosine, sine, lp, lq);
            rotate(j->count, cosine, sine, j->turns + p * j->count, j->turns + q * j->count);
        }
    return still;
}

/// Lines without length have no direction: each takes the axis furthest from the others' span, made orthogonal to them.
static void complete_direction(const jacobi *j, int64_t done) {
    double *line = j->lines + j->order[done] * j->length;
    for (int64_t axis = 0; axis < j->length; axis++) {
        for (int64_t i = 0; i < j->length; i++) line[i] = i == axis;
        // Twice: the first pass leaves rounding errors that the second removes.
        for (int pass = 0; pass < 2; pass++)
            for (int64_t k = 0; k < done; k++) {
                const double *other = j->lines + j->order[k] * j->length;
                const double along = dot_f64(j->length, line, other);
                for (int64_t i = 0; i < j->length; i++) line[i] -= along * other[i];
            }
        const double length = sqrt(dot_f64(j->length, line, line));
        // Some axis keeps at least sqrt(1 - done / length) of itself, and 1 / sqrt(length) is no more than that.
        if (length * length * (double)j->length < 0.5) continue;
        for (int64_t i = 0; i < j->length; i++) line[i] /= length;
        return;
    }
}

/// Sorts by descending length (stable) and makes every line a unit vector.
static void normalise(const jacobi *j) {
    for (int64_t i = 0; i < j->count; i++) {
        const double *line = j->lines + i * j->length;
        const double value = sqrt(dot_f64(j->length, line, line));
        int64_t at = i;
        j->values[i] = value;
        for (; at > 0 && j->values[j->order[at - 1]] < value; at--) j->order[at] = j->order[at - 1];
        j->order[at] = i;
    }
    const double smallest = tolerance_of(j) * j->values[j->order[0]];
    for (int64_t rank = 0; rank < j->count; rank++) {
        double *line = j->lines + j->order[rank] * j->length;
        const double value = j->values[j->order[rank]];
        if (value <= smallest)
            complete_direction(j, rank);
        else
            for (int64_t i = 0; i < j->length; i++) line[i] /= value;
    }
}

/// The largest magnitude, brought out of the lines so that squares neither overflow nor vanish.
static double scale_out(const jacobi *j) {
    double largest = 0;
    for (int64_t i = 0; i < j->count * j->length; i++) largest = fmax(largest, fabs(j->lines[i]));
    if (!(largest > 0) || isinf(largest)) return 1;
    for (int64_t i = 0; i < j->count * j->length; i++) j->lines[i] /= largest;
    return largest;
}

/// U, S and Vᵀ of an entry; false, and nothing is written, where it has an element that is no finite number, and false where the sweeps
/// do not come to an end.
static bool decompose(const job *j, int64_t entry, const jacobi *w) {
    const bool tall = j->m >= j->n;
    const int64_t m = j->m, n = j->n, rank = w->count;
    for (int64_t i = 0; i < m; i++)
        for (int64_t c = 0; c < n; c++)
            w->lines[tall ? c * m + i : i * n + c] = load(j->dtype, j->a, (entry * m + i) * n + c);
    for (int64_t i = 0; i < rank * w->length; i++)
        if (!isfinite(w->lines[i])) return false;
    for (int64_t i = 0; i < rank * rank; i++) w->turns[i] = i / rank == i % rank;
    const double scale = scale_out(w);
    bool still = false;
    for (int round = 0; round < SWEEPS_MAX && !still; round++) still = sweep(w);
    normalise(w);
    for (int64_t k = 0; k < rank; k++) {
        const double *line = w->lines + w->order[k] * w->length, *turn = w->turns + w->order[k] * rank;
        store(j->dtype, j->s, entry * rank + k, w->values[w->order[k]] * scale);
        for (int64_t i = 0; i < m; i++) store(j->dtype, j->u, (entry * m + i) * rank + k, (tall ? line : turn)[i]);
        for (int64_t c = 0; c < n; c++) store(j->dtype, j->vt, (entry * rank + k) * n + c, (tall ? turn : line)[c]);
    }
    return still;
}

static void run(void *context, int64_t begin, int64_t end) {
    job *j = context;
    const int64_t count = mk_min64(j->m, j->n), length = mk_max64(j->m, j->n);
    double *work = mk_scratch(MK_SCRATCH_ROW, (count * length + count * count + 2 * count) * (int64_t)sizeof(double));
    jacobi w = {.count = count, .length = length, .lines = work, .turns = work + count * length};
    w.values = w.turns + count * count;
    w.order = (int64_t *)(w.values + count);
    for (int64_t entry = begin; entry < end; entry++)
        if (!decompose(j, entry, &w)) mk_note_bad(&j->failed, entry);
}

int64_t mk_svd(int dtype, int64_t batch, int64_t m, int64_t n, const void *a, void *u, void *s, void *vt) {
    job j = {dtype, m, n, a, u, s, vt, INT64_MAX};
    mk_parallel_for(batch, mk_matrix_grain(20 * m * n * mk_min64(m, n)), run, &j);
    return mk_bad_or_fine(&j.failed);
}
