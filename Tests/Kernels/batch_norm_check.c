// Compares batch normalisation on channel blocks and on channels side by side, with all that is folded into it, with plain loops in double over random
// shapes; and one thread with several, bit by bit.
#include "check_support.h"
#include "mk_batch_norm.h"
#include "mk_parallel.h"

enum { BLOCK = 16 };

typedef struct {
    mk_batch_norm shape;
    int dtype;
    int64_t count, channels;
} sizes;

/// The element of image n, channel c, position p.
static int64_t at(const sizes *s, int64_t n, int64_t c, int64_t p) {
    if (s->shape.pitch > BLOCK) return (n * s->shape.positions + p) * s->shape.pitch + c;
    return (((n * s->shape.blocks + c / BLOCK) * s->shape.positions) + p) * BLOCK + c % BLOCK;
}

static sizes random_sizes(int dtype) {
    sizes s = {.dtype = dtype};
    s.shape = (mk_batch_norm){
        .batch = random_int(1, 5), .blocks = random_int(1, 9),
        .positions = random_int(0, 3) ? random_int(1, 40) : random_int(120, 300), .epsilon = 1e-3f,
        .rectifies = random_int(0, 1)};
    s.channels = s.shape.blocks * BLOCK;
    // Blocks of 16, or all channels side by side; at times in more than one piece.
    s.shape.pitch = random_int(0, 1) ? BLOCK : s.channels;
    if (s.shape.pitch > BLOCK && !random_int(0, 9)) s.shape.positions = random_int(800, 1500);
    s.count = s.shape.batch * s.channels * s.shape.positions;
    return s;
}

static void *like(const sizes *s) { return malloc((size_t)(s->count * size_of(s->dtype))); }
static float *channel_buffer(const sizes *s) { return malloc((size_t)s->channels * sizeof(float)); }

/// What storing as `dtype` and loading makes of a value.
static double rounded(int dtype, double value) {
    double slot = 0;
    store_element(dtype, &slot, 0, value);
    return load_element(dtype, &slot, 0);
}

static void check_forward(int dtype) {
    const sizes s = random_sizes(dtype);
    const double numbers = (double)(s.shape.batch * s.shape.positions);
    void *x = random_buffer(dtype, s.count), *residual = random_int(0, 1) ? random_buffer(dtype, s.count) : NULL;
    float *scale = random_buffer(MK_FLOAT32, s.channels), *shift = random_buffer(MK_FLOAT32, s.channels);
    mk_batch_norm_forward_memory m = {
        .x = x, .scale = scale, .shift = shift, .residual = residual, .y = like(&s), .mean = channel_buffer(&s),
        .variance = channel_buffer(&s)};
    mk_batch_norm_forward_memory again = m;
    again.y = like(&s), again.mean = channel_buffer(&s), again.variance = channel_buffer(&s);
    mk_parallel_set_threads(3);
    mk_batch_norm_forward(dtype, &s.shape, &m);
    mk_parallel_set_threads(1);
    mk_batch_norm_forward(dtype, &s.shape, &again);
    bool passed = !memcmp(m.y, again.y, (size_t)(s.count * size_of(dtype)))
                  && !memcmp(m.mean, again.mean, (size_t)s.channels * sizeof(float));
    count_check(passed, "batch norm: threads");
    passed = true;
    for (int64_t c = 0; c < s.channels; c++) {
        double mean = 0, variance = 0;
        for (int64_t n = 0; n < s.shape.batch; n++)
            for (int64_t p = 0; p < s.shape.positions; p++) mean += load_element(dtype, x, at(&s, n, c, p)) / numbers;
        for (int64_t n = 0; n < s.shape.batch; n++)
            for (int64_t p = 0; p < s.shape.positions; p++) {
                const double apart = load_element(dtype, x, at(&s, n, c, p)) - mean;
                variance += apart * apart / numbers;
            }
        passed &= is_close(MK_FLOAT32, m.mean[c], mean, 1) && is_close(MK_FLOAT32, m.variance[c], variance, 1);
        const double factor = scale[c] / sqrt(variance + s.shape.epsilon);
        for (int64_t n = 0; n < s.shape.batch; n++)
            for (int64_t p = 0; p < s.shape.positions; p++) {
                const int64_t i = at(&s, n, c, p);
                double y = (load_element(dtype, x, i) - mean) * factor + shift[c];
                if (residual) y = rounded(dtype, y) + load_element(dtype, residual, i);
                if (s.shape.rectifies && !(y > 0)) y = 0;
                passed &= fabs(load_element(dtype, m.y, i) - y) <= (dtype == MK_FLOAT32 ? 1e-4 : 0.02) * (1 + fabs(factor));
            }
    }
    count_check(passed, "batch norm");
    free(x), free(residual), free(scale), free(shift), free(m.y), free(m.mean), free(m.variance);
    free(again.y), free(again.mean), free(again.variance);
}

static void check_backward(int dtype) {
    const sizes s = random_sizes(dtype);
    const double numbers = (double)(s.shape.batch * s.shape.positions);
    void *x = random_buffer(dtype, s.count), *gradient = random_buffer(dtype, s.count);
    void *second = random_int(0, 1) ? random_buffer(dtype, s.count) : NULL;
    void *output = random_int(0, 1) ? random_buffer(dtype, s.count) : NULL;
    float *scale = random_buffer(MK_FLOAT32, s.channels), *mean = random_buffer(MK_FLOAT32, s.channels);
    float *variance = random_buffer(MK_FLOAT32, s.channels);
    for (int64_t c = 0; c < s.channels; c++) variance[c] = fabsf(variance[c]) + 0.1f;
    mk_batch_norm_backward_memory m = {
        .gradient = gradient, .second = second, .output = output, .x = x, .scale = scale, .mean = mean,
        .variance = variance, .x_gradient = like(&s), .scale_gradient = channel_buffer(&s),
        .shift_gradient = channel_buffer(&s), .kept = random_int(0, 1) ? like(&s) : NULL};
    mk_batch_norm_backward_memory again = m;
    again.x_gradient = like(&s), again.scale_gradient = channel_buffer(&s), again.shift_gradient = channel_buffer(&s);
    mk_parallel_set_threads(3);
    mk_batch_norm_backward(dtype, &s.shape, &m);
    mk_parallel_set_threads(1);
    mk_batch_norm_backward(dtype, &s.shape, &again);
    count_check(
        !memcmp(m.x_gradient, again.x_gradient, (size_t)(s.count * size_of(dtype))), "batch norm gradient: threads");
    bool passed = true;
    double *g = malloc((size_t)s.count * sizeof(double));
    for (int64_t i = 0; i < s.count; i++) {
        g[i] = load_element(dtype, gradient, i);
        if (second) g[i] = rounded(dtype, g[i] + load_element(dtype, second, i));
        if (output && !(load_element(dtype, output, i) > 0)) g[i] = 0;
        if (m.kept) passed &= load_element(dtype, m.kept, i) == g[i];
    }
    for (int64_t c = 0; c < s.channels; c++) {
        const double deviation = 1 / sqrt(variance[c] + (double)s.shape.epsilon);
        double sum = 0, product = 0;
        for (int64_t n = 0; n < s.shape.batch; n++)
            for (int64_t p = 0; p < s.shape.positions; p++) {
                const int64_t i = at(&s, n, c, p);
                sum += g[i];
                product += g[i] * (load_element(dtype, x, i) - mean[c]) * deviation;
            }
        const double slack = 1e-5 * (1 + numbers) * (1 + deviation);
        passed &= fabs(m.shift_gradient[c] - sum) <= slack && fabs(m.scale_gradient[c] - product) <= slack;
        for (int64_t n = 0; n < s.shape.batch; n++)
            for (int64_t p = 0; p < s.shape.positions; p++) {
                const int64_t i = at(&s, n, c, p);
                const double normalized = (load_element(dtype, x, i) - mean[c]) * deviation;
                const double truth = scale[c] * deviation * (g[i] - sum / numbers - normalized * product / numbers);
                const double size = fabs(scale[c] * deviation) * (1 + fabs(sum) / numbers + fabs(normalized * product) / numbers);
                passed &= fabs(load_element(dtype, m.x_gradient, i) - truth) <= (dtype == MK_FLOAT32 ? 1e-4 : 0.02) * (size + 1e-3);
            }
    }
    count_check(passed, "batch norm gradient");
    free(g), free(x), free(gradient), free(second), free(output), free(scale), free(mean), free(variance);
    free(m.x_gradient), free(m.scale_gradient), free(m.shift_gradient), free(m.kept);
    free(again.x_gradient), free(again.scale_gradient), free(again.shift_gradient);
}

int main(void) {
    for (int round = 0; round < 400; round++) {
        check_forward(round % 2 ? MK_FLOAT32 : MK_BFLOAT16);
        check_backward(round % 2 ? MK_FLOAT32 : MK_BFLOAT16);
    }
    return finish_checks("batch normalisation");
}
