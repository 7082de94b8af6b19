// Convolution, pooling and batch normalisation of the engine against plain loops; see dnnl_check.c.
#include <pthread.h>

#include "dnnl_check_cases.h"

static const ce_format_kind formats[] = {
    CE_FORMAT_PLAIN, CE_FORMAT_BLOCKED16, CE_FORMAT_ANY, CE_FORMAT_CHANNELS_LAST, CE_FORMAT_BLOCKED8};

static double *zeros(int64_t count) { return calloc((size_t)count, sizeof(double)); }

static int64_t volume(int rank, const int64_t *sizes) {
    int64_t product = 1;
    for (int i = 0; i < rank; i++) product *= sizes[i];
    return product;
}

/// The windows of a random problem: sizes, and which input position each tap of each window meets.
typedef struct {
    int32_t rank;
    int64_t input[3], kernel[3], output[3], stride[3], low[3], high[3], dilation[3];
} windows;

static windows random_windows(bool padding_stays_small) {
    windows w = {.rank = (int32_t)random_int(1, 3)};
    for (int i = 0; i < w.rank; i++) {
        w.kernel[i] = random_int(1, 3), w.stride[i] = random_int(1, 2), w.dilation[i] = random_int(0, 3) ? 1 : 2;
        const int64_t reach = (w.kernel[i] - 1) * w.dilation[i] + 1;
        w.low[i] = random_int(0, padding_stays_small ? w.kernel[i] / 2 : reach - 1);
        w.high[i] = random_int(0, padding_stays_small ? w.kernel[i] / 2 : reach - 1);
        w.input[i] = reach + random_int(0, w.rank == 3 ? 4 : 9);
        w.output[i] = (w.input[i] + w.low[i] + w.high[i] - reach) / w.stride[i] + 1;
    }
    return w;
}

/// Where tap `k` of window `o` falls in an input plane; -1 in the padding.
static int64_t tap_position(const windows *w, int64_t o, int64_t k) {
    int64_t index = 0, step = 1;
    for (int i = w->rank - 1; i >= 0; i--) {
        const int64_t at = o % w->output[i] * w->stride[i] + k % w->kernel[i] * w->dilation[i] - w->low[i];
        if (at < 0 || at >= w->input[i]) return -1;
        index += at * step;
        step *= w->input[i];
        o /= w->output[i], k /= w->kernel[i];
    }
    return index;
}

// MARK: convolution

static ce_convolution random_convolution(const windows *w) {
    ce_convolution p = {.rank = w->rank, .batch = random_int(1, 3), .groups = random_int(0, 4) ? 1 : random_int(2, 4)};
    const bool depthwise = p.groups > 1 && random_int(0, 1);
    p.in_channels = p.groups * (depthwise ? 1 : random_int(1, 20));
    p.out_channels = depthwise ? p.in_channels : p.groups * random_int(1, 36);
    const int dtype = random_int(0, 2) ? CE_FLOAT32 : CE_BFLOAT16;
    p.source_dtype = p.weights_dtype = p.destination_dtype = dtype;
    memcpy(p.input, w->input, sizeof p.input), memcpy(p.kernel, w->kernel, sizeof p.kernel);
    memcpy(p.output, w->output, sizeof p.output), memcpy(p.stride, w->stride, sizeof p.stride);
    memcpy(p.padding_low, w->low, sizeof p.padding_low), memcpy(p.padding_high, w->high, sizeof p.padding_high);
    memcpy(p.dilation, w->dilation, sizeof p.dilation);
    p.source_format.kind = formats[random_int(0, 4)];
    p.destination_format.kind = random_int(0, 2) ? p.source_format.kind : formats[random_int(0, 4)];
    p.weights_format.kind = random_int(0, 2) ? CE_FORMAT_ANY : CE_FORMAT_PLAIN;
    p.bias_dtype = random_int(0, 1) ? dtype : CE_FLOAT32;
    return p;
}

/// Calls `visit` for every product of the convolution, with the indices of its source, weight and destination elements.
static void each_product(
    const ce_convolution *p, const windows *w, void (*visit)(void *, int64_t, int64_t, int64_t), void *context) {
    const int64_t in_plane = volume(p->rank, p->input), out_plane = volume(p->rank, p->output);
    const int64_t taps = volume(p->rank, p->kernel);
    const int64_t in = p->in_channels / p->groups, out = p->out_channels / p->groups;
    for (int64_t row = 0; row < p->batch * p->out_channels; row++) {
        const int64_t n = row / p->out_channels, c = row % p->out_channels;
        for (int64_t o = 0; o < out_plane; o++)
            for (int64_t k = 0; k < taps; k++) {
                const int64_t at = tap_position(w, o, k);
                for (int64_t i = 0; i < in && at >= 0; i++)
                    visit(context, (n * p->in_channels + c / out * in + i) * in_plane + at, (c * in + i) * taps + k,
                        row * out_plane + o);
            }
    }
}

typedef struct {
    double *source, *weights, *destination, *result;
} operands;
static void visit_forward(void *context, int64_t s, int64_t w, int64_t d) {
    const operands *t = context;
    t->result[d] += t->source[s] * t->weights[w];
}
static void visit_data(void *context, int64_t s, int64_t w, int64_t d) {
    const operands *t = context;
    t->result[s] += t->destination[d] * t->weights[w];
}
static void visit_weights(void *context, int64_t s, int64_t w, int64_t d) {
    const operands *t = context;
    t->result[w] += t->source[s] * t->destination[d];
}

static double *as_doubles(int dtype, const void *values, int64_t count) {
    double *result = zeros(count);
    for (int64_t i = 0; i < count; i++) result[i] = load_element(dtype, values, i);
    return result;
}

static void check_convolution(void) {
    const windows w = random_windows(false);
    ce_convolution p = random_convolution(&w);
    p.direction = (int32_t)random_int(0, 2);
    const bool forward = p.direction == CE_CONVOLUTION_FORWARD;
    p.has_bias = p.direction != CE_CONVOLUTION_BACKWARD_DATA && random_int(0, 1);
    p.inference = forward && random_int(0, 1);
    if (forward) p.relu = random_int(0, 1), p.sum_scale = random_int(0, 2) ? 0 : 1;
    // Where bfloat16 is summed up, float32 may take the sum.
    if (forward && random_int(0, 1)) p.destination_dtype = CE_FLOAT32;
    if (p.direction == CE_CONVOLUTION_BACKWARD_WEIGHTS && random_int(0, 1)) p.weights_dtype = CE_FLOAT32;
    ce_operation *op;
    if (!is_made(ce_convolution_make(&p, &op))) return;

    const int64_t out_plane = volume(p.rank, p.output), rows = p.batch * p.out_channels;
    const int64_t counts[] = {p.batch * p.in_channels * volume(p.rank, p.input),
        p.out_channels * (p.in_channels / p.groups) * volume(p.rank, p.kernel), rows * out_plane, p.out_channels};
    const int dtypes[] = {p.source_dtype, p.weights_dtype, p.destination_dtype, p.bias_dtype};
    static const int written[] = {CE_CONVOLUTION_DESTINATION, CE_CONVOLUTION_SOURCE, CE_CONVOLUTION_WEIGHTS};
    const int result = written[p.direction];
    void *plain[4], *memory[4];
    double *values[4], *truth = zeros(counts[result]), *bias_truth = zeros(p.out_channels);
    for (int i = 0; i < 4; i++) {
        plain[i] = random_buffer(dtypes[i], counts[i]);
        values[i] = as_doubles(dtypes[i], plain[i], counts[i]);
        const bool is_used = ce_operation_layout(op, i) != NULL;
        const bool is_read = forward ? i != result || p.sum_scale != 0 : i != result && i != CE_CONVOLUTION_BIAS;
        memory[i] = !is_used ? NULL : is_read ? packed(op, i, plain[i]) : memory_of(op, i);
    }
    operands t = {values[0], values[1], values[2], truth};
    for (int64_t i = 0; forward && i < counts[result]; i++)
        truth[i] = (p.has_bias ? values[3][i / out_plane % p.out_channels] : 0) + p.sum_scale * values[2][i];
    each_product(&p, &w, forward ? visit_forward : result == 0 ? visit_data : visit_weights, &t);
    for (int64_t i = 0; i < counts[result] && p.relu; i++) truth[i] = truth[i] < 0 ? 0 : truth[i];
    for (int64_t i = 0; i < rows * out_plane; i++) bias_truth[i / out_plane % p.out_channels] += values[2][i];

    static const char *const names[] = {"convolution", "input gradient", "weight gradient"};
    must(run(op, memory));
    void *got = unpacked(op, result, memory[result]);
    const double terms = forward || result == 0 ? (double)counts[1] : (double)(p.batch * out_plane);
    compare(names[p.direction], ce_operation_implementation(op), dtypes[result], got, truth, counts[result], terms);
    if (p.has_bias && !forward)
        compare("bias gradient", ce_operation_implementation(op), p.bias_dtype, memory[3], bias_truth, p.out_channels,
            (double)(p.batch * out_plane));
    for (int i = 0; i < 4; i++) free(plain[i]), free(memory[i]), free(values[i]);
    free(truth), free(bias_truth), free(got);
    ce_operation_free(op);
}

// MARK: pooling

static ce_pooling random_pooling(const windows *w) {
    ce_pooling p = {.rank = w->rank, .kind = (int32_t)random_int(0, 2), .batch = random_int(1, 3), .training = true};
    p.channels = random_int(1, 40);
    p.dtype = random_int(0, 2) ? CE_FLOAT32 : CE_BFLOAT16;
    memcpy(p.input, w->input, sizeof p.input), memcpy(p.kernel, w->kernel, sizeof p.kernel);
    memcpy(p.output, w->output, sizeof p.output), memcpy(p.stride, w->stride, sizeof p.stride);
    memcpy(p.padding_low, w->low, sizeof p.padding_low), memcpy(p.padding_high, w->high, sizeof p.padding_high);
    memcpy(p.dilation, w->dilation, sizeof p.dilation);
    do p.format.kind = formats[random_int(0, 4)];
    while (p.format.kind == CE_FORMAT_ANY);
    return p;
}

/// One window's value; adds `slope` times its derivative to `gradient`, and tells where a maximum was.
static double pool(
    const ce_pooling *p, const windows *w, const double *plane, int64_t o, double slope, double *gradient,
    int64_t *index) {
    const int64_t taps = volume(p->rank, p->kernel);
    double sum = 0, largest = -INFINITY;
    int64_t inside = 0;
    for (int64_t k = 0; k < taps; k++) {
        const int64_t at = tap_position(w, o, k);
        if (at < 0) continue;
        inside++, sum += plane[at];
        if (plane[at] > largest) largest = plane[at], *index = at;
    }
    if (p->kind == CE_POOLING_MAX) {
        gradient[*index] += slope;
        return largest;
    }
    const double divisor = (double)(p->kind == CE_POOLING_AVERAGE_INCLUDE_PADDING ? taps : inside);
    for (int64_t k = 0; k < taps; k++) {
        const int64_t at = tap_position(w, o, k);
        if (at >= 0) gradient[at] += slope / divisor;
    }
    return sum / divisor;
}

static void check_pooling(void) {
    const windows w = random_windows(true);
    ce_pooling p = random_pooling(&w), q = p;
    q.backward = true;
    ce_operation *forward, *backward;
    if (!is_made(ce_pooling_make(&p, &forward))) return;
    if (!is_made(ce_pooling_make(&q, &backward))) return;
    const int64_t planes = p.batch * p.channels, in = volume(p.rank, p.input), out = volume(p.rank, p.output);
    void *source = random_buffer(p.dtype, planes * in), *slope = random_buffer(p.dtype, planes * out);
    double *x = as_doubles(p.dtype, source, planes * in), *dy = as_doubles(p.dtype, slope, planes * out);
    double *y = zeros(planes * out), *dx = zeros(planes * in);
    int64_t *places = calloc((size_t)(planes * out), sizeof *places), *got_places = calloc((size_t)(planes * out), 8);
    for (int64_t i = 0; i < planes * out; i++)
        y[i] = pool(&p, &w, x + i / out * in, i % out, dy[i], dx + i / out * in, &places[i]);

    const bool is_max = p.kind == CE_POOLING_MAX;
    void *workspace = is_max ? memory_of(forward, CE_POOLING_WORKSPACE) : NULL;
    void *to[] = {packed(forward, 0, source), memory_of(forward, 1), workspace};
    must(run(forward, to));
    void *back[] = {memory_of(backward, 0), packed(backward, 1, slope), workspace};
    must(run(backward, back));
    void *got_y = unpacked(forward, 1, to[1]), *got_dx = unpacked(backward, 0, back[0]);
    const char *kernel = ce_operation_implementation(forward);
    compare(is_max ? "maximum pooling" : "average pooling", kernel, p.dtype, got_y, y, planes * out, 30);
    // Gradients of windows that overlap are summed in the tensor's own type: some roundings of numbers up to 8.
    const double roundings = p.dtype == CE_BFLOAT16 ? 8000 : 30;
    compare("pooling's gradient", ce_operation_implementation(backward), p.dtype, got_dx, dx, planes * in, roundings);
    if (is_max) {
        must(ce_pooling_indices(&p, forward, workspace, 0, planes / 2, got_places));
        must(ce_pooling_indices(&p, forward, workspace, planes / 2, planes, got_places));
        cases_run++;
        const bool same = memcmp(places, got_places, (size_t)(planes * out) * sizeof *places) == 0;
        if (!same && cases_failed++ < 20) printf("FAILED pooling's indices by %s\n", kernel);
    }
    free(to[0]), free(to[1]), free(back[0]), free(back[1]), free(workspace), free(got_y), free(got_dx);
    free(source), free(slope), free(x), free(dy), free(y), free(dx), free(places), free(got_places);
    ce_operation_free(forward), ce_operation_free(backward);
}

// MARK: batch normalisation

/// What the loops compute for one normalisation, channel by channel.
typedef struct {
    double *x, *dy, *y, *dx, *mean, *variance, *dscale, *dshift;
    float *scale, *shift;
} normalized;

static void normalize(const ce_normalization *p, normalized *t, int64_t plane) {
    const double count = (double)(p->batch * plane);
    for (int64_t c = 0; c < p->channels; c++) {
        const double scale = p->has_scale ? t->scale[c] : 1, shift = p->has_shift ? t->shift[c] : 0;
#define EACH(i)                                                                                                        \
    for (int64_t n = 0; n < p->batch; n++)                                                                             \
        for (int64_t i = (n * p->channels + c) * plane, end = i + plane; i < end; i++)
        if (!p->uses_given_statistics) {
            t->mean[c] = t->variance[c] = 0;
            EACH(i) t->mean[c] += t->x[i] / count;
            EACH(i) t->variance[c] += (t->x[i] - t->mean[c]) * (t->x[i] - t->mean[c]) / count;
        }
        const double factor = 1 / sqrt(t->variance[c] + (double)p->epsilon);
        EACH(i) {
            const double hat = (t->x[i] - t->mean[c]) * factor;
            t->y[i] = hat * scale + shift;
            if (p->relu && t->y[i] <= 0) t->y[i] = 0, t->dy[i] = 0;
            t->dshift[c] += t->dy[i], t->dscale[c] += t->dy[i] * hat;
        }
        EACH(i) {
            const double hat = (t->x[i] - t->mean[c]) * factor;
            const double through = p->uses_given_statistics ? 0 : (t->dshift[c] + hat * t->dscale[c]) / count;
            t->dx[i] = scale * factor * (t->dy[i] - through);
        }
#undef EACH
    }
}

static void check_normalization(void) {
    ce_normalization p = {.training = true, .rank = (int32_t)random_int(0, 3), .epsilon = 1e-3f};
    p.batch = random_int(2, 4), p.channels = random_int(1, 40);
    p.dtype = random_int(0, 2) ? CE_FLOAT32 : CE_BFLOAT16;
    for (int i = 0; i < p.rank; i++) p.size[i] = random_int(1, 7);
    p.has_scale = random_int(0, 3), p.has_shift = random_int(0, 3), p.relu = random_int(0, 1);
    p.training = random_int(0, 3);
    p.uses_given_statistics = !p.training || random_int(0, 3) == 0;
    p.format.kind = p.rank && random_int(0, 1) ? CE_FORMAT_BLOCKED16 : CE_FORMAT_PLAIN;
    ce_normalization q = p;
    q.backward = true;
    ce_operation *forward, *backward;
    q.training = true;
    if (!is_made(ce_normalization_make(&p, &forward)) || !is_made(ce_normalization_make(&q, &backward))) return;
    const int64_t plane = volume(p.rank, p.size), count = p.batch * p.channels * plane, channels = p.channels;
    void *x = random_buffer(p.dtype, count), *dy = random_buffer(p.dtype, count);
    float *mean = random_buffer(CE_FLOAT32, channels), *variance = random_buffer(CE_FLOAT32, channels);
    normalized t = {as_doubles(p.dtype, x, count), as_doubles(p.dtype, dy, count), zeros(count), zeros(count),
        zeros(channels), zeros(channels), zeros(channels), zeros(channels), random_buffer(CE_FLOAT32, channels),
        random_buffer(CE_FLOAT32, channels)};
    for (int64_t c = 0; c < channels; c++) {
        variance[c] = fabsf(variance[c]) + 0.5f;
        t.mean[c] = mean[c], t.variance[c] = variance[c];
    }
    normalize(&p, &t, plane);
    float dscale[40], dshift[40];
    void *workspace = p.relu ? memory_of(backward, CE_NORMALIZATION_WORKSPACE) : NULL;
    void *to[CE_NORMALIZATION_SLOTS] = {
        packed(forward, 0, x), memory_of(forward, 1), mean, variance, t.scale, t.shift, workspace};
    must(run(forward, to));
    void *back[CE_NORMALIZATION_SLOTS] = {to[0], NULL, mean, variance, t.scale, t.shift, workspace,
        memory_of(backward, CE_NORMALIZATION_SOURCE_GRADIENT),
        packed(backward, CE_NORMALIZATION_DESTINATION_GRADIENT, dy), dscale, dshift};
    // Outside training nothing notes what the ReLU let through.
    if (p.training) must(run(backward, back));
    void *got_y = unpacked(forward, 1, to[1]), *got_dx = unpacked(backward, CE_NORMALIZATION_SOURCE_GRADIENT, back[7]);
    const char *name = ce_operation_implementation(forward), *backward_name = ce_operation_implementation(backward);
    const double terms = 300 + (double)(p.batch * plane);
    compare("mean", name, CE_FLOAT32, mean, t.mean, channels, terms);
    compare("variance", name, CE_FLOAT32, variance, t.variance, channels, terms);
    compare("batch normalisation", name, p.dtype, got_y, t.y, count, terms);
    if (p.training) compare("its gradient", backward_name, p.dtype, got_dx, t.dx, count, 10 * terms);
    if (p.training && p.has_scale)
        compare("the scale's gradient", backward_name, CE_FLOAT32, dscale, t.dscale, channels, 10 * terms);
    if (p.training && p.has_shift)
        compare("the shift's gradient", backward_name, CE_FLOAT32, dshift, t.dshift, channels, 10 * terms);
    free(to[0]), free(to[1]), free(back[7]), free(back[8]), free(workspace), free(got_y), free(got_dx);
    free(x), free(dy), free(mean), free(variance), free(t.scale), free(t.shift), free(t.x), free(t.dy);
    free(t.y), free(t.dx), free(t.mean), free(t.variance), free(t.dscale), free(t.dshift);
    ce_operation_free(forward), ce_operation_free(backward);
}

void check_spatial(void) {
    for (int i = 0; i < 900; i++) check_convolution();
    for (int i = 0; i < 300; i++) check_pooling();
    for (int i = 0; i < 200; i++) check_normalization();
}

// MARK: threads

enum { SHARERS = 7, SHARED_SIZE = 32 };

typedef struct {
    ce_operation *operation;
    float value;
    bool holds;
} sharer;

/// Multiplies a matrix of one number with itself, again and again: each element is 32 times its square.
static void *share(void *context) {
    sharer *s = context;
    float a[SHARED_SIZE * SHARED_SIZE], c[SHARED_SIZE * SHARED_SIZE];
    for (int i = 0; i < SHARED_SIZE * SHARED_SIZE; i++) a[i] = s->value;
    s->holds = true;
    for (int turn = 0; turn < 300; turn++) {
        c[5] = -1;
        must(run(s->operation, (void *[]){a, a, c}));
        if (c[5] != SHARED_SIZE * s->value * s->value) s->holds = false;
    }
    return NULL;
}

void check_sharing(void) {
    ce_matmul p = {.m = SHARED_SIZE, .n = SHARED_SIZE, .k = SHARED_SIZE, .a_row = SHARED_SIZE, .a_column = 1,
        .b_row = SHARED_SIZE, .b_column = 1, .c_row = SHARED_SIZE};
    ce_operation *operation;
    must(ce_matmul_make(&p, &operation));
    sharer sharers[SHARERS];
    pthread_t threads[SHARERS];
    for (int i = 0; i < SHARERS; i++) {
        sharers[i] = (sharer){operation, (float)(i + 1), false};
        pthread_create(&threads[i], NULL, share, &sharers[i]);
    }
    for (int i = 0; i < SHARERS; i++) {
        pthread_join(threads[i], NULL);
        cases_run++;
        if (!sharers[i].holds && cases_failed++ < 20) printf("FAILED shared operation in thread %d\n", i);
    }
    ce_operation_free(operation);
}
