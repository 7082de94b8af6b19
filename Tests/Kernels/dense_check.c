// Compares the matrix product, convolution and pooling kernels with plain loops in double over random shapes, on every
// instruction set that this processor has, and with one thread against several, bit by bit.
// scripts/test-kernels builds and runs it.
#include "check_support.h"
#include "matmul_core.h"
#include "mk_convolution.h"
#include "mk_matmul.h"
#include "mk_parallel.h"
#include "mk_pooling.h"

static int64_t random_size(void) {
    switch (random_int(0, 3)) {
    case 0: return random_int(1, 4);
    case 1: return random_int(1, 40);
    case 2: return random_int(30, 100);
    default: return random_int(1, 15) * 16 + random_int(-1, 1);
    }
}

// MARK: product

static double wrapped(int dtype, int64_t value) {
    switch (dtype) {
    case MK_INT8: return (int8_t)value;
    case MK_UINT8: return (uint8_t)value;
    case MK_INT32: return (int32_t)value;
    default: return (double)value;
    }
}

static void check_matmul(int dtype) {
    mk_matmul_shape s = {.batch = random_int(0, 3) ? 1 : random_int(1, 5), .m = random_size(), .n = random_size()};
    s.k = random_int(0, 20) == 0 ? 0 : random_int(0, 5) == 0 ? random_int(380, 2200) : random_size();
    const bool turn_a = random_int(0, 1), turn_b = random_int(0, 1);
    const int64_t gap = random_int(0, 3) == 0 ? 3 : 1, pad = random_int(0, 2);
    s.a_row = turn_a ? gap : gap * (s.k + pad), s.a_column = turn_a ? gap * (s.m + pad) : gap;
    s.b_row = turn_b ? gap : gap * (s.n + pad), s.b_column = turn_b ? gap * (s.k + pad) : gap;
    const int64_t a_size = (s.m - 1) * s.a_row + mk_max64(s.k - 1, 0) * s.a_column + 1;
    const int64_t b_size = mk_max64(s.k - 1, 0) * s.b_row + (s.n - 1) * s.b_column + 1;
    s.a_batch = random_int(0, 3) ? (turn_a ? a_size + 1 : s.m * s.a_row) : 0;
    s.b_batch = random_int(0, 2) ? b_size : 0;
    s.c_row = s.n + (random_int(0, 2) ? 0 : 5), s.c_batch = s.m * s.c_row;
    void *a = random_buffer(dtype, s.a_batch * (s.batch - 1) + a_size + s.a_row * pad);
    void *b = random_buffer(dtype, s.b_batch * (s.batch - 1) + b_size);
    void *bias = random_int(0, 1) ? random_buffer(dtype, s.n) : NULL;
    const int64_t c_size = s.c_batch * (s.batch - 1) + (s.m - 1) * s.c_row + s.n;
    void *c = random_buffer(dtype, c_size), *again = malloc((size_t)(c_size * size_of(dtype)));
    memcpy(again, c, (size_t)(c_size * size_of(dtype)));
    mk_matmul(dtype, &s, a, b, bias, c);
    bool passed = true;
    for (int64_t e = 0; e < s.batch; e++)
        for (int64_t i = 0; i < s.m; i++)
            for (int64_t j = 0; j < s.n; j++) {
                double sum = bias ? load_element(dtype, bias, j) : 0;
                for (int64_t k = 0; k < s.k; k++)
                    sum += load_element(dtype, a, e * s.a_batch + i * s.a_row + k * s.a_column)
                           * load_element(dtype, b, e * s.b_batch + k * s.b_row + j * s.b_column);
                if (dtype > MK_FLOAT16) sum = wrapped(dtype, (int64_t)sum);
                passed &= is_close(dtype, load_element(dtype, c, e * s.c_batch + i * s.c_row + j), sum, (double)s.k);
            }
    char text[200];
    snprintf(text, sizeof text, "matmul dtype %d batch %ld m %ld n %ld k %ld turned %d %d gap %ld", dtype, (long)s.batch,
             (long)s.m, (long)s.n, (long)s.k, turn_a, turn_b, (long)gap);
    count_check(passed, text);
    mk_parallel_set_threads(1);
    mk_matmul(dtype, &s, a, b, bias, again);
    mk_parallel_set_threads(3);
    count_check(memcmp(c, again, (size_t)(c_size * size_of(dtype))) == 0, "matmul: threads change the bits");
    free(a), free(b), free(bias), free(c), free(again);
}

// MARK: convolution

static void normalise(const mk_convolution *c, mk_convolution *three) {
    *three = *c;
    const int missing = 3 - c->rank;
    for (int i = 0; i < 3; i++) {
        const int from = i - missing;
        three->input[i] = from < 0 ? 1 : c->input[from], three->kernel[i] = from < 0 ? 1 : c->kernel[from];
        three->output[i] = from < 0 ? 1 : c->output[from], three->stride[i] = from < 0 ? 1 : c->stride[from];
        three->padding_low[i] = from < 0 ? 0 : c->padding_low[from];
        three->dilation[i] = from < 0 ? 1 : c->dilation[from];
    }
}

/// All three products at once: each meeting of input, kernel and output adds to each truth.
static void convolve(
    const mk_convolution *shape, const double *x, const double *w, const double *dy, double *y, double *dx, double *dw) {
    mk_convolution c;
    normalise(shape, &c);
    const int64_t in = c.in_channels / c.groups, out = c.out_channels / c.groups;
    const int64_t *I = c.input, *K = c.kernel, *O = c.output;
    for (int64_t n = 0; n < c.batch; n++)
        for (int64_t o = 0; o < c.out_channels; o++)
            for (int64_t i = 0; i < in; i++)
                for (int64_t kd = 0; kd < K[0]; kd++)
                    for (int64_t kh = 0; kh < K[1]; kh++)
                        for (int64_t kw = 0; kw < K[2]; kw++)
                            for (int64_t od = 0; od < O[0]; od++)
                                for (int64_t oh = 0; oh < O[1]; oh++)
                                    for (int64_t ow = 0; ow < O[2]; ow++) {
                                        const int64_t d = od * c.stride[0] + kd * c.dilation[0] - c.padding_low[0];
                                        const int64_t h = oh * c.stride[1] + kh * c.dilation[1] - c.padding_low[1];
                                        const int64_t v = ow * c.stride[2] + kw * c.dilation[2] - c.padding_low[2];
                                        if (d < 0 || d >= I[0] || h < 0 || h >= I[1] || v < 0 || v >= I[2]) continue;
                                        const int64_t channel = n * c.in_channels + o / out * in + i;
                                        const int64_t xi = ((channel * I[0] + d) * I[1] + h) * I[2] + v;
                                        const int64_t wi = (((o * in + i) * K[0] + kd) * K[1] + kh) * K[2] + kw;
                                        const int64_t yi =
                                            (((n * c.out_channels + o) * O[0] + od) * O[1] + oh) * O[2] + ow;
                                        y[yi] += x[xi] * w[wi];
                                        dx[xi] += dy[yi] * w[wi];
                                        dw[wi] += dy[yi] * x[xi];
                                    }
}

static double *as_double(int dtype, const void *buffer, int64_t count) {
    double *result = malloc((size_t)count * sizeof(double));
    for (int64_t i = 0; i < count; i++) result[i] = buffer ? load_element(dtype, buffer, i) : 0;
    return result;
}

static mk_convolution random_convolution(void) {
    mk_convolution c = {.rank = (int32_t)random_int(1, 3), .batch = random_int(0, 15) ? random_int(1, 5) : 0};
    const int kind = (int)random_int(0, 3);
    c.groups = kind == 0 ? random_int(1, 6) : kind == 1 ? random_int(1, 3) : 1;
    c.in_channels = c.groups * (kind == 0 ? 1 : random_int(1, 20));
    c.out_channels = c.groups * (kind == 0 ? random_int(1, 5) : random_int(1, 40));
    const int64_t limit = c.rank == 1 ? 60 : c.rank == 2 ? 16 : 7;
    for (int i = 0; i < c.rank; i++) {
        do {
            c.input[i] = random_int(1, limit), c.kernel[i] = random_int(0, 3) ? random_int(1, 4) : 1;
            c.stride[i] = random_int(0, 1) ? 1 : random_int(1, 4), c.dilation[i] = random_int(0, 2) ? 1 : random_int(1, 4);
            const bool padded = random_int(0, 2);
            c.padding_low[i] = padded ? random_int(0, 3) : 0, c.padding_high[i] = padded ? random_int(0, 3) : 0;
            c.output[i] = (c.input[i] + c.padding_low[i] + c.padding_high[i] - (c.kernel[i] - 1) * c.dilation[i] - 1);
            c.output[i] = c.output[i] < 0 ? 0 : c.output[i] / c.stride[i] + 1;
        } while (c.output[i] < 1);
    }
    return c;
}

static bool all_close(int dtype, const void *got, const double *truth, int64_t count, double terms) {
    bool close = true;
    for (int64_t i = 0; i < count; i++) close &= is_close(dtype, load_element(dtype, got, i), truth[i], terms);
    return close;
}

static void check_convolution(int dtype) {
    const mk_convolution c = random_convolution();
    int64_t in = 1, kernel = 1, out = 1;
    for (int i = 0; i < c.rank; i++) in *= c.input[i], kernel *= c.kernel[i], out *= c.output[i];
    const int64_t xs = c.batch * c.in_channels * in, ys = c.batch * c.out_channels * out;
    const int64_t ws = c.out_channels * c.in_channels / c.groups * kernel;
    void *x = random_buffer(dtype, xs), *w = random_buffer(dtype, ws), *dy = random_buffer(dtype, ys);
    void *bias = random_int(0, 1) ? random_buffer(dtype, c.out_channels) : NULL;
    void *y = random_buffer(dtype, ys), *dx = random_buffer(dtype, xs), *dw = random_buffer(dtype, ws);
    double *x64 = as_double(dtype, x, xs), *w64 = as_double(dtype, w, ws), *dy64 = as_double(dtype, dy, ys);
    double *y64 = as_double(0, NULL, ys), *dx64 = as_double(0, NULL, xs), *dw64 = as_double(0, NULL, ws);
    convolve(&c, x64, w64, dy64, y64, dx64, dw64);
    for (int64_t i = 0; bias && i < ys; i++) y64[i] += load_element(dtype, bias, i / out % c.out_channels);
    mk_convolution_forward(dtype, &c, x, w, bias, y);
    mk_convolution_input_gradient(dtype, &c, dy, w, dx);
    mk_convolution_weight_gradient(dtype, &c, x, dy, dw);
    char text[300];
    snprintf(text, sizeof text,
             "dtype %d rank %d n %ld g %ld c %ld o %ld in %ld %ld %ld k %ld %ld %ld s %ld %ld %ld p %ld %ld %ld d %ld %ld %ld",
             dtype, c.rank, (long)c.batch, (long)c.groups, (long)c.in_channels, (long)c.out_channels, (long)c.input[0],
             (long)c.input[1], (long)c.input[2], (long)c.kernel[0], (long)c.kernel[1], (long)c.kernel[2], (long)c.stride[0],
             (long)c.stride[1], (long)c.stride[2], (long)c.padding_low[0], (long)c.padding_low[1], (long)c.padding_low[2],
             (long)c.dilation[0], (long)c.dilation[1], (long)c.dilation[2]);
    char what[340];
    snprintf(what, sizeof what, "forward %s", text);
    count_check(all_close(dtype, y, y64, ys, (double)(c.in_channels / c.groups * kernel)), what);
    snprintf(what, sizeof what, "input gradient %s", text);
    count_check(all_close(dtype, dx, dx64, xs, (double)(c.out_channels / c.groups * kernel)), what);
    snprintf(what, sizeof what, "weight gradient %s", text);
    count_check(all_close(dtype, dw, dw64, ws, (double)(c.batch * out)), what);
    void *all[] = {x, w, dy, bias, y, dx, dw, x64, w64, dy64, y64, dx64, dw64};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

// MARK: pooling

static mk_pooling random_pooling(bool dilated) {
    mk_pooling p = {.rank = (int32_t)random_int(1, 3), .count_include_pad = random_int(0, 1), .planes = random_int(1, 6)};
    const int64_t limit = p.rank == 1 ? 80 : p.rank == 2 ? 40 : 9;
    for (int i = 0; i < p.rank; i++) {
        p.kernel[i] = random_int(1, 4), p.stride[i] = random_int(1, 4), p.dilation[i] = dilated ? random_int(1, 2) : 1;
        p.padding_low[i] = random_int(0, p.kernel[i] / 2), p.padding_high[i] = random_int(0, p.kernel[i] / 2);
        const int64_t reach = (p.kernel[i] - 1) * p.dilation[i];
        p.input[i] = random_int(reach + 1, limit + reach);
        const int64_t room = p.input[i] + p.padding_low[i] + p.padding_high[i] - reach - 1;
        // Ceil mode: a window may begin inside the input and end behind the padding.
        p.output[i] = room / p.stride[i] + 1 + (random_int(0, 1) && room % p.stride[i] ? 1 : 0);
        if ((p.output[i] - 1) * p.stride[i] >= p.input[i] + p.padding_low[i]) p.output[i]--;
    }
    return p;
}

typedef struct {
    double best, sum, divisor;
    int64_t index;
} window_truth;

static window_truth window_of(int dtype, const mk_pooling *p, const void *plane_values, int64_t plane, const int64_t *o) {
    int64_t in[3] = {1, 1, 1}, start[3] = {0}, kernel[3] = {1, 1, 1}, dilation[3] = {1, 1, 1}, volume = 1;
    window_truth t = {.best = -INFINITY, .divisor = 1, .index = -1};
    for (int i = 0; i < p->rank; i++) {
        in[i] = p->input[i], kernel[i] = p->kernel[i], dilation[i] = p->dilation[i], volume *= in[i];
        start[i] = o[i] * p->stride[i] - p->padding_low[i];
        const int64_t end = start[i] + kernel[i];
        t.divisor *= (double)(p->count_include_pad ? mk_min64(end, in[i] + p->padding_high[i]) - start[i]
                                                   : mk_min64(end, in[i]) - mk_max64(start[i], 0));
    }
    for (int64_t a = 0; a < kernel[0]; a++)
        for (int64_t b = 0; b < kernel[1]; b++)
            for (int64_t c = 0; c < kernel[2]; c++) {
                const int64_t z = start[0] + a * dilation[0], y = start[1] + b * dilation[1], x = start[2] + c * dilation[2];
                if (z < 0 || z >= in[0] || y < 0 || y >= in[1] || x < 0 || x >= in[2]) continue;
                const int64_t index = (z * in[1] + y) * in[2] + x;
                const double value = load_element(dtype, plane_values, plane * volume + index);
                if (value > t.best || isnan(value) || t.index < 0) t.best = value, t.index = index;
                t.sum += value;
            }
    return t;
}

static void check_pooling(int dtype, bool maximum) {
    const mk_pooling p = random_pooling(maximum);
    int64_t in = 1, out = 1, o[3] = {0};
    for (int i = 0; i < p.rank; i++) in *= p.input[i], out *= p.output[i];
    void *x = random_buffer(dtype, p.planes * in), *y = random_buffer(dtype, p.planes * out);
    void *dy = random_buffer(dtype, p.planes * out), *dx = random_buffer(dtype, p.planes * in);
    int32_t *indices = malloc((size_t)(p.planes * out) * sizeof(int32_t));
    for (int64_t i = 0; maximum && i < 3; i++) store_element(dtype, x, random_int(0, p.planes * in - 1), NAN);
    double *dx64 = as_double(0, NULL, p.planes * in);
    if (maximum) {
        mk_pool_max_forward(dtype, &p, x, y, NULL);
        void *with_indices = malloc((size_t)(p.planes * out * size_of(dtype)));
        mk_pool_max_forward(dtype, &p, x, with_indices, indices);
        count_check(memcmp(y, with_indices, (size_t)(p.planes * out * size_of(dtype))) == 0, "pooling: values without positions");
        free(with_indices);
        mk_pool_max_backward(dtype, &p, dy, indices, dx);
    } else {
        mk_pool_average_forward(dtype, &p, x, y);
        mk_pool_average_backward(dtype, &p, dy, dx);
    }
    bool forward = true;
    for (int64_t i = 0; i < p.planes * out; i++) {
        for (int64_t d = p.rank - 1, rest = i % out; d >= 0; rest /= p.output[d--]) o[d] = rest % p.output[d];
        const int64_t plane = i / out;
        const window_truth t = window_of(dtype, &p, x, plane, o);
        const double got = load_element(dtype, y, i), gradient = load_element(dtype, dy, i);
        if (maximum) {
            forward &= (got == t.best || (isnan(got) && isnan(t.best))) && indices[i] == t.index;
            dx64[plane * in + t.index] += gradient;
            continue;
        }
        forward &= is_close(dtype, got, t.sum / t.divisor, 64);
        // The transpose, one input at a time: what a window of a single 1 would answer.
        int64_t dims[3] = {1, 1, 1}, kernel[3] = {1, 1, 1}, start[3] = {0};
        for (int d = 0; d < p.rank; d++)
            dims[d] = p.input[d], kernel[d] = p.kernel[d], start[d] = o[d] * p.stride[d] - p.padding_low[d];
        for (int64_t k = 0; k < kernel[0] * kernel[1] * kernel[2]; k++) {
            const int64_t z = start[0] + k / (kernel[1] * kernel[2]), v = start[1] + k / kernel[2] % kernel[1];
            const int64_t w = start[2] + k % kernel[2];
            if (z < 0 || z >= dims[0] || v < 0 || v >= dims[1] || w < 0 || w >= dims[2]) continue;
            dx64[plane * in + (z * dims[1] + v) * dims[2] + w] += gradient / t.divisor;
        }
    }
    count_check(forward, maximum ? "maximum pooling" : "average pooling");
    count_check(all_close(dtype, dx, dx64, p.planes * in, 64), maximum ? "maximum backward" : "average backward");
    if (maximum) {
        mk_pool_gather(dtype, &p, x, indices, dy);
        count_check(memcmp(dy, y, (size_t)(p.planes * out * size_of(dtype))) == 0, "gather at the indices of the maximum");
    }
    free(x), free(y), free(dy), free(dx), free(indices), free(dx64);
}

int main(void) {
    static const char *names[] = {"baseline", "AVX2", "AVX-512"};
    mk_parallel_set_threads(3);
    for (int isa = MK_ISA_BASELINE; isa <= MK_ISA_AVX512; isa++) {
        if (mk_gemm_limit_isa(isa) != isa) continue;
        const long before = checks_run, failed = checks_failed;
        for (int i = 0; i < 600; i++) check_matmul(i % 3 ? MK_FLOAT32 : (int)random_int(MK_FLOAT32, MK_INT64));
        for (int i = 0; i < 400; i++) check_convolution(i % 3 ? MK_FLOAT32 : (int)random_int(MK_FLOAT32, MK_FLOAT16));
        printf("%s: %ld checks, %ld failed\n", names[isa], checks_run - before, checks_failed - failed);
    }
    for (int i = 0; i < 1500; i++) check_pooling((int)random_int(MK_FLOAT32, MK_FLOAT16), i % 2);
    return finish_checks("dense kernels");
}
