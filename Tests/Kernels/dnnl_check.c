// Compares what CEngines makes of oneDNN with plain loops in double over random shapes.
//
// scripts/test-kernels builds and runs it. Where there is no oneDNN it says where it was looked for and ends with 77.
#include "dnnl_check_cases.h"

long cases_run, cases_failed, cases_unimplemented;

bool is_made(ce_status status) {
    if (status == CE_UNIMPLEMENTED) cases_unimplemented++;
    if (status == CE_OK || status == CE_UNIMPLEMENTED) return status == CE_OK;
    cases_run++;
    if (cases_failed++ < 20) printf("FAILED to make: status %d: %s\n", (int)status, ce_message());
    return false;
}

void compare(
    const char *what, const char *kernel, int dtype, const void *got, const double *truth, int64_t count,
    double terms) {
    double worst = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        const double difference = fabs(load_element(dtype, got, i) - truth[i]);
        const double allowed = dtype == CE_FLOAT32 ? 2e-6 * (2 + sqrt(terms)) * (1 + fabs(truth[i]))
                                                   : 0.005 * fabs(truth[i]) + 1e-5 * (10 + terms);
        const double ratio = isfinite(difference) ? difference / allowed : INFINITY;
        if (ratio > worst) worst = ratio, at = i;
    }
    cases_run++;
    if (worst <= 1) return;
    if (cases_failed++ < 20)
        printf("FAILED %s by %s: element %lld of %lld is %.9g, should be %.9g\n", what, kernel, (long long)at,
            (long long)count, load_element(dtype, got, at), truth[at]);
}

// MARK: products

static int64_t random_size(void) {
    switch (random_int(0, 3)) {
    case 0: return random_int(1, 4);
    case 1: return random_int(1, 40);
    case 2: return random_int(30, 100);
    default: return random_int(1, 8) * 16 + random_int(-1, 1);
    }
}

static ce_matmul random_matmul(void) {
    ce_matmul s = {.batch_rank = (int32_t)random_int(0, 2), .m = random_size(), .n = random_size(), .k = random_size()};
    s.dtype = random_int(0, 2) ? CE_FLOAT32 : random_int(0, 6) ? CE_BFLOAT16 : CE_FLOAT16;
    s.c_dtype = random_int(0, 2) ? s.dtype : CE_FLOAT32;
    const int64_t pad = random_int(0, 2);
    const bool turn_a = random_int(0, 1), turn_b = random_int(0, 1);
    s.a_row = turn_a ? 1 : s.k + pad, s.a_column = turn_a ? s.m + pad : 1;
    s.b_row = turn_b ? 1 : s.n + pad, s.b_column = turn_b ? s.k + pad : 1;
    s.c_row = s.n + random_int(0, 1) * 3;
    int64_t a = turn_a ? s.k * s.a_column : s.m * s.a_row, b = turn_b ? s.n * s.b_column : s.k * s.b_row;
    int64_t c = s.m * s.c_row;
    for (int i = s.batch_rank - 1; i >= 0; i--) {
        s.batch[i] = random_int(1, 3);
        const int64_t repeats = random_int(0, 4);
        s.a_batch[i] = repeats == 1 ? 0 : a, s.b_batch[i] = repeats == 2 ? 0 : b, s.c_batch[i] = c;
        a *= s.batch[i], b *= s.batch[i], c *= s.batch[i];
    }
    s.b_format.kind = random_int(0, 2) ? CE_FORMAT_PLAIN : CE_FORMAT_ANY;
    s.has_bias = random_int(0, 1);
    s.bias_dtype = random_int(0, 1) ? s.dtype : CE_FLOAT32;
    s.addend = random_int(0, 3) ? CE_ADDEND_NONE : (int32_t)random_int(1, 2);
    s.addend_dtype = s.dtype;
    s.sum_scale = random_int(0, 3) ? 0 : 0.5f;
    s.relu = random_int(0, 2) == 0;
    return s;
}

/// Elements from the first to the last that the strides reach.
static int64_t extent(
    const ce_matmul *s, const int64_t *batch_strides, int64_t rows, int64_t row, int64_t columns, int64_t column) {
    int64_t last = (rows - 1) * row + (columns - 1) * column;
    for (int i = 0; i < s->batch_rank; i++) last += (s->batch[i] - 1) * batch_strides[i];
    return last + 1;
}

/// Packs B, which only a B without gaps can be, through the operation's layout.
static void *packed_b(const ce_matmul *s, const ce_operation *op, const void *b) {
    int64_t sizes[6], strides[6];
    const bool flat = s->batch_rank == 0;
    const int rank = flat ? 2 : s->batch_rank + 2;
    for (int i = 0; i < s->batch_rank; i++)
        sizes[i] = s->b_batch[i] ? s->batch[i] : 1, strides[i] = s->b_batch[i] ? s->b_batch[i] : s->k * s->n;
    sizes[rank - 2] = s->k, sizes[rank - 1] = s->n, strides[rank - 2] = s->b_row, strides[rank - 1] = s->b_column;
    ce_layout *given;
    must(ce_layout_make_strided(s->dtype, rank, sizes, strides, &given));
    void *result = copied(given, ce_operation_layout(op, CE_MATMUL_B), b);
    ce_layout_free(given);
    return result;
}

/// The same product for a B that was packed before.
static void take_given_b(ce_matmul *s, ce_operation **op) {
    ce_layout *kept;
    must(ce_layout_copy(ce_operation_layout(*op, CE_MATMUL_B), &kept));
    ce_operation_free(*op);
    s->b_format = (ce_format){CE_FORMAT_GIVEN, kept};
    must(ce_matmul_make(s, op));
    ce_layout_free(kept);
}

static void check_matmul(void) {
    ce_matmul s = random_matmul();
    // Rows that run on over the batch take a B without batch axes, which packed_b does not make.
    if (s.b_format.kind == CE_FORMAT_ANY) s.batch_rank = s.batch_rank && s.b_batch[s.batch_rank - 1] ? s.batch_rank : 0;
    ce_operation *op;
    if (!is_made(ce_matmul_make(&s, &op))) return;
    if (s.b_format.kind == CE_FORMAT_ANY && random_int(0, 1)) take_given_b(&s, &op);
    const int64_t a_count = extent(&s, s.a_batch, s.m, s.a_row, s.k, s.a_column);
    const int64_t b_count = extent(&s, s.b_batch, s.k, s.b_row, s.n, s.b_column);
    const int64_t c_count = extent(&s, s.c_batch, s.m, s.c_row, s.n, 1);
    void *a = random_buffer(s.dtype, a_count), *b = random_buffer(s.dtype, b_count);
    void *c = random_buffer(s.c_dtype, c_count), *bias = random_buffer(s.bias_dtype, s.n);
    void *addend = random_buffer(s.addend_dtype, s.addend == CE_ADDEND_ROW ? s.n : c_count);
    double *truth = malloc(sizeof *truth * (size_t)c_count);
    for (int64_t i = 0; i < c_count; i++) truth[i] = load_element(s.c_dtype, c, i);
    const int64_t outer = s.batch_rank > 1 ? s.batch[0] : 1, inner = s.batch_rank ? s.batch[s.batch_rank - 1] : 1;
    const int last = s.batch_rank ? s.batch_rank - 1 : 0;
    for (int64_t x = 0; x < outer * inner; x++) {
        const int64_t o = s.batch_rank > 1 ? x / inner : 0, p = s.batch_rank ? x % inner : 0;
        const int64_t a0 = o * s.a_batch[0] + p * s.a_batch[last], b0 = o * s.b_batch[0] + p * s.b_batch[last];
        const int64_t c0 = o * s.c_batch[0] + p * s.c_batch[last];
        for (int64_t i = 0; i < s.m * s.n; i++) {
            const int64_t row = i / s.n, column = i % s.n, at = c0 + row * s.c_row + column;
            double sum = s.has_bias ? load_element(s.bias_dtype, bias, column) : 0;
            for (int64_t k = 0; k < s.k; k++)
                sum += load_element(s.dtype, a, a0 + row * s.a_row + k * s.a_column) *
                       load_element(s.dtype, b, b0 + k * s.b_row + column * s.b_column);
            sum += s.sum_scale * truth[at];
            if (s.addend) sum += load_element(s.addend_dtype, addend, s.addend == CE_ADDEND_ROW ? column : at);
            truth[at] = s.relu && sum < 0 ? 0 : sum;
        }
    }
    void *used_b = s.b_format.kind == CE_FORMAT_PLAIN ? b : packed_b(&s, op, b);
    const int order[] = {CE_MATMUL_C, -1, CE_MATMUL_ADDEND, CE_MATMUL_BIAS, CE_MATMUL_B, CE_MATMUL_A};
    must(ce_operation_set_order(op, order, 6));
    must(run(op, (void *[]){c, NULL, addend, bias, used_b, a}));
    compare("matrix product", ce_operation_implementation(op), s.c_dtype, c, truth, c_count, (double)s.k);
    if (used_b != b) free(used_b);
    free(a), free(b), free(c), free(bias), free(addend), free(truth);
    ce_operation_free(op);
}

// MARK: layouts

static void check_layouts(void) {
    const int64_t sizes[] = {random_int(1, 3), random_int(1, 40), random_int(1, 7), random_int(1, 7)};
    const int64_t count = sizes[0] * sizes[1] * sizes[2] * sizes[3], plane = sizes[2] * sizes[3];
    const int64_t block = random_int(0, 1) ? 16 : 8, blocks = (sizes[1] + block - 1) / block;
    ce_layout *plain, *blocked, *half, *again;
    must(ce_layout_make(CE_FORMAT_PLAIN, CE_FLOAT32, 4, sizes, &plain));
    must(ce_layout_make(block == 16 ? CE_FORMAT_BLOCKED16 : CE_FORMAT_BLOCKED8, CE_FLOAT32, 4, sizes, &blocked));
    must(ce_layout_make_plain_like(blocked, CE_BFLOAT16, &half));
    must(ce_layout_copy(blocked, &again));
    const bool holds = ce_layout_is_plain(plain) && !ce_layout_is_plain(blocked) && !ce_layout_is_padded(plain) &&
                       ce_layout_is_padded(blocked) == (sizes[1] % block != 0) &&
                       ce_layout_bytes(plain) == (size_t)count * 4 &&
                       ce_layout_bytes(blocked) == (size_t)(sizes[0] * blocks * block * plane) * 4 &&
                       ce_layout_dtype(half) == CE_BFLOAT16 && ce_layout_equal(again, blocked) &&
                       !ce_layout_equal(plain, blocked) && ce_layout_hash(again) == ce_layout_hash(blocked) &&
                       ce_layout_hash(plain) != ce_layout_hash(blocked);
    cases_run++;
    if (!holds && cases_failed++ < 20) printf("FAILED what a layout says of itself\n");

    float *values = random_buffer(CE_FLOAT32, count);
    float *moved = copied(plain, blocked, values);
    void *rounded = copied(blocked, half, moved);
    double *truth = calloc((size_t)(sizes[0] * blocks * block * plane), sizeof *truth);
    double *same = malloc(sizeof *same * (size_t)count);
    for (int64_t i = 0; i < count; i++) {
        const int64_t n = i / (sizes[1] * plane), c = i / plane % sizes[1];
        truth[((n * blocks + c / block) * plane + i % plane) * block + c % block] = values[i];
        same[i] = values[i];
    }
    // With zeros behind the last channel.
    compare("blocking", "reorder", CE_FLOAT32, moved, truth, sizes[0] * blocks * block * plane, 0);
    compare("unblocking to bf16", "reorder", CE_BFLOAT16, rounded, same, count, 0);
    free(values), free(moved), free(rounded), free(truth), free(same);
    ce_layout_free(plain), ce_layout_free(blocked), ce_layout_free(half), ce_layout_free(again);
}

int main(void) {
    if (!ce_dnnl_load(NULL)) {
        printf("no oneDNN:\n%s", ce_dnnl_report());
        return 77;
    }
    printf("%soneDNN %s, %s, GOMP_parallel %s\n", ce_dnnl_report(), ce_dnnl_version(), ce_dnnl_isa(),
        ce_dnnl_gomp_parallel() ? "found" : "absent");
    for (int i = 0; i < 100; i++) check_layouts();
    for (int i = 0; i < 600; i++) check_matmul();
    check_spatial();
    check_sharing();
    printf("%ld checks, %ld failed; %ld random cases that oneDNN has no kernel for\n", cases_run, cases_failed,
        cases_unimplemented);
    return cases_failed > 0;
}
