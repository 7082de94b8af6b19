// Times of the engine on the products of a small network and the convolutions of another, by layout; see dnnl_check.c.
#include <time.h>

#include "dnnl_check.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/// Zeros for every operand: what is in memory otherwise may be denormal, and slow.
static void allocate(const ce_operation *op, int slots, void **memory) {
    for (int slot = 0; slot < slots; slot++) {
        const ce_layout *layout = ce_operation_layout(op, slot);
        memory[slot] = layout ? memory_for(ce_layout_bytes(layout)) : NULL;
        if (layout) memset(memory[slot], 0, ce_layout_bytes(layout));
    }
}

/// Time of a run in microseconds: the quickest tenth's slowest over about a fifth of a second, for whoever else runs
/// on the machine makes regions wait.
static double time_of(ce_operation *op, int slots) {
    enum { MAX_RUNS = 2000 };
    static double times[MAX_RUNS];
    void *memory[11];
    allocate(op, slots, memory);
    void *scratchpad = memory_for(ce_operation_scratchpad_bytes(op));
    for (int i = 0; i < 5; i++) must(ce_operation_run(op, memory, scratchpad));
    int runs = 0;
    for (const double start = now(); runs < MAX_RUNS && now() - start < 2e5; runs++) {
        const double before = now();
        must(ce_operation_run(op, memory, scratchpad));
        times[runs] = now() - before;
    }
    for (int slot = 0; slot < slots; slot++) free(memory[slot]);
    free(scratchpad);
    qsort(times, (size_t)runs, sizeof *times, by_size);
    return times[runs / 10];
}

// MARK: products

static void time_product(int64_t m, int64_t k, int64_t n, int dtype) {
    static const char *const names[] = {"B plain", "B transposed", "B packed", "A transposed"};
    printf("%s product %lldx%lldx%lld:", dtype == CE_FLOAT32 ? "f32 " : "bf16", (long long)m, (long long)k,
        (long long)n);
    for (int way = 0; way < 4; way++) {
        ce_matmul p = {.m = m, .n = n, .k = k, .a_row = k, .a_column = 1, .b_row = n, .b_column = 1, .c_row = n};
        p.dtype = p.c_dtype = dtype;
        if (way == 1) p.b_row = 1, p.b_column = k;
        if (way == 2) p.b_format.kind = CE_FORMAT_ANY;
        if (way == 3) p.a_row = 1, p.a_column = m;
        ce_operation *op;
        if (ce_matmul_make(&p, &op) != CE_OK) {
            printf("  %s: none", names[way]);
            continue;
        }
        const double time = time_of(op, CE_MATMUL_SLOTS);
        printf("  %s %.1f us (%.0f GFLOP/s, %s)", names[way], time, 2e-3 * (double)(m * n * k) / time,
            ce_operation_implementation(op));
        ce_operation_free(op);
    }
    printf("\n");
}

// MARK: convolutions

/// How a network's activations live, and what the convolutions are asked for.
typedef enum { WAY_PLAIN, WAY_BLOCKED, WAY_ANY, WAYS } way_kind;
static const char *const way_names[] = {"plain", "nChw16c", "any"};

/// Microseconds of one convolution in one direction: the kernel, and the reorders that its operands need.
typedef struct {
    double kernel, activations, weights;
} cost;

static double reorder_time(const ce_operation *op, int slot, bool to_plain) {
    const ce_layout *layout = ce_operation_layout(op, slot);
    if (!layout || ce_layout_is_plain(layout)) return 0;
    ce_layout *plain;
    ce_operation *reorder;
    must(ce_layout_make_plain_like(layout, -1, &plain));
    must(to_plain ? ce_reorder_make(layout, plain, &reorder) : ce_reorder_make(plain, layout, &reorder));
    const double time = time_of(reorder, 2);
    ce_operation_free(reorder);
    ce_layout_free(plain);
    return time;
}

static ce_convolution problem(int64_t in, int64_t out, int64_t size, int direction, way_kind way, int dtype) {
    ce_convolution p = {.direction = direction, .rank = 2, .batch = 128, .groups = 1, .in_channels = in};
    p.out_channels = out;
    for (int i = 0; i < 2; i++) {
        p.input[i] = size, p.kernel[i] = 3, p.output[i] = size - 2;
        p.stride[i] = p.dilation[i] = 1;
    }
    p.source_dtype = p.destination_dtype = p.weights_dtype = p.bias_dtype = dtype;
    p.has_bias = direction != CE_CONVOLUTION_BACKWARD_DATA;
    static const ce_format_kind kinds[] = {CE_FORMAT_PLAIN, CE_FORMAT_BLOCKED16, CE_FORMAT_ANY};
    // One channel is taken as it is: its blocks would be fifteen parts zeros.
    p.source_format.kind = in == 1 && way == WAY_BLOCKED ? CE_FORMAT_PLAIN : kinds[way];
    p.destination_format.kind = kinds[way];
    p.weights_format.kind = CE_FORMAT_ANY;
    return p;
}

static cost time_convolution(int64_t in, int64_t out, int64_t size, int direction, way_kind way, int dtype) {
    const ce_convolution p = problem(in, out, size, direction, way, dtype);
    ce_operation *op;
    if (ce_convolution_make(&p, &op) != CE_OK) {
        printf("    %-8s none: %s\n", way_names[way], ce_message());
        return (cost){0, 0, 0};
    }
    cost c = {.kernel = time_of(op, CE_CONVOLUTION_SLOTS)};
    const double source = reorder_time(op, CE_CONVOLUTION_SOURCE, direction == CE_CONVOLUTION_BACKWARD_DATA);
    const double destination = reorder_time(op, CE_CONVOLUTION_DESTINATION, direction == CE_CONVOLUTION_FORWARD);
    c.weights = reorder_time(op, CE_CONVOLUTION_WEIGHTS, direction == CE_CONVOLUTION_BACKWARD_WEIGHTS);
    // Blocked activations stay blocked from one operation to the next.
    c.activations = way == WAY_BLOCKED ? 0 : source + destination;
    const double work = 2.0 * 9 * 128 * (double)(in * out * (size - 2) * (size - 2));
    char text[200];
    ce_layout_describe(ce_operation_layout(op, CE_CONVOLUTION_WEIGHTS), text, sizeof text);
    printf("    %-8s %8.1f us (%4.0f GFLOP/s, %s), reorders: source %.1f, destination %.1f, weights %.1f [%s]\n",
        way_names[way], c.kernel, work * 1e-3 / c.kernel, ce_operation_implementation(op), source, destination,
        c.weights, text);
    ce_operation_free(op);
    return c;
}

static double time_pooling(int64_t channels, int64_t size, bool backward, ce_format_kind format, int dtype) {
    ce_pooling p = {.rank = 2, .kind = CE_POOLING_MAX, .batch = 128, .channels = channels, .dtype = dtype};
    p.training = true, p.backward = backward, p.format.kind = format;
    for (int i = 0; i < 2; i++) {
        p.input[i] = size, p.output[i] = size / 2;
        p.kernel[i] = p.stride[i] = 2, p.dilation[i] = 1;
    }
    ce_operation *op;
    must(ce_pooling_make(&p, &op));
    const double time = time_of(op, CE_POOLING_SLOTS);
    ce_operation_free(op);
    return time;
}

static void time_network(int dtype) {
    static const char *const names[] = {"forward", "input gradient", "weight gradient"};
    static const struct {
        int64_t in, out, size;
    } layers[] = {{1, 32, 28}, {32, 64, 13}};
    double total[WAYS] = {0}, kernels[WAYS] = {0};
    for (int layer = 0; layer < 2; layer++)
        for (int direction = 0; direction < 3; direction++) {
            printf("  %s convolution 128x%lldx%lldx%lld to %lld channels, 3x3, %s\n",
                dtype == CE_FLOAT32 ? "f32" : "bf16", (long long)layers[layer].in, (long long)layers[layer].size,
                (long long)layers[layer].size, (long long)layers[layer].out, names[direction]);
            // The images' gradient is wanted by nobody; it is timed, not counted.
            const bool counts = layer == 1 || direction != CE_CONVOLUTION_BACKWARD_DATA;
            for (way_kind way = 0; way < WAYS; way++) {
                const cost c = time_convolution(
                    layers[layer].in, layers[layer].out, layers[layer].size, direction, way, dtype);
                if (counts) kernels[way] += c.kernel;
                if (counts) total[way] += c.kernel + c.activations + c.weights;
            }
        }
    for (int blocked = 0; blocked < 2; blocked++) {
        const ce_format_kind format = blocked ? CE_FORMAT_BLOCKED16 : CE_FORMAT_PLAIN;
        const double first = time_pooling(32, 26, false, format, dtype);
        const double first_back = time_pooling(32, 26, true, format, dtype);
        const double second = time_pooling(64, 11, false, format, dtype);
        const double second_back = time_pooling(64, 11, true, format, dtype);
        printf("  maximum pooling 2x2 %s: 32x26x26 %.1f us and back %.1f, 64x11x11 %.1f and back %.1f\n",
            blocked ? "nChw16c" : "plain", first, first_back, second, second_back);
        const double sum = first + first_back + second + second_back;
        total[WAY_BLOCKED] += blocked ? sum : 0;
        total[WAY_PLAIN] += blocked ? 0 : sum, total[WAY_ANY] += blocked ? 0 : sum;
    }
    // The blocked network leaves its blocks once forward and enters them once backward, at 64 channels of 5x5.
    const int64_t sizes[] = {128, 64, 5, 5};
    ce_layout *plain, *blocked;
    ce_operation *leave, *enter;
    must(ce_layout_make(CE_FORMAT_PLAIN, dtype, 4, sizes, &plain));
    must(ce_layout_make(CE_FORMAT_BLOCKED16, dtype, 4, sizes, &blocked));
    must(ce_reorder_make(blocked, plain, &leave));
    must(ce_reorder_make(plain, blocked, &enter));
    total[WAY_BLOCKED] += time_of(leave, 2) + time_of(enter, 2);
    ce_operation_free(leave), ce_operation_free(enter);
    ce_layout_free(plain), ce_layout_free(blocked);
    for (way_kind way = 0; way < WAYS; way++)
        printf("  a training step's convolutions and poolings, %-8s %8.1f us, of it %.1f in convolution kernels\n",
            way_names[way], total[way], kernels[way]);
}

/// What a run costs beside the work: a product of two numbers.
static void time_overhead(void) {
    ce_matmul p = {.m = 1, .n = 1, .k = 1, .a_row = 1, .a_column = 1, .b_row = 1, .b_column = 1, .c_row = 1};
    ce_operation *op;
    must(ce_matmul_make(&p, &op));
    float a = 2, b = 3, c = 0;
    void *pointers[] = {&a, &b, &c};
    void *scratchpad = memory_for(ce_operation_scratchpad_bytes(op));
    enum { RUNS = 200000 };
    const double start = now();
    for (int i = 0; i < RUNS; i++) must(ce_operation_run(op, pointers, scratchpad));
    printf("one multiplication (%s): %.3f us a run\n", ce_operation_implementation(op), (now() - start) / RUNS);
    const double begin = now();
    enum { MAKES = 200 };
    for (int i = 0; i < MAKES; i++) {
        ce_operation *again;
        must(ce_matmul_make(&p, &again));
        ce_operation_free(again);
    }
    printf("made again from the engine's cache: %.1f us\n", (now() - begin) / MAKES);
    ce_operation_free(op);
    free(scratchpad);
}

void run_benchmark(void) {
    time_overhead();
    static const int dtypes[] = {CE_FLOAT32, CE_BFLOAT16};
    for (int i = 0; i < 2; i++) {
        time_product(32, 784, 128, dtypes[i]);
        time_product(128, 1600, 128, dtypes[i]);
        time_product(1024, 1024, 1024, dtypes[i]);
    }
    for (int i = 0; i < 2; i++) time_network(dtypes[i]);
}
