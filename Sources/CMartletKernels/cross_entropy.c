#include <math.h>

#include "matmul_clones.h"
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

/// The largest element of a row, NaN where there is one; 0 for an infinite one, so that x - max is no NaN of its own making.
static inline float row_shift(const float *x, int64_t n) {
    float largest = x[0];
    for (int64_t i = 1; i < n; i++) largest = x[i] > largest || x[i] != x[i] ? x[i] : largest;
    return isinf(largest) ? 0.0f : largest;
}

static MK_CLONES float row_loss(const mk_cross_entropy *s, const float *x, int64_t label) {
    const int64_t n = s->classes;
    if (label < 0 || label >= n) return NAN;
    const float shift = row_shift(x, n);
    float powers = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        powers += tile_exp(x[i] - shift);
        // A smoothing of 0 must not meet an infinite logit.
        if (s->low != 0) sum += s->low * x[i];
    }
    return tile_log(powers) + shift - (sum + (s->high - s->low) * x[label]);
}

static MK_CLONES void row_gradient(const mk_cross_entropy *s, const float *x, int64_t label, float scale, float *to) {
    const int64_t n = s->classes;
    const float shift = row_shift(x, n);
    float powers = 0;
    for (int64_t i = 0; i < n; i++) {
        to[i] = tile_exp(x[i] - shift);
        powers += to[i];
    }
    if (label < 0 || label >= n) {
        for (int64_t i = 0; i < n; i++) to[i] = NAN;
        return;
    }
    for (int64_t i = 0; i < n; i++) to[i] = (to[i] / powers - (i == label ? s->high : s->low)) * scale;
}

static void forward(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    for (int64_t row = begin; row < end; row++)
        j->losses[row] = row_loss(j->shape, j->logits + row * j->shape->classes, j->labels[row]);
}

static void backward(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const int64_t classes = j->shape->classes;
    for (int64_t row = begin; row < end; row++) {
        const float scale = j->averages ? j->cotangent[0] / (float)j->shape->rows : j->cotangent[row];
        row_gradient(j->shape, j->logits + row * classes, j->labels[row], scale, j->gradient + row * classes);
    }
}

void mk_cross_entropy_forward(
    const mk_cross_entropy *shape, bool averages, const float *logits, const int64_t *labels, float *losses) {
    if (averages) {
        // Rows are added in order: the mean is the same for any number of threads.
        double sum = 0;
        for (int64_t row = 0; row < shape->rows; row++)
            sum += row_loss(shape, logits + row * shape->classes, labels[row]);
        losses[0] = (float)(sum / (double)shape->rows);
        return;
    }
    job j = {.shape = shape, .logits = logits, .labels = labels, .losses = losses};
    mk_parallel_for(shape->rows, 1 + CHUNK / shape->classes, forward, &j);
}

void mk_cross_entropy_backward(
    const mk_cross_entropy *shape, bool averages, const float *logits, const int64_t *labels, const float *cotangent,
    float *gradient) {
    job j = {shape, averages, logits, cotangent, labels, NULL, gradient};
    mk_parallel_for(shape->rows, 1 + CHUNK / shape->classes, backward, &j);
}
