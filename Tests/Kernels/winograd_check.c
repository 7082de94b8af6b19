// Compares Winograd's convolution, with all that is folded into it, with the definition in double over random shapes, for every
// instruction set; one thread with several and one image with many, bit by bit; and what a NaN reaches.
#include "check_support.h"
#include "matmul_core.h"
#include "mk_parallel.h"
#include "mk_winograd.h"

enum { BLOCK = 16 };

/// Largest error relative to the largest sum of products' sizes in the tile, of F(2x2, 3x3) and F(4x4, 3x3).
static double largest_error[2];

static const double bounds[2] = {4e-7, 1.2e-6};

typedef struct {
    mk_winograd shape;
    int64_t in_count, out_count;
    float *plain, *transformed;
    mk_winograd_memory memory;
} convolution;

static int64_t in_at(const mk_winograd *s, int64_t n, int64_t c, int64_t y, int64_t x) {
    return (((n * (s->in_channels / BLOCK) + c / BLOCK) * s->in_height + y) * s->in_width + x) * BLOCK + c % BLOCK;
}

static int64_t out_at(const mk_winograd *s, int64_t n, int64_t c, int64_t y, int64_t x) {
    return (((n * (s->out_channels / BLOCK) + c / BLOCK) * s->out_height + y) * s->out_width + x) * BLOCK + c % BLOCK;
}

static convolution random_convolution(int tile) {
    convolution c = {0};
    mk_winograd *s = &c.shape;
    const bool is_wide = !random_int(0, 7);
    *s = (mk_winograd){
        .tile = tile, .batch = random_int(1, 3), .in_channels = BLOCK * random_int(1, is_wide ? 12 : 3),
        .out_channels = BLOCK * random_int(1, is_wide ? 12 : 5), .in_height = random_int(1, 19),
        .in_width = random_int(1, 19), .padding_top = random_int(0, 4), .padding_left = random_int(0, 4),
        .rectifies = random_int(0, 1), .is_gradient = random_int(0, 3) == 0};
    s->out_height = s->in_height + s->padding_top + random_int(0, 2) - 2;
    s->out_width = s->in_width + s->padding_left + random_int(0, 2) - 2;
    if (s->out_height < 1) s->out_height = 1;
    if (s->out_width < 1) s->out_width = 1;
    c.in_count = s->batch * s->in_channels * s->in_height * s->in_width;
    c.out_count = s->batch * s->out_channels * s->out_height * s->out_width;
    c.plain = random_buffer(MK_FLOAT32, s->out_channels * s->in_channels * 9);
    c.transformed = malloc((size_t)mk_winograd_weight_bytes(s));
    mk_winograd_transform(s, c.plain, c.transformed);
    float *input = random_buffer(MK_FLOAT32, c.in_count);
    // What a rectifier gives, half of the time.
    for (int64_t i = 0, rectified = random_int(0, 1); i < c.in_count; i++)
        if (rectified && input[i] < 0) input[i] = 0;
    const bool scaled = random_int(0, 1);
    c.memory = (mk_winograd_memory){
        .input = input, .weights = c.transformed,
        .bias = random_int(0, 1) ? random_buffer(MK_FLOAT32, s->out_channels) : NULL,
        .factor = scaled ? random_buffer(MK_FLOAT32, s->out_channels) : NULL,
        .shift = scaled ? random_buffer(MK_FLOAT32, s->out_channels) : NULL,
        .residual = random_int(0, 1) ? random_buffer(MK_FLOAT32, c.out_count) : NULL,
        .output = malloc((size_t)c.out_count * sizeof(float))};
    return c;
}

static void release(convolution *c) {
    free(c->plain), free(c->transformed), free((void *)c->memory.input), free((void *)c->memory.bias);
    free((void *)c->memory.factor), free((void *)c->memory.shift), free((void *)c->memory.residual);
    free(c->memory.output);
}

/// The sum of an output and the sum of its products' sizes.
static void define(const convolution *c, int64_t n, int64_t o, int64_t y, int64_t x, double *sum, double *size) {
    const mk_winograd *s = &c->shape;
    *sum = *size = 0;
    for (int64_t i = 0; i < s->in_channels; i++)
        for (int64_t k = 0; k < 9; k++) {
            const int64_t row = y + k / 3 - s->padding_top, column = x + k % 3 - s->padding_left;
            if (row < 0 || row >= s->in_height || column < 0 || column >= s->in_width) continue;
            const int64_t kernel = s->is_gradient ? (i * s->out_channels + o) * 9 + 8 - k : (o * s->in_channels + i) * 9 + k;
            const double product = (double)c->plain[kernel] * c->memory.input[in_at(s, n, i, row, column)];
            *sum += product;
            *size += fabs(product);
        }
}

/// True where an output is what its sum says, with an error that the sizes of its tile allow.
static bool is_near(const convolution *c, int64_t o, int64_t at, double truth, double size) {
    const mk_winograd_memory *m = &c->memory;
    const int four = c->shape.tile == 4;
    double slack = bounds[four] * size;
    const bool is_sum = !m->bias && !m->factor && !m->residual;
    if (m->bias) truth += m->bias[o];
    if (m->factor) {
        truth = truth * m->factor[o] + m->shift[o];
        slack *= fabs(m->factor[o]);
    }
    if (m->residual) truth += m->residual[at];
    if (c->shape.rectifies && truth < 0) truth = 0;
    const double error = fabs(m->output[at] - truth);
    if (is_sum && size > 0) largest_error[four] = fmax(largest_error[four], error / size);
    // What follows the sum rounds three times.
    return error <= slack + (is_sum ? 0 : 4e-7 * (2 + fabs(truth)));
}

static bool is_tile_right(const convolution *c, int64_t n, int64_t o, int64_t top, int64_t left) {
    const mk_winograd *s = &c->shape;
    const int64_t tile = s->tile;
    double sums[16], largest = 0;
    // Outputs past the image share the tile's rounding as well.
    for (int64_t i = 0; i < tile * tile; i++) {
        double size;
        define(c, n, o, top + i / tile, left + i % tile, sums + i, &size);
        largest = fmax(largest, size);
    }
    bool passed = true;
    for (int64_t i = 0; i < tile * tile; i++) {
        const int64_t y = top + i / tile, x = left + i % tile;
        if (y < s->out_height && x < s->out_width) passed &= is_near(c, o, out_at(s, n, o, y, x), sums[i], largest);
    }
    return passed;
}

static bool is_right(const convolution *c) {
    const mk_winograd *s = &c->shape;
    bool passed = true;
    for (int64_t n = 0; n < s->batch; n++)
        for (int64_t o = 0; o < s->out_channels; o++)
            for (int64_t top = 0; top < s->out_height; top += s->tile)
                for (int64_t left = 0; left < s->out_width; left += s->tile) passed &= is_tile_right(c, n, o, top, left);
    return passed;
}

/// An image alone has the bits that it has among others, and one thread those of three.
static bool is_the_same_alone(const convolution *c) {
    convolution alone = *c;
    const int64_t image = random_int(0, c->shape.batch - 1), length = c->out_count / c->shape.batch;
    alone.shape.batch = 1;
    alone.memory.input += image * (c->in_count / c->shape.batch);
    if (alone.memory.residual) alone.memory.residual += image * length;
    alone.memory.output = malloc((size_t)length * sizeof(float));
    mk_parallel_set_threads(1);
    mk_winograd_run(&alone.shape, &alone.memory);
    const bool same =
        !memcmp(alone.memory.output, c->memory.output + image * length, (size_t)length * sizeof(float));
    free(alone.memory.output);
    mk_parallel_set_threads(3);
    return same;
}

/// A NaN comes out where its windows are, through the rectifier too, and no other image changes.
static bool keeps_to_its_image(const convolution *c, float bad) {
    const mk_winograd *s = &c->shape;
    const int64_t length = c->out_count / s->batch, image = random_int(0, s->batch - 1);
    const int64_t y = random_int(0, s->out_height - 1), x = random_int(0, s->out_width - 1);
    const int64_t row = y + 1 - s->padding_top, column = x + 1 - s->padding_left;
    if (row < 0 || row >= s->in_height || column < 0 || column >= s->in_width) return true;
    float *input = (float *)c->memory.input + in_at(s, image, random_int(0, s->in_channels - 1), row, column);
    const float kept = *input;
    *input = bad;
    mk_winograd_memory memory = c->memory;
    memory.output = malloc((size_t)c->out_count * sizeof(float));
    mk_winograd_run(s, &memory);
    *input = kept;
    bool passed = true;
    for (int64_t o = 0; o < s->out_channels; o++) passed &= !isfinite(memory.output[out_at(s, image, o, y, x)]);
    for (int64_t n = 0; n < s->batch; n++)
        if (n != image)
            passed &= !memcmp(memory.output + n * length, c->memory.output + n * length, (size_t)length * sizeof(float));
    free(memory.output);
    return passed;
}

int main(void) {
    for (int isa = MK_ISA_BASELINE; isa <= MK_ISA_AVX512; isa++) {
        if (mk_gemm_limit_isa(isa) != isa) continue;
        mk_parallel_set_threads(3);
        for (int round = 0; round < 60; round++) {
            convolution c = random_convolution(round % 2 ? 4 : 2);
            mk_winograd_run(&c.shape, &c.memory);
            count_check(is_right(&c), "winograd");
            count_check(is_the_same_alone(&c), "winograd: images and threads");
            count_check(keeps_to_its_image(&c, NAN), "winograd: a NaN");
            release(&c);
        }
    }
    printf("winograd: errors relative to the sum of sizes: F(2x2) %.2g, F(4x4) %.2g\n", largest_error[0], largest_error[1]);
    return finish_checks("winograd");
}
