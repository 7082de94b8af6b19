// Tiles of dot products for one instruction set. Included with these macros defined: MK_LANES numbers a vector, MK_DOT_ROWS rows of
// the tallest tile, MK_RIGHT type of b (float, or uint16_t for bfloat16), MK_TARGET function attribute, MK_N(name) name mangling.

typedef float MK_N(dots) __attribute__((vector_size(4 * MK_LANES), aligned(4), may_alias));
enum { MK_N(rows) = MK_DOT_ROWS };

typedef MK_RIGHT MK_N(rights) __attribute__((vector_size(sizeof(MK_RIGHT) * MK_LANES), aligned(sizeof(MK_RIGHT)), may_alias));
typedef uint32_t MK_N(words) __attribute__((vector_size(4 * MK_LANES)));

/// The first `count` numbers at `from`, zeros behind them; nothing behind them is read.
static inline __attribute__((always_inline)) MK_TARGET MK_N(dots) MK_N(some)(const float *from, int64_t count) {
    MK_N(dots) loaded = {0};
#pragma clang loop unroll(disable) vectorize(disable)
    for (int64_t i = 0; i < count; i++) loaded[i] = from[i];
    return loaded;
}

/// Numbers of b as float32: a bfloat16 is the upper half of one.
static inline __attribute__((always_inline)) MK_TARGET MK_N(dots) MK_N(widened)(MK_N(rights) loaded) {
    if (sizeof(MK_RIGHT) == sizeof(float)) return (MK_N(dots))__builtin_convertvector(loaded, MK_N(dots));
    return (MK_N(dots))(__builtin_convertvector(loaded, MK_N(words)) << 16);
}

/// `some` of b.
static inline __attribute__((always_inline)) MK_TARGET MK_N(dots) MK_N(some_right)(const MK_RIGHT *from, int64_t count) {
    MK_N(rights) loaded = {0};
#pragma clang loop unroll(disable) vectorize(disable)
    for (int64_t i = 0; i < count; i++) loaded[i] = from[i];
    return MK_N(widened)(loaded);
}

/// Four vectors' sums, side by side: neighbours are added until four numbers are left, always in this order.
static inline __attribute__((always_inline)) MK_TARGET four_sums MK_N(summed)(
    MK_N(dots) a, MK_N(dots) b, MK_N(dots) c, MK_N(dots) d) {
#if MK_LANES == 16
    const MK_N(dots) ab = __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
        + __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
    const MK_N(dots) cd = __builtin_shufflevector(c, d, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
        + __builtin_shufflevector(c, d, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
    const MK_N(dots) all = __builtin_shufflevector(ab, cd, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
        + __builtin_shufflevector(ab, cd, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    return (__builtin_shufflevector(all, all, 0, 1, 2, 3) + __builtin_shufflevector(all, all, 8, 9, 10, 11))
        + (__builtin_shufflevector(all, all, 4, 5, 6, 7) + __builtin_shufflevector(all, all, 12, 13, 14, 15));
#else
    const MK_N(dots) ab = __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
        + __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
    const MK_N(dots) cd = __builtin_shufflevector(c, d, 0, 8, 1, 9, 4, 12, 5, 13)
        + __builtin_shufflevector(c, d, 2, 10, 3, 11, 6, 14, 7, 15);
    const MK_N(dots) all = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13)
        + __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
    return __builtin_shufflevector(all, all, 0, 1, 2, 3) + __builtin_shufflevector(all, all, 4, 5, 6, 7);
#endif
}

/// sums[i][0...3] (+)= rows i of a times lines 0...3 of b, over `steps` steps; meanwhile `next` lines are asked for.
static inline __attribute__((always_inline)) MK_TARGET void MK_N(multiply)(
    const int rows, const float *a, int64_t a_row, const MK_RIGHT *b, const int64_t *b_lines, int64_t steps,
    const mk_next_lines *next, four_sums *sums, bool accumulate) {
#pragma clang fp contract(fast)
    MK_N(dots) sum[MK_DOT_ROWS][4];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) sum[i][j] = (MK_N(dots)){0};
    int64_t step = 0;
#pragma clang loop unroll(disable)
    for (; step + MK_LANES <= steps; step += MK_LANES) {
        MK_N(dots) right[4];
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) right[j] = MK_N(widened)(*(const MK_N(rights) *)(b + b_lines[j] + step));
#pragma clang loop unroll(disable)
        for (int j = 0; j < next->count; j++) __builtin_prefetch((const MK_RIGHT *)next->lines[j] + step, 0, 2);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const MK_N(dots) left = *(const MK_N(dots) *)(a + i * a_row + step);
#pragma clang loop unroll(full)
            for (int j = 0; j < 4; j++) sum[i][j] += left * right[j];
        }
    }
    if (step < steps) {
        MK_N(dots) right[4];
#pragma clang loop unroll(full)
        for (int j = 0; j < 4; j++) right[j] = MK_N(some_right)(b + b_lines[j] + step, steps - step);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            const MK_N(dots) left = MK_N(some)(a + i * a_row + step, steps - step);
#pragma clang loop unroll(full)
            for (int j = 0; j < 4; j++) sum[i][j] += left * right[j];
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
        const four_sums total = MK_N(summed)(sum[i][0], sum[i][1], sum[i][2], sum[i][3]);
        sums[i] = accumulate ? sums[i] + total : total;
    }
}

static MK_TARGET void MK_N(tile)(
    int64_t rows, const float *a, int64_t a_row, const void *b, const int64_t *b_lines, int64_t steps,
    const mk_next_lines *next, four_sums *sums, bool accumulate) {
    switch (rows) {
    case 1: MK_N(multiply)(1, a, a_row, b, b_lines, steps, next, sums, accumulate); break;
    case 2: MK_N(multiply)(2, a, a_row, b, b_lines, steps, next, sums, accumulate); break;
#if MK_DOT_ROWS > 2
    case 3: MK_N(multiply)(3, a, a_row, b, b_lines, steps, next, sums, accumulate); break;
    case 4: MK_N(multiply)(4, a, a_row, b, b_lines, steps, next, sums, accumulate); break;
    case 5: MK_N(multiply)(5, a, a_row, b, b_lines, steps, next, sums, accumulate); break;
    case 6: MK_N(multiply)(6, a, a_row, b, b_lines, steps, next, sums, accumulate); break;
#endif
    }
}

#undef MK_LANES
#undef MK_DOT_ROWS
#undef MK_RIGHT
#undef MK_TARGET
#undef MK_N
