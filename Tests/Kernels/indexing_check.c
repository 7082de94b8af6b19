// Checks indexing, scans, sorting and linear algebra against plain loops and defining properties over random shapes.
// scripts/test-kernels builds and runs it.
#include "check_support.h"
#include "mk_indexing.h"
#include "mk_parallel.h"

static mk_axis random_axis(void) {
    mk_axis a = {random_int(1, 6), random_int(1, 40), 1};
    if (random_int(0, 1)) a.inner = random_int(0, 4) ? random_int(1, 9) : random_int(200, 600);
    return a;
}

static int64_t *random_indices(int64_t count, int64_t axis) {
    int64_t *indices = malloc((size_t)count * sizeof(int64_t));
    for (int64_t i = 0; i < count; i++) indices[i] = random_int(-axis, axis - 1);
    return indices;
}

static int64_t wrap(int64_t index, int64_t axis) { return index < 0 ? index + axis : index; }

// MARK: indexing

static void check_gather(int dtype) {
    const mk_axis a = random_axis();
    const int64_t count = random_int(1, 30), size = size_of(dtype), total = a.outer * count * a.inner;
    void *source = random_buffer(dtype, a.outer * a.axis * a.inner), *got = random_buffer(dtype, total);
    int64_t *indices = random_indices(total, a.axis);
    bool passed = mk_gather_axis(size, &a, source, indices, count, got) == -1;
    for (int64_t i = 0; i < total; i++) {
        const int64_t o = i / (count * a.inner), inner = i % a.inner;
        const int64_t from = (o * a.axis + wrap(indices[i], a.axis)) * a.inner + inner;
        passed &= load_element(dtype, got, i) == load_element(dtype, source, from);
    }
    count_check(passed, "gather");
    const int64_t bad = random_int(0, total - 1);
    indices[bad] = random_int(0, 1) ? a.axis : -a.axis - 1;
    indices[total - 1] = bad < total - 1 ? a.axis + 3 : indices[total - 1];
    count_check(mk_gather_axis(size, &a, source, indices, count, got) == bad, "gather out of range");
    passed = mk_index_select(size, &a, source, indices, 0, got) == -1;
    for (int64_t c = 0; c < count; c++) indices[c] = random_int(-a.axis, a.axis - 1);
    passed &= mk_index_select(size, &a, source, indices, count, got) == -1;
    for (int64_t i = 0; i < total; i++) {
        const int64_t o = i / (count * a.inner), c = i / a.inner % count, inner = i % a.inner;
        const int64_t from = (o * a.axis + wrap(indices[c], a.axis)) * a.inner + inner;
        passed &= load_element(dtype, got, i) == load_element(dtype, source, from);
    }
    count_check(passed, "index select");
    free(source), free(got), free(indices);
}

/// kind 0: scatter, 1: scatter-add, 2: index-add.
static void check_scatter(int dtype, int kind) {
    const mk_axis a = random_axis();
    const int64_t count = random_int(1, 30), total = a.outer * count * a.inner, size = a.outer * a.axis * a.inner;
    void *got = random_buffer(dtype, size), *updates = random_buffer(dtype, total);
    int64_t *indices = random_indices(total, a.axis);
    void *truth = malloc((size_t)(size * size_of(dtype)));
    memcpy(truth, got, (size_t)(size * size_of(dtype)));
    for (int64_t i = 0; i < total; i++) {
        const int64_t o = i / (count * a.inner), c = i / a.inner % count, inner = i % a.inner;
        const int64_t to = (o * a.axis + wrap(indices[kind == 2 ? c : i], a.axis)) * a.inner + inner;
        double sum = load_element(dtype, updates, i);
        if (kind && dtype == MK_BOOL)
            sum = sum != 0 || load_element(dtype, truth, to) != 0;
        else if (kind)
            sum += load_element(dtype, truth, to);
        store_element(dtype, truth, to, sum);
    }
    if (dtype == MK_BOOL && kind)
        for (int64_t i = 0; i < total; i++) ((uint8_t *)updates)[i] = ((uint8_t *)updates)[i] != 0;
    if (dtype == MK_BOOL && kind)
        for (int64_t i = 0; i < size; i++) {
            ((uint8_t *)got)[i] = ((uint8_t *)got)[i] != 0;
            ((uint8_t *)truth)[i] = ((uint8_t *)truth)[i] != 0;
        }
    int64_t answer;
    if (kind == 0)
        answer = mk_scatter_axis(size_of(dtype), &a, got, indices, count, updates);
    else
        answer = (kind == 1 ? mk_scatter_add_axis : mk_index_add)(dtype, &a, got, indices, count, updates);
    count_check(answer == -1 && memcmp(got, truth, (size_t)(size * size_of(dtype))) == 0,
                kind == 0 ? "scatter" : kind == 1 ? "scatter-add" : "index-add");
    indices[count / 2] = a.axis;
    answer = (kind == 2 ? mk_index_add : mk_scatter_add_axis)(dtype, &a, got, indices, count, updates);
    count_check(answer == count / 2, "scatter out of range");
    free(got), free(updates), free(indices), free(truth);
}

// MARK: scans and sorting

static void check_scan(int dtype) {
    const mk_axis a = random_axis();
    const int64_t size = a.outer * a.axis * a.inner, lines = a.outer * a.inner;
    const bool reverse = random_int(0, 1), exclusive = random_int(0, 1), is_max = random_int(0, 1);
    void *source = random_buffer(dtype, size), *sums = random_buffer(dtype, size);
    for (int64_t i = 0; i < size; i++)  // few distinct values, so that ties happen
        store_element(dtype, source, i, (double)random_int(dtype <= MK_FLOAT16 ? -3 : 0, 3));
    int64_t *where = malloc((size_t)lines * sizeof(int64_t));
    mk_cumulative_sum(dtype, &a, source, sums, reverse, exclusive);
    if (dtype <= MK_FLOAT16 && random_int(0, 1)) store_element(dtype, source, random_int(0, size - 1), NAN);
    mk_arg_reduce(dtype, is_max, &a, source, where);
    bool sum_passed = true, arg_passed = true;
    for (int64_t line = 0; line < lines; line++) {
        const int64_t start = line / a.inner * a.axis * a.inner + line % a.inner;
        double sum = 0, best = load_element(dtype, source, start);
        int64_t at = 0;
        bool poisoned = false;
        for (int64_t k = 0; k < a.axis; k++) {
            const int64_t i = start + (reverse ? a.axis - 1 - k : k) * a.inner;
            const double value = load_element(dtype, source, i), after = sum + value;
            poisoned |= isnan(value);
            if (!poisoned) sum_passed &= load_element(dtype, sums, i) == (exclusive ? sum : after);
            sum = after;
            const double candidate = load_element(dtype, source, start + k * a.inner);
            if (!isnan(best) && (isnan(candidate) || (is_max ? candidate > best : candidate < best)))
                best = candidate, at = k;
        }
        arg_passed &= where[line] == at;
    }
    count_check(sum_passed, "cumulative sum");
    count_check(arg_passed, "arg-reduction");
    free(source), free(sums), free(where);
}

static void check_sort(int dtype) {
    mk_axis a = random_axis();
    if (random_int(0, 3) == 0) a = (mk_axis){1, random_int(1, 5000), random_int(1, 2)};
    const int64_t size = a.outer * a.axis * a.inner;
    const bool descending = random_int(0, 1), coarse = random_int(0, 1);
    void *source = random_buffer(dtype, size), *values = random_buffer(dtype, size);
    int64_t *indices = malloc((size_t)size * sizeof(int64_t));
    for (int64_t i = 0; i < size; i++) {
        if (dtype <= MK_FLOAT16 && coarse) store_element(dtype, source, i, (double)random_int(-2, 2) * 0.5);
        if (dtype >= MK_INT8 && dtype != MK_BOOL && dtype != MK_UINT8)
            store_element(dtype, source, i, (double)random_int(-100, 100));
        if (dtype <= MK_FLOAT16 && random_int(0, 40) == 0)
            store_element(dtype, source, i, random_int(0, 1) ? NAN : random_int(0, 1) ? -INFINITY : -0.0);
    }
    mk_sort(dtype, descending, &a, source, values, indices);
    bool passed = true;
    for (int64_t line = 0; line < a.outer * a.inner; line++) {
        const int64_t start = line / a.inner * a.axis * a.inner + line % a.inner;
        int64_t index_sum = 0;
        for (int64_t k = 0; k < a.axis; k++) {
            const int64_t i = start + k * a.inner;
            const double here = load_element(dtype, source, start + indices[i] * a.inner);
            index_sum += indices[i];
            const double value = load_element(dtype, values, i);
            passed &= value == here || (isnan(value) && isnan(here));
            if (k == 0) continue;
            const double before = load_element(dtype, values, i - a.inner);
            const double low = descending ? value : before, high = descending ? before : value;
            const bool equal = before == value || (isnan(before) && isnan(value));
            passed &= equal ? indices[i - a.inner] < indices[i] : isnan(high) || low < high;
        }
        // Strictly ordered pairs are distinct, so a wrong permutation shows in the sum.
        passed &= index_sum == a.axis * (a.axis - 1) / 2;
    }
    count_check(passed, "sort");
    free(source), free(values), free(indices);
}

// MARK: linear algebra

/// max |x[m, k] · y[k, n] - z[m, n]| for one matrix of a batch.
static double product_error(
    int dtype, int64_t m, int64_t n, int64_t k, const void *x, int64_t xo, const void *y, int64_t yo, bool y_turned,
    const double *z) {
    double worst = 0;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t l = 0; l < k; l++)
                sum += load_element(dtype, x, xo + i * k + l)
                       * load_element(dtype, y, yo + (y_turned ? j * k + l : l * n + j));
            const double error = fabs(sum - z[i * n + j]);
            if (!(error <= worst)) worst = error;
        }
    return worst;
}

static double *loaded(int dtype, const void *buffer, int64_t start, int64_t count) {
    double *result = malloc((size_t)count * sizeof(double));
    for (int64_t i = 0; i < count; i++) result[i] = load_element(dtype, buffer, start + i);
    return result;
}

static double bound(int dtype, int64_t size) { return (dtype == MK_FLOAT64 ? 1e-14 : 4e-6) * (double)(size + 4); }

static void check_cholesky_and_solve(int dtype) {
    const int64_t batch = random_int(1, 4), n = random_int(1, 40), columns = random_int(0, 1) ? 1 : random_int(1, 200);
    void *root = random_buffer(dtype, batch * n * n), *a = random_buffer(dtype, batch * n * n);
    void *lower = random_buffer(dtype, batch * n * n), *b = random_buffer(dtype, batch * n * columns);
    void *x = random_buffer(dtype, batch * n * columns);
    for (int64_t e = 0; e < batch; e++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = i == j ? (double)n : 0;
                for (int64_t k = 0; k < n; k++)
                    sum += load_element(dtype, root, (e * n + i) * n + k) * load_element(dtype, root, (e * n + j) * n + k);
                store_element(dtype, a, (e * n + i) * n + j, sum);
            }
    bool passed = mk_cholesky(dtype, batch, n, a, lower, NULL) == -1;
    for (int64_t e = 0; e < batch; e++) {
        double *truth = loaded(dtype, a, e * n * n, n * n);
        passed &= product_error(dtype, n, n, n, lower, e * n * n, lower, e * n * n, true, truth)
                  <= bound(dtype, n) * (double)(n + 1);
        free(truth);
    }
    count_check(passed, "cholesky");
    const bool upper = random_int(0, 1), transposed = random_int(0, 1), unit = random_int(0, 1);
    // A well-conditioned triangle: what lies in the other half must not matter.
    for (int64_t i = 0; i < batch * n * n; i++) {
        const int64_t r = i / n % n, c = i % n;
        store_element(dtype, a, i, r == c ? 2 + random_unit() : random_unit() / (double)n);
    }
    mk_triangular_solve(dtype, batch, n, columns, upper, transposed, unit, a, b, x);
    double worst = 0;
    for (int64_t e = 0; e < batch; e++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t c = 0; c < columns; c++) {
                double sum = 0;
                for (int64_t k = 0; k < n; k++) {
                    const int64_t r = transposed ? k : i, s = transposed ? i : k;
                    if (upper ? s < r : s > r) continue;
                    const double t = unit && r == s ? 1 : load_element(dtype, a, (e * n + r) * n + s);
                    sum += t * load_element(dtype, x, (e * n + k) * columns + c);
                }
                worst = fmax(worst, fabs(sum - load_element(dtype, b, (e * n + i) * columns + c)));
            }
    count_check(worst <= bound(dtype, n), "triangular solve");
    const int64_t failing = random_int(0, batch - 1), row = random_int(0, n - 1);
    for (int64_t i = 0; i < batch * n * n; i++) store_element(dtype, a, i, i / n % n == i % n);
    store_element(dtype, a, (failing * n + row) * n + row, -1);
    int64_t failed_row = -1;
    count_check(mk_cholesky(dtype, batch, n, a, lower, &failed_row) == failing && failed_row == row, "cholesky failure");
    free(root), free(a), free(lower), free(b), free(x);
}

static void check_lu(int dtype) {
    const int64_t batch = random_int(1, 4), m = random_int(1, 40), n = random_int(0, 1) ? m : random_int(1, 40);
    const int64_t rank = m < n ? m : n;
    void *a = random_buffer(dtype, batch * m * n), *lu = random_buffer(dtype, batch * m * n);
    int64_t *permutation = malloc((size_t)(batch * m) * sizeof(int64_t));
    int32_t *sign = malloc((size_t)batch * sizeof(int32_t));
    mk_lu(dtype, batch, m, n, a, lu, permutation, sign);
    bool passed = true;
    for (int64_t e = 0; e < batch; e++) {
        int swaps = 0;
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < i; j++) swaps += permutation[e * m + j] > permutation[e * m + i];
        passed &= sign[e] == (swaps % 2 ? -1 : 1);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;
                for (int64_t k = 0; k < rank && k <= i && k <= j; k++)
                    sum += (k == i ? 1 : load_element(dtype, lu, (e * m + i) * n + k))
                           * load_element(dtype, lu, (e * m + k) * n + j);
                const double truth = load_element(dtype, a, (e * m + permutation[e * m + i]) * n + j);
                passed &= fabs(sum - truth) <= bound(dtype, m);
                if (j < i && j < rank) passed &= fabs(load_element(dtype, lu, (e * m + i) * n + j)) <= 1;
            }
    }
    count_check(passed, "lu");
    free(a), free(lu), free(permutation), free(sign);
}

/// Rows of [rows, length] (or columns of the transposed) are orthonormal.
static bool is_orthonormal(int dtype, const void *q, int64_t start, int64_t rows, int64_t length, bool columns) {
    bool passed = true;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = 0;
            for (int64_t k = 0; k < length; k++)
                sum += load_element(dtype, q, start + (columns ? k * rows + i : i * length + k))
                       * load_element(dtype, q, start + (columns ? k * rows + j : j * length + k));
            passed &= fabs(sum - (i == j)) <= bound(dtype, length);
        }
    return passed;
}

static void check_qr_and_svd(int dtype) {
    const int64_t batch = random_int(1, 3), m = random_int(1, 30), n = random_int(1, 30), rank = m < n ? m : n;
    void *a = random_buffer(dtype, batch * m * n);
    // Some matrices lack rank: repeated rows, or nothing at all.
    const int kind = (int)random_int(0, 5);
    for (int64_t i = 0; i < batch * m * n; i++) {
        if (kind == 0) store_element(dtype, a, i, 0);
        if (kind == 1) store_element(dtype, a, i, load_element(dtype, a, i % n));
    }
    void *q = random_buffer(dtype, batch * m * rank), *r = random_buffer(dtype, batch * rank * n);
    void *s = random_buffer(dtype, batch * rank);
    mk_qr(dtype, batch, m, n, a, q, r);
    bool passed = true;
    for (int64_t e = 0; e < batch; e++) {
        double *truth = loaded(dtype, a, e * m * n, m * n);
        passed &= product_error(dtype, m, n, rank, q, e * m * rank, r, e * rank * n, false, truth) <= bound(dtype, m);
        passed &= is_orthonormal(dtype, q, e * m * rank, rank, m, true);
        for (int64_t i = 0; i < rank; i++)
            for (int64_t j = 0; j < i; j++) passed &= load_element(dtype, r, (e * rank + i) * n + j) == 0;
        free(truth);
    }
    count_check(passed, "qr");
    passed = mk_svd(dtype, batch, m, n, a, q, s, r) == -1;
    for (int64_t e = 0; e < batch; e++) {
        double *truth = loaded(dtype, a, e * m * n, m * n);
        passed &= is_orthonormal(dtype, q, e * m * rank, rank, m, true) && is_orthonormal(dtype, r, e * rank * n, rank, n, false);
        for (int64_t k = 0; k < rank; k++) {
            const double value = load_element(dtype, s, e * rank + k);
            passed &= value >= 0 && (k == 0 || value <= load_element(dtype, s, e * rank + k - 1));
            for (int64_t i = 0; i < m; i++) {
                const int64_t at = (e * m + i) * rank + k;
                store_element(dtype, q, at, load_element(dtype, q, at) * value);
            }
        }
        passed &= product_error(dtype, m, n, rank, q, e * m * rank, r, e * rank * n, false, truth) <= 4 * bound(dtype, m);
        free(truth);
    }
    count_check(passed, "svd");
    free(a), free(q), free(r), free(s);
}

int main(void) {
    mk_parallel_set_threads(3);
    for (int round = 0; round < 150; round++)
        for (int dtype = MK_FLOAT32; dtype <= MK_BOOL; dtype++) {
            check_gather(dtype);
            for (int kind = 0; kind < 3; kind++) check_scatter(dtype, kind);
            if (dtype < MK_BOOL) check_scan(dtype);
            check_sort(dtype);
        }
    for (int round = 0; round < 300; round++)
        for (int dtype = MK_FLOAT32; dtype <= MK_FLOAT64; dtype++) {
            check_cholesky_and_solve(dtype);
            check_lu(dtype);
            check_qr_and_svd(dtype);
        }
    return finish_checks("indexing and linear algebra");
}
