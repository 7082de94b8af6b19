// Stable sorting: elements become unsigned keys of the same order, keys with their positions are sorted by insertion (short
// lines) or by radix, and values are fetched by position.
#include <string.h>

#include "indexing_support.h"
#include "matmul_half.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"

enum { INSERTION_MAX = 32, DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS };

typedef struct {
    const mk_axis *axis;
    int dtype;
    bool descending;
    const char *source;
    char *values;
    int64_t *indices;
} job;

// MARK: keys

/// Order-preserving bits of a float; all NaN are one key above infinity, both zeros one key.
static uint32_t key_of_float(float value) {
    if (value != value) return UINT32_MAX;
    const uint32_t bits = mk_float_to_bits(value == 0 ? 0.0f : value);
    return bits & 0x80000000 ? ~bits : bits | 0x80000000;
}

static uint64_t key_of_double(double value) {
    if (value != value) return UINT64_MAX;
    uint64_t bits;
    value = value == 0 ? 0.0 : value;
    memcpy(&bits, &value, 8);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

static uint64_t key_at(int dtype, const char *source, int64_t i) {
    switch (dtype) {
    case MK_FLOAT32: return key_of_float(((const float *)source)[i]);
    case MK_FLOAT64: return key_of_double(((const double *)source)[i]);
    case MK_BFLOAT16: return key_of_float(mk_bf16_to_float(((const uint16_t *)source)[i]));
    case MK_FLOAT16: return key_of_float(mk_f16_to_float(((const uint16_t *)source)[i]));
    case MK_INT8: return (uint8_t)source[i] ^ 0x80;
    case MK_INT32: return ((const uint32_t *)source)[i] ^ 0x80000000;
    case MK_INT64: return ((const uint64_t *)source)[i] ^ (uint64_t)1 << 63;
    default: return (uint8_t)source[i];
    }
}

static int key_bytes(int dtype) {
    if (dtype == MK_FLOAT64 || dtype == MK_INT64) return 8;
    return dtype >= MK_INT8 && dtype != MK_INT32 ? 1 : 4;
}

// MARK: sorting pairs

typedef struct {
    uint64_t key;
    int64_t index;
} wide_pair;

typedef struct {
    uint32_t key, index;
} narrow_pair;

// Radix passes from the lowest byte; a byte that all keys share is skipped. Returns the buffer that holds the result.
#define DEFINE_SORT(PAIR) \
    static void insert_##PAIR(PAIR *pairs, int64_t count) { \
        for (int64_t i = 1; i < count; i++) { \
            const PAIR moving = pairs[i]; \
            int64_t at = i; \
            for (; at > 0 && pairs[at - 1].key > moving.key; at--) pairs[at] = pairs[at - 1]; \
            pairs[at] = moving; \
        } \
    } \
    static PAIR *sort_##PAIR(PAIR *pairs, PAIR *spare, int64_t count, int bytes) { \
        if (count <= INSERTION_MAX) { \
            insert_##PAIR(pairs, count); \
            return pairs; \
        } \
        for (int byte = 0; byte < bytes; byte++) { \
            const int shift = byte * DIGIT_BITS; \
            int64_t starts[DIGITS] = {0}; \
            for (int64_t i = 0; i < count; i++) starts[pairs[i].key >> shift & (DIGITS - 1)]++; \
            if (starts[pairs[0].key >> shift & (DIGITS - 1)] == count) continue; \
            for (int64_t digit = 0, sum = 0; digit < DIGITS; digit++) { \
                const int64_t here = starts[digit]; \
                starts[digit] = sum; \
                sum += here; \
            } \
            for (int64_t i = 0; i < count; i++) spare[starts[pairs[i].key >> shift & (DIGITS - 1)]++] = pairs[i]; \
            PAIR *swap = pairs; \
            pairs = spare; \
            spare = swap; \
        } \
        return pairs; \
    }

DEFINE_SORT(narrow_pair)
DEFINE_SORT(wide_pair)

// MARK: lines

static void put(const job *j, int64_t line_start, int64_t position, int64_t index) {
    const int64_t inner = j->axis->inner, to = line_start + position * inner, from = line_start + index * inner;
    if (j->indices) j->indices[to] = index;
    if (!j->values) return;
    switch (mk_dtype_size(j->dtype)) {
    case 1: j->values[to] = j->source[from]; break;
    case 2: ((uint16_t *)j->values)[to] = ((const uint16_t *)j->source)[from]; break;
    case 4: ((uint32_t *)j->values)[to] = ((const uint32_t *)j->source)[from]; break;
    default: ((uint64_t *)j->values)[to] = ((const uint64_t *)j->source)[from]; break;
    }
}

#define DEFINE_LINE(PAIR, KEY) \
    static void line_##PAIR(const job *j, int64_t start) { \
        const int64_t count = j->axis->axis, inner = j->axis->inner; \
        PAIR *pairs = mk_scratch(MK_SCRATCH_ROW, 2 * count * (int64_t)sizeof(PAIR)); \
        for (int64_t i = 0; i < count; i++) { \
            const KEY key = (KEY)key_at(j->dtype, j->source, start + i * inner); \
            pairs[i].key = j->descending ? (KEY)~key : key; \
            pairs[i].index = (__typeof__(pairs[i].index))i; \
        } \
        const int bytes = key_bytes(j->dtype); \
        const PAIR *sorted = sort_##PAIR(pairs, pairs + count, count, bytes); \
        for (int64_t i = 0; i < count; i++) put(j, start, i, (int64_t)sorted[i].index); \
    }

DEFINE_LINE(narrow_pair, uint32_t)
DEFINE_LINE(wide_pair, uint64_t)

static void sort_lines(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const mk_axis *a = j->axis;
    const bool narrow = key_bytes(j->dtype) <= 4 && a->axis <= UINT32_MAX;
    for (int64_t line = begin; line < end; line++) {
        const int64_t start = line / a->inner * a->axis * a->inner + line % a->inner;
        if (narrow)
            line_narrow_pair(j, start);
        else
            line_wide_pair(j, start);
    }
}

void mk_sort(int dtype, bool descending, const mk_axis *axis, const void *source, void *values, int64_t *indices) {
    job j = {axis, dtype, descending, source, values, indices};
    mk_parallel_for(axis->outer * axis->inner, 1 + 2048 / (axis->axis + 1), sort_lines, &j);
}
