// The batched matrix product.
#include <stdio.h>
#include <string.h>

#include "ce_dnnl.h"
#include "ce_matmul.h"
#include "dnnl_internal.h"

typedef struct {
    dn_md a, b, c, bias, addend;
} descriptors;

static void describe(const ce_matmul *p, char *text, size_t size) {
    char batch[96];
    dn_describe_sizes(batch, sizeof batch, p->batch_rank, p->batch);
    snprintf(text, size, "matrix product %s[%s] %lldx%lldx%lld, a strides %lld,%lld, b strides %lld,%lld",
        dn_dtype_name(p->dtype), batch, (long long)p->m, (long long)p->n, (long long)p->k, (long long)p->a_row,
        (long long)p->a_column, (long long)p->b_row, (long long)p->b_column);
}

/// Makes one row-major where an axis of one element leaves its stride open, for the engine reads the order off the
/// strides.
static void settle_strides(int64_t rows, int64_t columns, int64_t *row, int64_t *column) {
    if (columns == 1 && rows == 1) {
        *row = *column = 1;
    } else if (columns == 1) {
        if (*row >= 1) *column = 1;
    } else if (rows == 1) {
        *row = *column == 1 ? columns : 1;
    }
}

/// True where the last batch axis only continues the rows of A and C, with B the same for all: one taller product then.
static bool folds_into_rows(const ce_matmul *p) {
    const int last = p->batch_rank - 1;
    return last >= 0 && p->b_batch[last] == 0 && p->a_batch[last] == p->m * p->a_row &&
           p->c_batch[last] == p->m * p->c_row;
}

static ce_matmul simplified(const ce_matmul *given) {
    ce_matmul p = *given;
    while (folds_into_rows(&p)) p.m *= p.batch[--p.batch_rank];
    settle_strides(p.m, p.k, &p.a_row, &p.a_column);
    settle_strides(p.k, p.n, &p.b_row, &p.b_column);
    if (p.m == 1) p.c_row = p.n;
    return p;
}

/// The descriptor of one [batch, rows, columns] operand; a batch stride of 0 makes that axis one element.
static ce_status make_operand(
    const ce_matmul *p, const int64_t *batch_strides, int64_t rows, int64_t columns, int64_t row, int64_t column,
    ce_format format, int dtype, dn_md *md) {
    int64_t sizes[CE_MATMUL_MAX_BATCH_RANK + 2], strides[CE_MATMUL_MAX_BATCH_RANK + 2];
    const int rank = p->batch_rank + 2;
    for (int i = 0; i < p->batch_rank; i++) {
        const bool broadcasts = batch_strides[i] == 0;
        sizes[i] = broadcasts ? 1 : p->batch[i];
        strides[i] = broadcasts ? rows * columns : batch_strides[i];
    }
    sizes[rank - 2] = rows, sizes[rank - 1] = columns;
    strides[rank - 2] = row, strides[rank - 1] = column;
    return dn_make_md(format, dtype, rank, sizes, strides, md);
}

static ce_status make_row(const ce_matmul *p, int dtype, dn_md *md) {
    int64_t sizes[CE_MATMUL_MAX_BATCH_RANK + 2];
    for (int i = 0; i <= p->batch_rank; i++) sizes[i] = 1;
    sizes[p->batch_rank + 1] = p->n;
    return dn_make_md((ce_format){CE_FORMAT_PLAIN, NULL}, dtype, p->batch_rank + 2, sizes, NULL, md);
}

static ce_status make_descriptors(const ce_matmul *p, descriptors *d) {
    const ce_format plain = {CE_FORMAT_PLAIN, NULL};
    ce_status status = make_operand(p, p->a_batch, p->m, p->k, p->a_row, p->a_column, plain, p->dtype, &d->a);
    if (status == CE_OK)
        status = make_operand(p, p->b_batch, p->k, p->n, p->b_row, p->b_column, p->b_format, p->dtype, &d->b);
    if (status == CE_OK) status = make_operand(p, p->c_batch, p->m, p->n, p->c_row, 1, plain, p->c_dtype, &d->c);
    if (status == CE_OK && p->has_bias) status = make_row(p, p->bias_dtype, &d->bias);
    if (status == CE_OK && p->addend == CE_ADDEND_ROW) status = make_row(p, p->addend_dtype, &d->addend);
    if (status == CE_OK && p->addend == CE_ADDEND_FULL)
        status = make_operand(p, p->c_batch, p->m, p->n, p->c_row, 1, plain, p->addend_dtype, &d->addend);
    return status;
}

static void free_descriptors(descriptors *d) {
    dn_free_md(d->a);
    dn_free_md(d->b);
    dn_free_md(d->c);
    dn_free_md(d->bias);
    dn_free_md(d->addend);
}

/// True where C has no gaps.
static bool is_dense(const ce_matmul *p) {
    int64_t step = p->m * p->n;
    if (p->m > 1 && p->c_row != p->n) return false;
    for (int i = p->batch_rank - 1; i >= 0; i--) {
        if (p->batch[i] > 1 && p->c_batch[i] != step) return false;
        step *= p->batch[i];
    }
    return true;
}

/// What the engine would take for a contradiction, or compute slowly.
static ce_status check(const ce_matmul *p, const char *what) {
    if (p->batch_rank < 0 || p->batch_rank > CE_MATMUL_MAX_BATCH_RANK || p->m < 1 || p->n < 1)
        return dn_fail(CE_INVALID, "%s: 0 to 4 batch axes and positive sizes are needed", what);
    if (p->k < 1) return dn_fail(CE_UNIMPLEMENTED, "%s: oneDNN takes no empty sums", what);
    if (p->dtype != CE_FLOAT32 && p->dtype != CE_BFLOAT16 && p->dtype != CE_FLOAT16)
        return dn_fail(CE_UNIMPLEMENTED, "%s: oneDNN multiplies f32, bf16 and f16", what);
    const bool a_expands = (p->m > 1 && p->a_row < 1) || (p->k > 1 && p->a_column < 1);
    const bool b_expands = (p->k > 1 && p->b_row < 1) || (p->n > 1 && p->b_column < 1);
    if (a_expands || (b_expands && p->b_format.kind == CE_FORMAT_PLAIN))
        return dn_fail(CE_UNIMPLEMENTED, "%s: oneDNN needs positive strides within a matrix", what);
    // 3.2's products by gemm place the addend as if C had no gaps.
    if (p->addend && !is_dense(p)) return dn_fail(CE_UNIMPLEMENTED, "%s: an addend needs a C without gaps", what);
    for (int i = 0; i < p->batch_rank; i++) {
        if (p->batch[i] < 1) return dn_fail(CE_INVALID, "%s: batch axis %d is empty", what, i);
        if (p->batch[i] > 1 && (p->c_batch[i] < 1 || p->a_batch[i] < 0 || p->b_batch[i] < 0))
            return dn_fail(CE_UNIMPLEMENTED, "%s: oneDNN needs positive batch strides", what);
        if (p->batch[i] > 1 && p->a_batch[i] == 0 && p->b_batch[i] == 0)
            return dn_fail(CE_UNIMPLEMENTED, "%s: both operands repeat along batch axis %d", what, i);
    }
    return CE_OK;
}

ce_status ce_matmul_make(const ce_matmul *given, ce_operation **result) {
    *result = NULL;
    if (!ce_dnnl_is_loaded()) return dn_fail(CE_UNAVAILABLE, "matrix product: no engine is loaded");
    char what[320];
    describe(given, what, sizeof what);
    ce_status status = check(given, what);
    if (status != CE_OK) return status;
    const ce_matmul p = simplified(given);

    descriptors d = {0};
    dn_attributes attributes = NULL;
    dn_pd descriptor;
    status = make_descriptors(&p, &d);
    if (status == CE_OK) status = dn_make_attributes(
            &(dn_behind){.sum_scale = p.sum_scale, .addend = d.addend, .relu = p.relu}, &attributes);
    if (status == CE_OK) {
        dn_use_threads(dn_wanted_threads());
        status = dn_check(
            dn.matmul_primitive_desc_create(&descriptor, dn_cpu, d.a, d.b, d.bias, d.c, attributes), what);
    }
    if (attributes) dn.primitive_attr_destroy(attributes);
    free_descriptors(&d);
    if (status != CE_OK) return status;

    dn_operands operands = {
        .arguments = {DN_ARG_SOURCE, DN_ARG_WEIGHTS, DN_ARG_DESTINATION, p.has_bias ? DN_ARG_BIAS : 0},
        .slots = CE_MATMUL_SLOTS};
    // The addend stands behind the sum where there is one.
    const int place = p.sum_scale != 0 ? 2 : 1;
    if (p.addend) operands.arguments[CE_MATMUL_ADDEND] = DN_ARG_POST_OPERATION * place | DN_ARG_SOURCE_1;
    return dn_make_operation(descriptor, &operands, what, result);
}
