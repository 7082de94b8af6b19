// Compares Winograd's weight gradient with the definition in double over random shapes, for every instruction set, and one thread
// with several, bit by bit.
#include "check_support.h"
#include "matmul_core.h"
#include "mk_parallel.h"
#include "mk_winograd.h"

enum { BLOCK = 16 };

/// Largest error relative to the largest sum of products' sizes in the kernel, of F(2x2, 3x3) and F(4x4, 3x3).
static double largest_error[2];

static const double bounds[2] = {4e-7, 2.4e-6};

static int64_t at(int64_t channels, int64_t height, int64_t width, int64_t n, int64_t c, int64_t y, int64_t x) {
    return (((n * (channels / BLOCK) + c / BLOCK) * height + y) * width + x) * BLOCK + c % BLOCK;
}

static mk_winograd random_shape(int tile) {
    const bool is_wide = !random_int(0, 7), is_long = !random_int(0, 7);
    mk_winograd s = {
        .tile = tile, .batch = random_int(1, is_long ? 12 : 3), .in_channels = BLOCK * random_int(1, is_wide ? 8 : 4),
        .out_channels = BLOCK * random_int(1, is_wide ? 8 : 5), .in_height = random_int(1, is_long ? 40 : 19),
        .in_width = random_int(1, is_long ? 40 : 19), .padding_top = random_int(0, 4), .padding_left = random_int(0, 4)};
    s.out_height = mk_max64(1, s.in_height + s.padding_top + random_int(0, 2) - 2);
    s.out_width = mk_max64(1, s.in_width + s.padding_left + random_int(0, 2) - 2);
    return s;
}

static bool is_right(const mk_winograd *s, const float *input, const float *gradient, const float *result, int64_t o, int64_t i) {
    double sums[9] = {0}, largest = 0;
    for (int k = 0; k < 9; k++) {
        double size = 0;
        for (int64_t n = 0; n < s->batch; n++)
            for (int64_t y = 0; y < s->out_height; y++)
                for (int64_t x = 0; x < s->out_width; x++) {
                    const int64_t row = y + k / 3 - s->padding_top, column = x + k % 3 - s->padding_left;
                    if (row < 0 || row >= s->in_height || column < 0 || column >= s->in_width) continue;
                    const double product =
                        (double)input[at(s->in_channels, s->in_height, s->in_width, n, i, row, column)]
                        * gradient[at(s->out_channels, s->out_height, s->out_width, n, o, y, x)];
                    sums[k] += product;
                    size += fabs(product);
                }
        largest = fmax(largest, size);
    }
    bool passed = true;
    for (int k = 0; k < 9; k++) {
        const double error = fabs(result[(o * s->in_channels + i) * 9 + k] - sums[k]);
        const int four = s->tile == 4;
        if (largest > 0) largest_error[four] = fmax(largest_error[four], error / largest);
        passed &= error <= bounds[four] * largest;
    }
    return passed;
}

static void check(int tile) {
    const mk_winograd s = random_shape(tile);
    const int64_t in_count = s.batch * s.in_channels * s.in_height * s.in_width;
    const int64_t out_count = s.batch * s.out_channels * s.out_height * s.out_width;
    const int64_t count = s.out_channels * s.in_channels * 9;
    float *input = random_buffer(MK_FLOAT32, in_count), *gradient = random_buffer(MK_FLOAT32, out_count);
    for (int64_t i = 0, rectified = random_int(0, 1); i < in_count; i++)
        if (rectified && input[i] < 0) input[i] = 0;
    float *sums = malloc((size_t)mk_winograd_sum_bytes(&s));
    float *result = malloc((size_t)count * sizeof(float)), *alone = malloc((size_t)count * sizeof(float));
    mk_parallel_set_threads(3);
    mk_winograd_weight_gradient(&s, input, gradient, result, sums);
    bool passed = true;
    for (int round = 0; round < 40; round++)
        passed &= is_right(
            &s, input, gradient, result, random_int(0, s.out_channels - 1), random_int(0, s.in_channels - 1));
    count_check(passed, "winograd's weight gradient");
    mk_parallel_set_threads(1);
    mk_winograd_weight_gradient(&s, input, gradient, alone, sums);
    count_check(!memcmp(alone, result, (size_t)count * sizeof(float)), "winograd's weight gradient: threads");
    free(input), free(gradient), free(sums), free(result), free(alone);
}

int main(void) {
    for (int isa = MK_ISA_BASELINE; isa <= MK_ISA_AVX512; isa++) {
        if (mk_gemm_limit_isa(isa) != isa) continue;
        for (int round = 0; round < 60; round++) check(round % 2 ? 4 : 2);
    }
    printf("winograd's weight gradient: errors relative to the sum of sizes: F(2x2) %.2g, F(4x4) %.2g\n", largest_error[0],
        largest_error[1]);
    return finish_checks("winograd's weight gradient");
}
