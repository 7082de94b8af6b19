#include <math.h>
#include <string.h>

#include "matmul_clones.h"
#include "matmul_core.h"
#include "mk_losses.h"
#include "mk_parallel.h"
#include "tile_math.h"

/// Exponentials worth a chunk of their own.
enum { CHUNK = 8192 };

typedef struct {
    const mk_cross_entropy *shape;
    bool averages;
    const float *logits, *cotangent;
    const int64_t *labels;
    float *losses, *gradient;
} job;

/// Computed side by side: classes of one row, summed in LANES sums until the end so that sums do not stand in the way of vector
/// code; or rows, where there are no more than FEW classes.
enum { LANES = 16, FEW = 64 };

/// The LANES classes of a row from `first` on, `padding` behind its end.
TILE_INLINE void row_lanes(
    const float *x, int64_t first, int64_t n, float padding, float *lanes) {
    if (first + LANES <= n) {
        memcpy(lanes, x + first, sizeof(float) * LANES);
        return;
    }
    for (int l = 0; l < LANES; l++) lanes[l] = padding;
    for (int64_t l = 0; l < n - first; l++) lanes[l] = x[first + l];
}

TILE_INLINE float larger(float x, float y) { return x > y || x != x ? x : y; }

/// 0 for an infinite one, so that x - max is no NaN of its own making.
TILE_INLINE float finite_shift(float largest) { return largest == INFINITY || largest == -INFINITY ? 0.0f : largest; }

/// The largest element of a row, NaN where there is one.
TILE_INLINE float row_shift(const float *x, int64_t n) {
    float largest[LANES], lanes[LANES];
    for (int l = 0; l < LANES; l++) largest[l] = -INFINITY;
    for (int64_t i = 0; i < n; i += LANES) {
        row_lanes(x, i, n, -INFINITY, lanes);
        for (int l = 0; l < LANES; l++) largest[l] = larger(lanes[l], largest[l]);
    }
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) largest[l] = larger(largest[l + width], largest[l]);
    return finite_shift(largest[0]);
}

TILE_INLINE float sum_of_lanes(float *lanes) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

/// Σ e^(x - shift), and each term of it in `powers` where that is not NULL.
TILE_INLINE float row_powers(const float *x, int64_t n, float shift, float *powers) {
    float sums[LANES] = {0}, lanes[LANES];
    for (int64_t i = 0; i < n; i += LANES) {
        row_lanes(x, i, n, -INFINITY, lanes);
        for (int l = 0; l < LANES; l++) {
            lanes[l] = tile_exp(lanes[l] - shift);
            sums[l] += lanes[l];
        }
        if (powers) memcpy(powers + i, lanes, sizeof(float) * (size_t)mk_min64(LANES, n - i));
    }
    return sum_of_lanes(sums);
}

TILE_INLINE float target_sum(const mk_cross_entropy *s, float low_sum, float labelled) {
    return low_sum + (s->high - s->low) * labelled;
}

static MK_CLONES float row_loss(const mk_cross_entropy *s, const float *x, int64_t label) {
    const int64_t n = s->classes;
    if (label < 0 || label >= n) return NAN;
    const float shift = row_shift(x, n), powers = row_powers(x, n, shift, NULL);
    float sums[LANES] = {0}, lanes[LANES];
    // A smoothing of 0 must not meet an infinite logit.
    for (int64_t i = 0; s->low != 0 && i < n; i += LANES) {
        row_lanes(x, i, n, shift, lanes);
        for (int l = 0; l < LANES; l++) sums[l] += s->low * (lanes[l] - shift);
    }
    return tile_log(powers) - target_sum(s, sum_of_lanes(sums), x[label] - shift);
}

static MK_CLONES void row_gradient(const mk_cross_entropy *s, const float *x, int64_t label, float scale, float *to) {
    const int64_t n = s->classes;
    if (label < 0 || label >= n) {
        for (int64_t i = 0; i < n; i++) to[i] = NAN;
        return;
    }
    const float powers = row_powers(x, n, row_shift(x, n), to), labelled = to[label] / powers;
    for (int64_t i = 0; i < n; i++) to[i] = (to[i] / powers - s->low) * scale;
    to[label] = (labelled - s->high) * scale;
}

// MARK: few classes: LANES rows side by side

/// LANES rows turned, [class][row]; rows behind the last are zeros.
TILE_INLINE void turn_rows(const float *x, int64_t rows, int64_t n, float (*turned)[LANES]) {
    for (int64_t c = 0; c < n; c++) {
        for (int l = 0; l < LANES; l++) turned[c][l] = 0;
        for (int64_t l = 0; l < rows; l++) turned[c][l] = x[l * n + c];
    }
}

/// e^(x - max) in x's place, the maxima, and the sums.
TILE_INLINE void raise_rows(float (*x)[LANES], int64_t n, float *shift, float *powers) {
    for (int l = 0; l < LANES; l++) shift[l] = x[0][l], powers[l] = 0;
    for (int64_t c = 1; c < n; c++)
        for (int l = 0; l < LANES; l++) shift[l] = larger(x[c][l], shift[l]);
    for (int l = 0; l < LANES; l++) shift[l] = finite_shift(shift[l]);
    for (int64_t c = 0; c < n; c++)
        for (int l = 0; l < LANES; l++) {
            x[c][l] = tile_exp(x[c][l] - shift[l]);
            powers[l] += x[c][l];
        }
}

static MK_CLONES void few_losses(
    const mk_cross_entropy *s, const float *x, const int64_t *labels, int64_t rows, float *losses) {
    const int64_t n = s->classes;
    float turned[FEW][LANES], shift[LANES], powers[LANES], low[LANES] = {0}, logs[LANES];
    turn_rows(x, rows, n, turned);
    raise_rows(turned, n, shift, powers);
    for (int l = 0; l < LANES; l++) logs[l] = tile_log(powers[l]);
    for (int64_t l = 0; s->low != 0 && l < rows; l++)
        for (int64_t c = 0; c < n; c++) low[l] += s->low * (x[l * n + c] - shift[l]);
    for (int64_t l = 0; l < rows; l++) {
        const bool is_class = labels[l] >= 0 && labels[l] < n;
        losses[l] = is_class ? logs[l] - target_sum(s, low[l], x[l * n + labels[l]] - shift[l]) : NAN;
    }
}

static MK_CLONES void few_gradients(
    const mk_cross_entropy *s, const float *x, const int64_t *labels, int64_t rows, const float *scales, float *to) {
    const int64_t n = s->classes;
    float turned[FEW][LANES], shift[LANES], powers[LANES], scale[LANES] = {0};
    turn_rows(x, rows, n, turned);
    raise_rows(turned, n, shift, powers);
    for (int64_t l = 0; l < rows; l++) scale[l] = scales[l];
    for (int64_t c = 0; c < n; c++)
        for (int l = 0; l < LANES; l++) turned[c][l] = turned[c][l] / powers[l];
    for (int64_t l = 0; l < rows; l++)
        for (int64_t c = 0; c < n; c++)
            to[l * n + c] = labels[l] < 0 || labels[l] >= n
                ? NAN
                : (turned[c][l] - (c == labels[l] ? s->high : s->low)) * scale[l];
}

// MARK: batches

static void losses_of(const mk_cross_entropy *s, const float *x, const int64_t *labels, int64_t rows, float *losses) {
    if (s->classes <= FEW) return few_losses(s, x, labels, rows, losses);
    for (int64_t row = 0; row < rows; row++) losses[row] = row_loss(s, x + row * s->classes, labels[row]);
}

/// Blocks of LANES rows.
static void forward(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    for (int64_t first = begin * LANES; first < end * LANES && first < j->shape->rows; first += LANES) {
        const int64_t rows = mk_min64(LANES, j->shape->rows - first);
        losses_of(j->shape, j->logits + first * j->shape->classes, j->labels + first, rows, j->losses + first);
    }
}

static void backward(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const int64_t classes = j->shape->classes;
    for (int64_t first = begin * LANES; first < end * LANES && first < j->shape->rows; first += LANES) {
        const int64_t rows = mk_min64(LANES, j->shape->rows - first);
        float scales[LANES];
        for (int64_t l = 0; l < rows; l++)
            scales[l] = j->averages ? j->cotangent[0] / (float)j->shape->rows : j->cotangent[first + l];
        const float *x = j->logits + first * classes;
        float *to = j->gradient + first * classes;
        if (classes <= FEW) {
            few_gradients(j->shape, x, j->labels + first, rows, scales, to);
            continue;
        }
        for (int64_t l = 0; l < rows; l++)
            row_gradient(j->shape, x + l * classes, j->labels[first + l], scales[l], to + l * classes);
    }
}

static void run_blocks(const job *j, void (*body)(void *, int64_t, int64_t)) {
    if (j->shape->classes == 0) return;
    const int64_t blocks = mk_ceil_div(j->shape->rows, LANES);
    mk_parallel_for(blocks, 1 + CHUNK / (LANES * j->shape->classes), body, (void *)j);
}

void mk_cross_entropy_forward(
    const mk_cross_entropy *shape, bool averages, const float *logits, const int64_t *labels, float *losses) {
    if (shape->classes == 0) {
        // No label is a class.
        for (int64_t row = 0; row < (averages ? 1 : shape->rows); row++) losses[row] = NAN;
        return;
    }
    if (averages) {
        // Rows are added in order: the mean is the same for any number of threads.
        double sum = 0;
        float block[LANES];
        for (int64_t first = 0; first < shape->rows; first += LANES) {
            const int64_t rows = mk_min64(LANES, shape->rows - first);
            losses_of(shape, logits + first * shape->classes, labels + first, rows, block);
            for (int64_t row = 0; row < rows; row++) sum += block[row];
        }
        losses[0] = (float)(sum / (double)shape->rows);
        return;
    }
    const job j = {.shape = shape, .logits = logits, .labels = labels, .losses = losses};
    run_blocks(&j, forward);
}

void mk_cross_entropy_backward(
    const mk_cross_entropy *shape, bool averages, const float *logits, const int64_t *labels, const float *cotangent,
    float *gradient) {
    const job j = {shape, averages, logits, cotangent, labels, NULL, gradient};
    run_blocks(&j, backward);
}
