// Compares the weight gradient on matrix tiles with the definition in double over random shapes, and one thread with several,
// bit by bit.
#include "check_support.h"
#include "matmul_core.h"
#include "mk_parallel.h"
#include "mk_tiles.h"

/// Largest error relative to the sum of the products' sizes.
static double largest_error;
/// Sums of float32 in some order: 2^-24 for each doubling of the terms, and the processor's tiles flush denormals.
static const double bound = 1e-6;

static mk_tiles_convolution random_shape(void) {
    const bool is_wide = !random_int(0, 5), is_large = !random_int(0, 5);
    mk_tiles_convolution s = {
        .batch = random_int(1, is_large ? 9 : 3), .in_channels = 16 * random_int(1, is_wide ? 9 : 4),
        .out_channels = 16 * random_int(1, is_wide ? 40 : 4), .in_height = random_int(1, is_large ? 40 : 12),
        .in_width = random_int(1, is_large ? 40 : 12), .kernel_height = random_int(1, 4), .kernel_width = random_int(1, 4),
        .stride_y = random_int(1, 3), .stride_x = random_int(1, 3), .padding_top = random_int(0, 4),
        .padding_left = random_int(0, 4), .dilation_y = random_int(1, 3), .dilation_x = random_int(1, 3)};
    if (random_int(0, 1)) s.stride_y = s.stride_x = s.dilation_y = s.dilation_x = 1;
    if (!random_int(0, 3)) s.kernel_height = s.kernel_width = 1, s.padding_top = s.padding_left = 0;
    const int64_t reach_y = (s.kernel_height - 1) * s.dilation_y + 1, reach_x = (s.kernel_width - 1) * s.dilation_x + 1;
    s.out_height = mk_max64(1, (s.in_height + s.padding_top + random_int(0, 4) - reach_y) / s.stride_y + 1);
    s.out_width = mk_max64(1, (s.in_width + s.padding_left + random_int(0, 4) - reach_x) / s.stride_x + 1);
    return s;
}

static bool is_right(
    const mk_tiles_convolution *s, const uint16_t *input, const uint16_t *gradient, const float *result, int64_t o, int64_t c,
    int64_t ky, int64_t kx) {
    double sum = 0, size = 0;
    for (int64_t n = 0; n < s->batch; n++)
        for (int64_t y = 0; y < s->out_height; y++)
            for (int64_t x = 0; x < s->out_width; x++) {
                const int64_t row = y * s->stride_y + ky * s->dilation_y - s->padding_top;
                const int64_t column = x * s->stride_x + kx * s->dilation_x - s->padding_left;
                if (row < 0 || row >= s->in_height || column < 0 || column >= s->in_width) continue;
                const double product =
                    (double)mk_bf16_to_float(input[((n * s->in_height + row) * s->in_width + column) * s->in_channels + c])
                    * mk_bf16_to_float(gradient[((n * s->out_height + y) * s->out_width + x) * s->out_channels + o]);
                sum += product;
                size += fabs(product);
            }
    const double got = result[((o * s->in_channels + c) * s->kernel_height + ky) * s->kernel_width + kx];
    if (size > 0) largest_error = fmax(largest_error, fabs(got - sum) / size);
    return fabs(got - sum) <= bound * size;
}

static void check(void) {
    const mk_tiles_convolution s = random_shape();
    const int64_t in_count = s.batch * s.in_channels * s.in_height * s.in_width;
    const int64_t out_count = s.batch * s.out_channels * s.out_height * s.out_width;
    const int64_t count = s.out_channels * s.in_channels * s.kernel_height * s.kernel_width;
    uint16_t *input = random_buffer(MK_BFLOAT16, in_count), *gradient = random_buffer(MK_BFLOAT16, out_count);
    if (!mk_tiles_has_weight_gradient(&s)) {
        count_check(s.stride_y * s.stride_x > 4, "tiles: a shape that is not taken");
        free(input), free(gradient);
        return;
    }
    const int64_t bytes = (mk_tiles_weight_gradient_bytes(&s) + 63) / 64 * 64;
    void *workspace = aligned_alloc(64, (size_t)bytes);
    memset(workspace, 0xFF, (size_t)bytes);  // NaN everywhere
    float *result = malloc((size_t)count * 4), *alone = malloc((size_t)count * 4);
    uint16_t *rounded = malloc((size_t)count * 2);
    mk_parallel_set_threads(3);
    mk_tiles_weight_gradient(&s, input, gradient, true, result, workspace);
    bool passed = true;
    for (int round = 0; round < 60; round++)
        passed &= is_right(
            &s, input, gradient, result, random_int(0, s.out_channels - 1), random_int(0, s.in_channels - 1),
            random_int(0, s.kernel_height - 1), random_int(0, s.kernel_width - 1));
    count_check(passed, "tiles: weight gradient");
    mk_tiles_weight_gradient(&s, input, gradient, false, rounded, workspace);
    bool is_rounded = true;
    for (int64_t i = 0; i < count; i++) is_rounded &= rounded[i] == mk_float_to_bf16(result[i]);
    count_check(is_rounded, "tiles: weight gradient in bfloat16");
    mk_parallel_set_threads(1);
    mk_tiles_weight_gradient(&s, input, gradient, true, alone, workspace);
    count_check(!memcmp(alone, result, (size_t)count * 4), "tiles: weight gradient, threads");
    free(input), free(gradient), free(workspace), free(result), free(alone), free(rounded);
}

int main(void) {
    if (!mk_tiles_are_available()) {
        printf("tiles: skipped, this processor has none\n");
        return 0;
    }
    for (int round = 0; round < 400; round++) check();
    printf("tiles: errors relative to the sum of sizes: %.2g\n", largest_error);
    return finish_checks("tiles");
}
