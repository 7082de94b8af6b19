// Checks the kernels for pictures against plain loops over random sizes, and that no map and no size makes them read elsewhere.
// scripts/test-kernels builds and runs it.
#include "check_support.h"
#include "mk_image.h"

static const int types[] = {MK_UINT8, MK_FLOAT32};

typedef struct {
    void *memory;
    /// Samples that the memory has.
    int64_t count;
    mk_image_view view;
} picture;

/// A part of a larger picture, in memory that ends with it.
static picture random_picture(int dtype) {
    const int64_t planes = random_int(1, 4), height = random_int(1, 30), width = random_int(1, 40);
    const int64_t row_stride = width + random_int(0, 5), plane_stride = height * row_stride + random_int(0, 9);
    const int64_t count = (planes - 1) * plane_stride + (height - 1) * row_stride + width;
    void *memory = malloc((size_t)(count * size_of(dtype)));
    for (int64_t i = 0; i < count; i++)
        store_element(dtype, memory, i, dtype == MK_UINT8 ? (double)random_int(0, 255) : (double)random_int(0, 1000) / 1000);
    return (picture){memory, count, {memory, planes, height, width, plane_stride, row_stride}};
}

static double at(int dtype, const mk_image_view *view, int64_t plane, int64_t y, int64_t x) {
    return load_element(dtype, view->data, plane * view->plane_stride + y * view->row_stride + x);
}

static int64_t clamp(int64_t i, int64_t size) { return i < 0 ? 0 : i >= size ? size - 1 : i; }

/// A sample of a picture resized by the triangle, summed over the whole picture at once.
static double triangle_sample(
    int dtype, const mk_image_view *view, int64_t plane, double y, double x, double stretch_y, double stretch_x) {
    double sum = 0, total = 0;
    for (int64_t i = 0; i < view->height; i++) {
        const double down = 1 - fabs(((double)i + 0.5 - y) / stretch_y);
        if (down <= 0) continue;
        for (int64_t j = 0; j < view->width; j++) {
            const double across = 1 - fabs(((double)j + 0.5 - x) / stretch_x);
            if (across <= 0) continue;
            sum += down * across * at(dtype, view, plane, i, j);
            total += down * across;
        }
    }
    return sum / total;
}

static void check_resize(int dtype) {
    picture p = random_picture(dtype);
    const int64_t height = random_int(1, 40), width = random_int(1, 50), count = p.view.planes * height * width;
    void *got = malloc((size_t)(count * size_of(dtype)));
    bool passed = mk_image_resize(dtype, p.view, height, width, MK_IMAGE_BILINEAR, true, got);
    const double down = (double)p.view.height / (double)height, across = (double)p.view.width / (double)width;
    // Two roundings to whole levels, and weights of 15 bits.
    const double tolerance = dtype == MK_UINT8 ? 1.6 : 1e-4;
    for (int64_t i = 0; i < count; i++) {
        const int64_t x = i % width, y = i / width % height, plane = i / (width * height);
        const double wanted = triangle_sample(
            dtype, &p.view, plane, ((double)y + 0.5) * down, ((double)x + 0.5) * across, down > 1 ? down : 1,
            across > 1 ? across : 1);
        passed &= fabs(load_element(dtype, got, i) - wanted) <= tolerance;
    }
    count_check(passed, "antialiased resize");
    // Every filter: of a picture of one value that value comes out.
    const double one = dtype == MK_UINT8 ? 200 : 0.75;
    for (int64_t i = 0; i < p.count; i++) store_element(dtype, p.memory, i, one);
    passed = true;
    for (int filter = MK_IMAGE_NEAREST; filter <= MK_IMAGE_LANCZOS; filter++) {
        passed &= mk_image_resize(dtype, p.view, height, width, (mk_image_filter)filter, random_int(0, 1), got);
        for (int64_t i = 0; i < count; i++)
            passed &= fabs(load_element(dtype, got, i) - one) <= (dtype == MK_UINT8 ? 1 : 1e-5);
    }
    count_check(passed, "resize of one value");
    free(got), free(p.memory);
}

/// Bilinear maps of random kinds, among them some that lead nowhere, against the definition.
static void check_warp(int dtype) {
    picture p = random_picture(dtype);
    const int64_t height = random_int(1, 30), width = random_int(1, 30), count = p.view.planes * height * width;
    void *got = malloc((size_t)(count * size_of(dtype)));
    float *field = malloc((size_t)(2 * height * width) * sizeof(float)), fill[4] = {1, 2, 3, 4};
    mk_image_map map = {.kind = (mk_image_map_kind)random_int(0, 2), .field = field};
    for (int i = 0; i < 8; i++) map.coefficients[i] = (float)random_int(-200, 200) / 50;
    const bool is_wild = random_int(0, 3) == 0;
    for (int64_t i = 0; i < 2 * height * width; i++) field[i] = is_wild ? 1e30f : (float)random_int(-100, 100) / 100;
    if (is_wild) {
        map.coefficients[random_int(0, 7)] = random_int(0, 1) ? NAN : INFINITY;
        field[random_int(0, (int)(2 * height * width) - 1)] = NAN;
    }
    for (int bilinear = 0; bilinear < 2; bilinear++) {
        bool passed = mk_image_warp(dtype, p.view, height, width, &map, bilinear, random_int(0, 1) ? fill : NULL, got);
        for (int64_t i = 0; i < count && dtype == MK_FLOAT32; i++) {
            const double v = load_element(dtype, got, i);
            passed &= v >= 0 && v <= 4.001;
        }
        count_check(passed, "warp stays in the picture's range");
    }
    // Moved by whole samples, samples come out unchanged, 0 outside.
    const int dx = random_int(-5, 5), dy = random_int(-5, 5);
    mk_image_map moved = {.kind = MK_IMAGE_AFFINE, .coefficients = {1, 0, (float)dx, 0, 1, (float)dy}};
    void *same = malloc((size_t)(p.view.planes * p.view.height * p.view.width * size_of(dtype)));
    bool passed = mk_image_warp(dtype, p.view, p.view.height, p.view.width, &moved, random_int(0, 1), NULL, same);
    for (int64_t i = 0; i < p.view.planes * p.view.height * p.view.width; i++) {
        const int64_t x = i % p.view.width + dx, y = i / p.view.width % p.view.height + dy;
        const int64_t plane = i / (p.view.width * p.view.height);
        const bool inside = x >= 0 && x < p.view.width && y >= 0 && y < p.view.height;
        passed &= fabs(load_element(dtype, same, i) - (inside ? at(dtype, &p.view, plane, y, x) : 0)) <= (dtype == MK_UINT8 ? 0 : 1e-4);
    }
    count_check(passed, "warp by whole samples");
    free(got), free(same), free(field), free(p.memory);
}

static void check_placing(int dtype) {
    picture p = random_picture(dtype);
    const int64_t size = p.view.height * p.view.width, count = p.view.planes * size;
    void *flipped = malloc((size_t)(count * size_of(dtype))), *turned = malloc((size_t)(count * size_of(dtype)));
    mk_image_flip(dtype, p.view, flipped);
    mk_image_transpose(dtype, p.view, turned);
    bool passed = true;
    for (int64_t i = 0; i < count; i++) {
        const int64_t x = i % p.view.width, y = i / p.view.width % p.view.height, plane = i / size;
        passed &= load_element(dtype, flipped, i) == at(dtype, &p.view, plane, y, p.view.width - 1 - x);
        passed &= load_element(dtype, turned, plane * size + x * p.view.height + y) == at(dtype, &p.view, plane, y, x);
    }
    count_check(passed, "flip and transpose");
    free(flipped), free(turned), free(p.memory);
}

static void check_blur(int dtype) {
    picture p = random_picture(dtype);
    const int64_t across = 2 * random_int(0, (int)p.view.width - 1) + 1, down = 2 * random_int(0, (int)p.view.height - 1) + 1;
    float *kernels = malloc((size_t)(across + down) * sizeof(float));
    for (int64_t i = 0; i < across + down; i++) kernels[i] = 1.0f / (float)(i < across ? across : down);
    const int64_t size = p.view.height * p.view.width, count = p.view.planes * size;
    void *got = malloc((size_t)(count * size_of(dtype)));
    bool passed = mk_image_blur(dtype, p.view, kernels, across, kernels + across, down, got);
    for (int64_t i = 0; i < count; i++) {
        const int64_t x = i % p.view.width, y = i / p.view.width % p.view.height, plane = i / size;
        double sum = 0;
        for (int64_t a = -(down / 2); a <= down / 2; a++) {
            for (int64_t b = -(across / 2); b <= across / 2; b++) {
                int64_t row = llabs(y + a), column = llabs(x + b);
                if (row >= p.view.height) row = 2 * (p.view.height - 1) - row;
                if (column >= p.view.width) column = 2 * (p.view.width - 1) - column;
                sum += at(dtype, &p.view, plane, clamp(row, p.view.height), clamp(column, p.view.width));
            }
        }
        passed &= fabs(load_element(dtype, got, i) - sum / (double)(across * down)) <= (dtype == MK_UINT8 ? 0.501 : 1e-4);
    }
    mk_image_sharpen(dtype, p.view, (double)random_int(0, 30) / 10, got);
    count_check(passed, "blur");
    free(got), free(kernels), free(p.memory);
}

/// A hue turned and turned back, bytes through tables, bytes as floats and back.
static void check_colors(void) {
    const int64_t count = random_int(1, 300);
    uint8_t *x = malloc((size_t)(3 * count)), *y = malloc((size_t)(3 * count));
    float *floats = malloc((size_t)(3 * count) * sizeof(float)), *turned = malloc((size_t)(3 * count) * sizeof(float));
    for (int64_t i = 0; i < 3 * count; i++) x[i] = (uint8_t)(random_int(0, 4) ? random_int(0, 255) : 255);
    mk_image_to_float(3 * count, x, floats);
    mk_image_to_byte(3 * count, floats, y);
    count_check(memcmp(x, y, (size_t)(3 * count)) == 0, "bytes as floats and back");
    const float turns = (float)random_int(-50, 50) / 100;
    mk_image_turn_hue(MK_FLOAT32, count, floats, turns, turned);
    mk_image_turn_hue(MK_FLOAT32, count, turned, -turns, turned);
    bool passed = true;
    for (int64_t i = 0; i < 3 * count; i++) passed &= fabsf(turned[i] - floats[i]) < 1e-5f;
    count_check(passed, "hue turned and turned back");
    int64_t counts[256], total = 0;
    mk_image_histogram(3 * count, x, counts);
    for (int v = 0; v < 256; v++) total += counts[v];
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += floor(0.2989 * x[i] + 0.587 * x[count + i] + 0.114 * x[2 * count + i] + 1e-5);
    count_check(total == 3 * count && fabs(mk_image_luma_sum(MK_UINT8, count, x) - sum) <= 1 + 1e-3 * (double)count, "sums");
    free(x), free(y), free(floats), free(turned);
}

int main(void) {
    for (int round = 0; round < 300; round++) {
        for (int t = 0; t < 2; t++) {
            check_resize(types[t]);
            check_warp(types[t]);
            check_placing(types[t]);
            check_blur(types[t]);
        }
        check_colors();
    }
    return finish_checks("pictures");
}
