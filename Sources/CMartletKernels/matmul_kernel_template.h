// Micro-kernels and packing for one element type and one instruction set. Included with these macros defined:
// MK_T element type, MK_BYTES bytes a vector, MK_ROWS rows of the tallest kernel (14, 6, 4 or 8), MK_K_BLOCK steps of a
// block, MK_TARGET function attribute, MK_N(name) name mangling, MK_TABLE name of the table defined.

typedef MK_T MK_N(vector) __attribute__((vector_size(MK_BYTES), aligned(sizeof(MK_T)), may_alias));

enum { MK_N(lanes) = MK_BYTES / sizeof(MK_T) };

/// The body of every kernel: `rows`, `vectors` and, when packed, the strides of a are constants at each use, so the
/// accumulators stay in registers.
static inline __attribute__((always_inline)) MK_TARGET void MK_N(multiply)(
    const int rows, const int vectors, int64_t k, const MK_T *a, int64_t a_row, int64_t a_step, const MK_T *b,
    int64_t b_step, MK_T *c, int64_t c_row, bool accumulate, const MK_T *row_bias, const MK_T *column_bias) {
#pragma clang fp contract(fast)
    MK_N(vector) sum[MK_ROWS][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) sum[i][v] = (MK_N(vector)){0};
#pragma clang loop unroll(disable)
    for (int64_t step = 0; step < k; step++) {
        MK_N(vector) right[2];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) right[v] = *(const MK_N(vector) *)(b + v * MK_N(lanes));
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const MK_T left = a[i * a_row];
#pragma clang loop unroll(full)
            for (int v = 0; v < vectors; v++) sum[i][v] += left * right[v];
        }
        a += a_step;
        b += b_step;
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++) {
            MK_N(vector) *destination = (MK_N(vector) *)(c + i * c_row + v * MK_N(lanes));
            MK_N(vector) value = sum[i][v];
            if (accumulate) value += *destination;
            if (row_bias) value += row_bias[i];
            if (column_bias) value += *(const MK_N(vector) *)(column_bias + v * MK_N(lanes));
            *destination = value;
        }
}

#define MK_KERNEL(ROWS, VECTORS) \
    static MK_TARGET void MK_N(packed_##ROWS##_##VECTORS)( \
        int64_t k, const void *a, int64_t a_row, int64_t a_step, const void *b, int64_t b_step, void *c, int64_t c_row, \
        bool accumulate, const void *row_bias, const void *column_bias) { \
        (void)a_row, (void)a_step; \
        MK_N(multiply)(ROWS, VECTORS, k, a, 1, ROWS, b, b_step, c, c_row, accumulate, row_bias, column_bias); \
    } \
    static MK_TARGET void MK_N(strided_##ROWS##_##VECTORS)( \
        int64_t k, const void *a, int64_t a_row, int64_t a_step, const void *b, int64_t b_step, void *c, int64_t c_row, \
        bool accumulate, const void *row_bias, const void *column_bias) { \
        MK_N(multiply)(ROWS, VECTORS, k, a, a_row, a_step, b, b_step, c, c_row, accumulate, row_bias, column_bias); \
    }
#define MK_KERNELS(ROWS) MK_KERNEL(ROWS, 1) MK_KERNEL(ROWS, 2)

MK_KERNELS(1)
MK_KERNELS(2)
MK_KERNELS(3)
MK_KERNELS(4)
#if MK_ROWS >= 6
MK_KERNELS(5)
MK_KERNELS(6)
#endif
#if MK_ROWS >= 8
MK_KERNELS(7)
MK_KERNELS(8)
#endif
#if MK_ROWS >= 14
MK_KERNELS(9)
MK_KERNELS(10)
MK_KERNELS(11)
MK_KERNELS(12)
MK_KERNELS(13)
MK_KERNELS(14)
#endif

// Lines side by side in memory: every step is a short copy.
static MK_TARGET void MK_N(pack_adjacent)(
    const MK_T *source, int64_t step_stride, int64_t lines, int64_t width, int64_t steps, MK_T *destination) {
    if (lines == 2 * MK_N(lanes) && width == lines) {
        for (int64_t step = 0; step < steps; step++, source += step_stride, destination += width) {
            MK_N(vector) first = *(const MK_N(vector) *)source;
            MK_N(vector) second = *(const MK_N(vector) *)(source + MK_N(lanes));
            *(MK_N(vector) *)destination = first;
            *(MK_N(vector) *)(destination + MK_N(lanes)) = second;
        }
        return;
    }
    for (int64_t step = 0; step < steps; step++, source += step_stride, destination += width) {
        int64_t i = 0;
#pragma clang loop vectorize(disable)
        for (; i < lines; i++) destination[i] = source[i];
#pragma clang loop vectorize(disable)
        for (; i < width; i++) destination[i] = 0;
    }
}

// Steps side by side in memory: squares of eight lines by eight steps (four by four where vectors are short) are turned in
// registers. The last square of lines overlaps the one before rather than leave single lines over.
typedef MK_T MK_N(quad) __attribute__((vector_size(4 * sizeof(MK_T)), aligned(sizeof(MK_T)), may_alias));
typedef MK_T MK_N(octet) __attribute__((vector_size(8 * sizeof(MK_T)), aligned(sizeof(MK_T)), may_alias));

static inline __attribute__((always_inline)) MK_TARGET void MK_N(turn_4)(
    const MK_T *from, int64_t line_stride, MK_T *to, int64_t width) {
    MK_N(quad) row[4], half[4];
    for (int i = 0; i < 4; i++) row[i] = *(const MK_N(quad) *)(from + i * line_stride);
    for (int i = 0; i < 4; i += 2) {
        half[i] = __builtin_shufflevector(row[i], row[i + 1], 0, 4, 1, 5);
        half[i + 1] = __builtin_shufflevector(row[i], row[i + 1], 2, 6, 3, 7);
    }
    for (int i = 0; i < 2; i++) {
        *(MK_N(quad) *)(to + 2 * i * width) = __builtin_shufflevector(half[i], half[i + 2], 0, 1, 4, 5);
        *(MK_N(quad) *)(to + (2 * i + 1) * width) = __builtin_shufflevector(half[i], half[i + 2], 2, 3, 6, 7);
    }
}

static inline __attribute__((always_inline)) MK_TARGET void MK_N(turn_8)(
    const MK_T *from, int64_t line_stride, MK_T *to, int64_t width) {
    MK_N(octet) row[8], pair[8], four[8];
    for (int i = 0; i < 8; i++) row[i] = *(const MK_N(octet) *)(from + i * line_stride);
    for (int i = 0; i < 8; i += 2) {
        pair[i] = __builtin_shufflevector(row[i], row[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        pair[i + 1] = __builtin_shufflevector(row[i], row[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    // four[i], for i < 4, holds lines 0...3 of steps i and i + 4; four[i + 4] lines 4...7.
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            four[i + 2 * j] = __builtin_shufflevector(pair[i + j], pair[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            four[i + 2 * j + 1] = __builtin_shufflevector(pair[i + j], pair[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    for (int i = 0; i < 4; i++) {
        *(MK_N(octet) *)(to + i * width) = __builtin_shufflevector(four[i], four[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(MK_N(octet) *)(to + (i + 4) * width) =
            __builtin_shufflevector(four[i], four[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

static MK_TARGET void MK_N(pack_turned)(
    const MK_T *source, int64_t line_stride, int64_t lines, int64_t width, int64_t steps, MK_T *destination) {
    const int square = MK_BYTES >= 32 && lines >= 8 ? 8 : 4;
    int64_t line = 0;
    for (int64_t next = 0; lines >= square && next < lines; next += square) {
        line = mk_min64(next, lines - square);
        const MK_T *from = source + line * line_stride;
        MK_T *to = destination + line;
        int64_t step = 0;
        for (; step + square <= steps; step += square, to += square * width) {
            if (square == 8)
                MK_N(turn_8)(from + step, line_stride, to, width);
            else
                MK_N(turn_4)(from + step, line_stride, to, width);
        }
        for (; step < steps; step++, to += width)
            for (int i = 0; i < square; i++) to[i] = from[i * line_stride + step];
    }
    for (line = lines >= square ? lines : 0; line < width; line++)
        for (int64_t step = 0; step < steps; step++)
            destination[step * width + line] = line < lines ? source[line * line_stride + step] : 0;
}

// Lines by table: runs of lines side by side are copied with whole vectors, each overwriting the overhang of the last.
static MK_TARGET void MK_N(pack_runs)(
    const mk_gemm_view *view, int64_t line, int64_t lines, int64_t width, int64_t step, int64_t steps,
    MK_T *destination) {
    int64_t from[64], to[64];
    int count = 0;
    for (int64_t i = 0, filled = 0; i < lines; i++) {
        int64_t offset = view->line_offsets[line + i];
        if (i == 0 || i == filled || offset != view->line_offsets[line + i - 1] + 1) {
            from[count] = offset;
            to[count++] = i;
            filled = i + MK_N(lanes);
        }
    }
    const MK_T *base = view->base;
    const bool tail = lines < width;
    for (int64_t s = step; s < step + steps; s++, destination += width) {
        const MK_T *source = base + (view->step_offsets ? view->step_offsets[s] : s * view->step_stride);
        for (int r = 0; r < count; r++)
            *(MK_N(vector) *)(destination + to[r]) = *(const MK_N(vector) *)(source + from[r]);
        if (tail)
            for (int64_t i = lines; i < width; i++) destination[i] = 0;
    }
}

// Steps by table: stretches of steps side by side in memory are turned together.
static MK_TARGET void MK_N(pack_stretches)(
    const MK_T *source, int64_t line_stride, const int64_t *offsets, int64_t lines, int64_t width, int64_t steps,
    MK_T *destination) {
    for (int64_t step = 0, end; step < steps; step = end) {
        for (end = step + 1; end < steps && offsets[end] == offsets[end - 1] + 1;) end++;
        MK_N(pack_turned)
        (source + offsets[step], line_stride, lines, width, end - step, destination + step * width);
    }
}

static MK_TARGET void MK_N(pack_any)(
    const mk_gemm_view *view, int64_t line, int64_t lines, int64_t width, int64_t step, int64_t steps,
    MK_T *destination) {
    const MK_T *base = view->base;
    for (int64_t i = 0; i < width; i++) {
        if (i >= lines) {
            for (int64_t s = 0; s < steps; s++) destination[s * width + i] = 0;
            continue;
        }
        const MK_T *source = base + (view->line_offsets ? view->line_offsets[line + i] : (line + i) * view->line_stride);
        if (view->step_offsets)
            for (int64_t s = 0; s < steps; s++) destination[s * width + i] = source[view->step_offsets[step + s]];
        else
            for (int64_t s = 0; s < steps; s++) destination[s * width + i] = source[(step + s) * view->step_stride];
    }
}

static void MK_N(pack)(
    const mk_gemm_view *view, int64_t line, int64_t lines, int64_t width, int64_t step, int64_t steps,
    void *destination) {
    if (view->line_offsets && view->overread)
        return MK_N(pack_runs)(view, line, lines, width, step, steps, destination);
    if (view->line_offsets) return MK_N(pack_any)(view, line, lines, width, step, steps, destination);
    const MK_T *source = (const MK_T *)view->base + line * view->line_stride;
    if (view->step_offsets)
        return MK_N(pack_stretches)(
            source, view->line_stride, view->step_offsets + step, lines, width, steps, destination);
    source += step * view->step_stride;
    if (view->line_stride == 1)
        MK_N(pack_adjacent)(source, view->step_stride, lines, width, steps, destination);
    else if (view->step_stride == 1)
        MK_N(pack_turned)(source, view->line_stride, lines, width, steps, destination);
    else
        MK_N(pack_any)(view, line, lines, width, step, steps, destination);
}

#define MK_ENTRY(KIND, VECTORS, ROWS) MK_N(KIND##_##ROWS##_##VECTORS)
#if MK_ROWS >= 14
#define MK_ENTRIES(KIND, V) \
    {MK_ENTRY(KIND, V, 1), MK_ENTRY(KIND, V, 2), MK_ENTRY(KIND, V, 3), MK_ENTRY(KIND, V, 4), MK_ENTRY(KIND, V, 5), \
     MK_ENTRY(KIND, V, 6), MK_ENTRY(KIND, V, 7), MK_ENTRY(KIND, V, 8), MK_ENTRY(KIND, V, 9), MK_ENTRY(KIND, V, 10), \
     MK_ENTRY(KIND, V, 11), MK_ENTRY(KIND, V, 12), MK_ENTRY(KIND, V, 13), MK_ENTRY(KIND, V, 14)}
#elif MK_ROWS >= 8
#define MK_ENTRIES(KIND, V) \
    {MK_ENTRY(KIND, V, 1), MK_ENTRY(KIND, V, 2), MK_ENTRY(KIND, V, 3), MK_ENTRY(KIND, V, 4), MK_ENTRY(KIND, V, 5), \
     MK_ENTRY(KIND, V, 6), MK_ENTRY(KIND, V, 7), MK_ENTRY(KIND, V, 8)}
#elif MK_ROWS >= 6
#define MK_ENTRIES(KIND, V) \
    {MK_ENTRY(KIND, V, 1), MK_ENTRY(KIND, V, 2), MK_ENTRY(KIND, V, 3), MK_ENTRY(KIND, V, 4), MK_ENTRY(KIND, V, 5), \
     MK_ENTRY(KIND, V, 6)}
#else
#define MK_ENTRIES(KIND, V) \
    {MK_ENTRY(KIND, V, 1), MK_ENTRY(KIND, V, 2), MK_ENTRY(KIND, V, 3), MK_ENTRY(KIND, V, 4)}
#endif

const mk_gemm_kernels MK_TABLE = {
    .element_size = sizeof(MK_T),
    .rows = MK_ROWS,
    .lanes = MK_N(lanes),
    .k_block = MK_K_BLOCK,
    .pack = MK_N(pack),
    .packed = {MK_ENTRIES(packed, 1), MK_ENTRIES(packed, 2)},
    .strided = {MK_ENTRIES(strided, 1), MK_ENTRIES(strided, 2)},
};

#undef MK_KERNEL
#undef MK_KERNELS
#undef MK_ENTRY
#undef MK_ENTRIES
#undef MK_T
#undef MK_N
#undef MK_TABLE
