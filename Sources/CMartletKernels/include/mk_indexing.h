// Gathering, scattering, scans, sorting and small dense linear algebra on contiguous buffers.
// A tensor is viewed as [outer, axis, inner]; indices are int64, negative ones count from the end of the axis.
#ifndef MK_INDEXING_H
#define MK_INDEXING_H

#include "mk_types.h"

/// The view of a tensor along one axis.
typedef struct {
    int64_t outer, axis, inner;
} mk_axis;

// MARK: indexing. Each returns -1, or the flat position in `indices` of the first index out of range; the destination is
// then unspecified.

/// destination[o, c, i] = source[o, indices[o, c, i], i]; indices and destination are [outer, count, inner].
int64_t mk_gather_axis(
    int64_t element_size, const mk_axis *axis, const void *source, const int64_t *indices, int64_t count, void *destination);
/// destination[o, c, i] = source[o, indices[c], i]; indices is [count].
int64_t mk_index_select(
    int64_t element_size, const mk_axis *axis, const void *source, const int64_t *indices, int64_t count, void *destination);
/// destination[o, indices[o, c, i], i] = updates[o, c, i], in ascending c: the last one stays.
int64_t mk_scatter_axis(
    int64_t element_size, const mk_axis *axis, void *destination, const int64_t *indices, int64_t count, const void *updates);
/// destination[o, indices[o, c, i], i] += updates[o, c, i], in ascending c. `destination` holds the base. 16-bit floats are
/// rounded after each addition; bool is a logical or.
int64_t mk_scatter_add_axis(
    int dtype, const mk_axis *axis, void *destination, const int64_t *indices, int64_t count, const void *updates);
/// destination[o, indices[c], i] += updates[o, c, i], in ascending c; updates is [outer, count, inner].
int64_t mk_index_add(
    int dtype, const mk_axis *axis, void *destination, const int64_t *indices, int64_t count, const void *updates);

// MARK: scans and searches along the axis.

/// Running sum. `reverse` sums from the end, `exclusive` leaves the element itself out. 16-bit floats carry float32.
void mk_cumulative_sum(int dtype, const mk_axis *axis, const void *source, void *destination, bool reverse, bool exclusive);
/// destination[o, i] = position of the largest (or smallest) element. The first of equals wins, the first NaN over all.
void mk_arg_reduce(int dtype, bool is_max, const mk_axis *axis, const void *source, int64_t *destination);
/// Stable sort; NaN is larger than every number. `values` or `indices` may be NULL.
void mk_sort(int dtype, bool descending, const mk_axis *axis, const void *source, void *values, int64_t *indices);

// MARK: small dense linear algebra. float32 or float64, batches of contiguous row-major matrices, parallel over the batch.

/// lower · lowerᵀ = a, for [batch, n, n]; the upper triangle of `lower` is zeroed and that of `a` not read. Returns -1, or
/// the smallest batch index whose matrix is not positive definite (its `failure_row`, if not NULL, receives the row).
int64_t mk_cholesky(int dtype, int64_t batch, int64_t n, const void *a, void *lower, int64_t *failure_row);

/// LU with partial pivoting of [batch, m, n]: `lu` holds unit-lower L below the diagonal and U above, so that
/// a[permutation[r], :] = (L · U)[r, :]. permutation is [batch, m]; sign is [batch] (+1 or -1) or NULL.
/// An exactly zero pivot is left in U (the matrix is singular) and is no error here.
void mk_lu(int dtype, int64_t batch, int64_t m, int64_t n, const void *a, void *lu, int64_t *permutation, int32_t *sign);

/// Solves op(t) · x = b for triangular t [batch, n, n] and b, x [batch, n, columns]; x may be b.
void mk_triangular_solve(
    int dtype, int64_t batch, int64_t n, int64_t columns, bool upper, bool transposed, bool unit_diagonal, const void *t,
    const void *b, void *x);

/// Reduced Householder QR of [batch, m, n], r = min(m, n): q is [batch, m, r], r [batch, r, n] (signs as LAPACK's).
void mk_qr(int dtype, int64_t batch, int64_t m, int64_t n, const void *a, void *q, void *r);

/// Reduced singular value decomposition by one-sided Jacobi: a = u · diag(s) · vt with u [batch, m, r], s [batch, r]
/// descending, vt [batch, r, n], r = min(m, n). Returns -1, or the first batch index that did not converge.
int64_t mk_svd(int dtype, int64_t batch, int64_t m, int64_t n, const void *a, void *u, void *s, void *vt);

#endif
