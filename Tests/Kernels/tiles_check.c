// Compares convolutions and their gradients on matrix tiles with the definition in double over random shapes, and one thread with
// several, bit by bit.
#include <sys/mman.h>
#include <unistd.h>

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

/// Random numbers of bfloat16 with a page behind them that nobody may read: loads of tiles are seen by no sanitizer.
static uint16_t *guarded_numbers(int64_t count) {
    const int64_t page = sysconf(_SC_PAGESIZE), bytes = (count * 2 + page - 1) / page * page;
    char *memory = mmap(NULL, (size_t)(bytes + page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(memory + bytes, (size_t)page, PROT_NONE);
    uint16_t *random = random_buffer(MK_BFLOAT16, count), *result = (uint16_t *)(memory + bytes) - count;
    memcpy(result, random, (size_t)count * 2);
    free(random);
    return result;
}

static void free_guarded(uint16_t *numbers, int64_t count) {
    const int64_t page = sysconf(_SC_PAGESIZE), bytes = (count * 2 + page - 1) / page * page;
    munmap((char *)(numbers + count) - bytes, (size_t)(bytes + page));
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

static void check_weight_gradient(const mk_tiles_convolution s) {
    const int64_t in_count = s.batch * s.in_channels * s.in_height * s.in_width;
    const int64_t out_count = s.batch * s.out_channels * s.out_height * s.out_width;
    const int64_t count = s.out_channels * s.in_channels * s.kernel_height * s.kernel_width;
    uint16_t *input = guarded_numbers(in_count), *gradient = guarded_numbers(out_count);
    if (!mk_tiles_has_weight_gradient(&s)) {
        count_check(s.stride_y * s.stride_x > 4, "tiles: a shape that is not taken");
        free_guarded(input, in_count), free_guarded(gradient, out_count);
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
    free_guarded(input, in_count), free_guarded(gradient, out_count), free(workspace), free(result), free(alone), free(rounded);
}

/// An output of the convolution, or an input position's gradient from output gradients `given`; `size` is the sum of sizes.
static double defined(
    const mk_tiles_convolution *s, bool is_gradient, const uint16_t *given, const uint16_t *weights, int64_t n, int64_t channel,
    int64_t y, int64_t x, double *size) {
    double sum = 0;
    *size = 0;
    const int64_t taps = s->kernel_height * s->kernel_width;
    for (int64_t ky = 0; ky < s->kernel_height; ky++)
        for (int64_t kx = 0; kx < s->kernel_width; kx++) {
            int64_t row = y * s->stride_y + ky * s->dilation_y - s->padding_top;
            int64_t column = x * s->stride_x + kx * s->dilation_x - s->padding_left;
            int64_t height = s->in_height, width = s->in_width, channels = s->in_channels;
            if (is_gradient) {
                row = y + s->padding_top - ky * s->dilation_y, column = x + s->padding_left - kx * s->dilation_x;
                if (row % s->stride_y || column % s->stride_x) continue;
                row /= s->stride_y, column /= s->stride_x;
                height = s->out_height, width = s->out_width, channels = s->out_channels;
            }
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            for (int64_t c = 0; c < channels; c++) {
                const int64_t out = is_gradient ? c : channel, in = is_gradient ? channel : c;
                const double product = (double)mk_bf16_to_float(given[((n * height + row) * width + column) * channels + c])
                    * mk_bf16_to_float(weights[(out * s->in_channels + in) * taps + ky * s->kernel_width + kx]);
                sum += product;
                *size += fabs(product);
            }
        }
    return sum;
}

static float *random_floats(int64_t count) {
    float *result = malloc((size_t)count * 4);
    for (int64_t i = 0; i < count; i++) result[i] = (float)random_unit();
    return result;
}

static void check_convolution(const mk_tiles_convolution *s, bool is_gradient) {
    const int64_t given_count = is_gradient ? s->batch * s->out_channels * s->out_height * s->out_width
                                            : s->batch * s->in_channels * s->in_height * s->in_width;
    const int64_t height = is_gradient ? s->in_height : s->out_height, width = is_gradient ? s->in_width : s->out_width;
    const int64_t channels = is_gradient ? s->in_channels : s->out_channels, count = s->batch * height * width * channels;
    if (!(is_gradient ? mk_tiles_has_input_gradient(s) : mk_tiles_has_convolution(s))) {
        count_check(!is_gradient && s->stride_y * s->stride_x > 4, "tiles: a shape that is not taken");
        return;
    }
    uint16_t *given = guarded_numbers(given_count), *residual = random_buffer(MK_BFLOAT16, count);
    uint16_t *weights =
        random_buffer(MK_BFLOAT16, s->in_channels * s->out_channels * s->kernel_height * s->kernel_width);
    void *packed = aligned_alloc(64, (size_t)mk_tiles_weight_bytes(s, is_gradient) + 64);
    float *factor = random_floats(channels), *shift = random_floats(channels);
    uint16_t *result = malloc((size_t)count * 2), *alone = malloc((size_t)count * 2);
    memset(result, 0xFF, (size_t)count * 2);
    mk_tiles_memory m = {.input = given, .weights = packed, .output = result};
    if (random_int(0, 1)) m.shift = shift, m.factor = random_int(0, 1) ? factor : NULL;
    if (random_int(0, 1)) m.residual = residual;
    m.rectifies = random_int(0, 1);
    mk_parallel_set_threads(3);
    mk_tiles_pack_weights(s, is_gradient, weights, packed);
    (is_gradient ? mk_tiles_input_gradient : mk_tiles_run)(s, &m);
    bool passed = true;
    for (int round = 0; round < 200; round++) {
        const int64_t n = random_int(0, s->batch - 1), y = random_int(0, height - 1), x = random_int(0, width - 1);
        const int64_t c = random_int(0, channels - 1), at = ((n * height + y) * width + x) * channels + c;
        double size, wanted = defined(s, is_gradient, given, weights, n, c, y, x, &size);
        if (m.factor) wanted *= factor[c], size *= fabs(factor[c]);
        if (m.shift) wanted += shift[c], size += fabs(shift[c]);
        if (m.residual) wanted += mk_bf16_to_float(residual[at]), size += fabs(mk_bf16_to_float(residual[at]));
        if (m.rectifies && wanted < 0) wanted = 0;
        passed &= fabs(mk_bf16_to_float(result[at]) - wanted) <= fabs(wanted) * 0x1p-8 + bound * size;
    }
    count_check(passed, is_gradient ? "tiles: input gradient" : "tiles: convolution");
    mk_parallel_set_threads(1);
    m.output = alone;
    // A residual in the memory of the output.
    if (m.residual) memcpy(alone, residual, (size_t)count * 2), m.residual = alone;
    (is_gradient ? mk_tiles_input_gradient : mk_tiles_run)(s, &m);
    count_check(!memcmp(alone, result, (size_t)count * 2), "tiles: threads, and residuals in place");
    free_guarded(given, given_count), free(residual), free(weights), free(packed), free(factor), free(shift), free(result), free(alone);
}

int main(void) {
    if (!mk_tiles_are_available()) {
        printf("tiles: skipped, this processor has none\n");
        return 0;
    }
    // Read in place; the last bands have fewer positions than a tile: 1 by 1 over 14 by 14, and over rows of 17.
    const mk_tiles_convolution short_bands[] = {
        {34, 480, 48, 14, 14, 14, 14, 1, 1, 1, 1, 0, 0, 1, 1}, {13, 448, 32, 21, 17, 21, 17, 1, 1, 1, 1, 0, 0, 1, 1}};
    for (int i = 0; i < 2; i++) check_convolution(&short_bands[i], false);
    for (int round = 0; round < 400; round++) {
        const mk_tiles_convolution shape = random_shape();
        check_weight_gradient(shape);
        check_convolution(&shape, false);
        check_convolution(&shape, true);
    }
    printf("tiles: errors relative to the sum of sizes: %.2g\n", largest_error);
    return finish_checks("tiles");
}
