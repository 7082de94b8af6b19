// Batch normalisation in training where all channels lie side by side: batch and positions are one axis of rows.
//
// Statistics are taken piece by piece of rows, 16 rows of 16 channels at a time, so that a line of the cache is used whole while
// it is there; then every row is gone through from its first channel to its last.
#include "batch_norm_lanes.h"

enum { TILE = 16 };

typedef struct {
    const mk_batch_norm *shape;
    const mk_batch_norm_forward_memory *forward;
    const mk_batch_norm_backward_memory *backward;
    int64_t rows, channels, piece;  // piece: rows whose sums are one partial result
    moments *moments;               // a block of 16 channels a piece
    wide *sums;                     // two a block a piece: of gradients, and of gradients times centred inputs
    float *numbers;                 // a few rows of a number a channel, for the last pass
} job;

/// The line that will be wanted when the next rows come; every second block begins one.
#define PREFETCH(p, block) \
    if (!((block) & 1)) __builtin_prefetch(p)

#define DEFINE_LAST(NAME, S, LOAD, STORE, ROUND) \
    /* Deviations from a chunk's first row: no number far from 0 is squared. */ \
    static MK_CLONES void NAME##_moments(const job *j, int64_t begin, int64_t end, float *scratch, moments *result) { \
        const int64_t pitch = j->channels, blocks = pitch / BLOCK; \
        const S *x = (const S *)j->forward->x; \
        float *sums = scratch, *squares = scratch + pitch; \
        for (int64_t b = 0; b < blocks; b++) result[b] = (moments){0}; \
        for (int64_t start = begin; start < end; start += CHUNK) { \
            const int64_t stop = end - start < CHUNK ? end : start + CHUNK; \
            const double count = (double)(stop - start); \
            memset(scratch, 0, (size_t)(2 * pitch) * sizeof(float)); \
            for (int64_t tile = start; tile < stop; tile += TILE) { \
                const int64_t last = stop - tile < TILE ? stop : tile + TILE; \
                for (int64_t b = 0; b < blocks; b++) { \
                    const lanes first = LOAD(x + start * pitch + b * BLOCK); \
                    lanes sum = LOAD_F32(sums + b * BLOCK), square = LOAD_F32(squares + b * BLOCK); \
                    for (int64_t i = tile; i < last; i++) { \
                        PREFETCH(x + (i + TILE) * pitch + b * BLOCK, b); \
                        const lanes apart = LOAD(x + i * pitch + b * BLOCK) - first; \
                        sum += apart; \
                        square += apart * apart; \
                    } \
                    STORE_F32(sums + b * BLOCK, sum); \
                    STORE_F32(squares + b * BLOCK, square); \
                } \
            } \
            for (int64_t b = 0; b < blocks; b++) { \
                const wide sum = WIDE(LOAD_F32(sums + b * BLOCK)); \
                const wide first = WIDE(LOAD(x + start * pitch + b * BLOCK)); \
                wide deviation = WIDE(LOAD_F32(squares + b * BLOCK)) - sum * sum / count; \
                for (int i = 0; i < BLOCK; i++) deviation[i] = deviation[i] < 0 ? 0 : deviation[i]; \
                ADD_MOMENTS(result + b, count, first + sum / count, deviation); \
            } \
        } \
    } \
    static MK_CLONES void NAME##_apply(const job *j, int64_t begin, int64_t end) { \
        const mk_batch_norm_forward_memory *m = j->forward; \
        const int64_t pitch = j->channels; \
        const bool rectifies = j->shape->rectifies; \
        for (int64_t row = begin; row < end; row++) { \
            const S *x = (const S *)m->x + row * pitch, *residual = m->residual ? (const S *)m->residual + row * pitch : NULL; \
            S *y = (S *)m->y + row * pitch; \
            for (int64_t c = 0; c < pitch; c += BLOCK) { \
                lanes value = (LOAD(x + c) - LOAD_F32(m->mean + c)) * LOAD_F32(j->numbers + c) + LOAD_F32(m->shift + c); \
                if (residual) value = ROUND(value) + LOAD(residual + c); \
                if (rectifies) value = RECTIFIED(value); \
                STORE(y + c, value); \
            } \
        } \
    } \
    static MK_CLONES void NAME##_sums(const job *j, int64_t begin, int64_t end, float *scratch, wide *result) { \
        const mk_batch_norm_backward_memory *m = j->backward; \
        const int64_t pitch = j->channels, blocks = pitch / BLOCK; \
        float *sums = scratch, *products = scratch + pitch; \
        for (int64_t b = 0; b < 2 * blocks; b++) result[b] = (wide){0}; \
        for (int64_t start = begin; start < end; start += CHUNK) { \
            const int64_t stop = end - start < CHUNK ? end : start + CHUNK; \
            memset(scratch, 0, (size_t)(2 * pitch) * sizeof(float)); \
            for (int64_t tile = start; tile < stop; tile += TILE) { \
                const int64_t last = stop - tile < TILE ? stop : tile + TILE; \
                for (int64_t b = 0; b < blocks; b++) { \
                    const S *gradient = (const S *)m->gradient + b * BLOCK, *x = (const S *)m->x + b * BLOCK; \
                    const S *second = m->second ? (const S *)m->second + b * BLOCK : NULL; \
                    const S *output = m->output ? (const S *)m->output + b * BLOCK : NULL; \
                    S *kept = m->kept ? (S *)m->kept + b * BLOCK : NULL; \
                    const lanes mean = LOAD_F32(m->mean + b * BLOCK); \
                    lanes sum = LOAD_F32(sums + b * BLOCK), product = LOAD_F32(products + b * BLOCK); \
                    for (int64_t i = tile; i < last; i++) { \
                        PREFETCH(gradient + (i + TILE) * pitch, b); \
                        PREFETCH(x + (i + TILE) * pitch, b); \
                        if (output) PREFETCH(output + (i + TILE) * pitch, b); \
                        ADD_GRADIENT(i, sum, product, LOAD, STORE, ROUND); \
                    } \
                    STORE_F32(sums + b * BLOCK, sum); \
                    STORE_F32(products + b * BLOCK, product); \
                } \
            } \
            for (int64_t b = 0; b < blocks; b++) { \
                result[b] += WIDE(LOAD_F32(sums + b * BLOCK)); \
                result[blocks + b] += WIDE(LOAD_F32(products + b * BLOCK)); \
            } \
        } \
    } \
    static MK_CLONES void NAME##_back(const job *j, int64_t begin, int64_t end) { \
        const mk_batch_norm_backward_memory *m = j->backward; \
        const int64_t pitch = j->channels; \
        const float *shift = j->numbers, *scale = shift + pitch, *factor = scale + pitch; \
        for (int64_t row = begin; row < end; row++) { \
            /* What was kept is the whole gradient. */ \
            const S *gradient = (const S *)(m->kept ? m->kept : m->gradient) + row * pitch; \
            const S *x = (const S *)m->x + row * pitch; \
            const S *second = m->second && !m->kept ? (const S *)m->second + row * pitch : NULL; \
            const S *output = m->output && !m->kept ? (const S *)m->output + row * pitch : NULL; \
            S *result = (S *)m->x_gradient + row * pitch; \
            for (int64_t c = 0; c < pitch; c += BLOCK) { \
                lanes g = LOAD(gradient + c); \
                if (second) { \
                    g += LOAD(second + c); \
                    g = ROUND(g); \
                } \
                if (output) g = SELECT(LOAD(output + c) > 0, g); \
                const lanes centred = LOAD(x + c) - LOAD_F32(m->mean + c); \
                STORE(result + c, (g - LOAD_F32(shift + c) - centred * LOAD_F32(scale + c)) * LOAD_F32(factor + c)); \
            } \
        } \
    }

DEFINE_LAST(f32, float, LOAD_F32, STORE_F32, ROUND_F32)
DEFINE_LAST(bf16, uint16_t, LOAD_BF16, STORE_BF16, ROUND_BF16)

/// Runs over pieces `begin` to `end`: statistics by `take`, or the last pass by `run`.
#define DEFINE_PIECES(NAME, TAKE, PARTIAL, WIDTH) \
    static void NAME(void *context, int64_t begin, int64_t end) { \
        const job *j = context; \
        float *scratch = mk_scratch(MK_SCRATCH_ROW, 2 * j->channels * (int64_t)sizeof(float)); \
        for (int64_t p = begin; p < end; p++) { \
            const int64_t first = p * j->piece, left = j->rows - first; \
            TAKE(j, first, first + (left < j->piece ? left : j->piece), scratch, j->PARTIAL + p * (WIDTH) * (j->channels / BLOCK)); \
        } \
    }
DEFINE_PIECES(f32_take_moments, f32_moments, moments, 1)
DEFINE_PIECES(bf16_take_moments, bf16_moments, moments, 1)
DEFINE_PIECES(f32_take_sums, f32_sums, sums, 2)
DEFINE_PIECES(bf16_take_sums, bf16_sums, sums, 2)

#define DEFINE_ROWS(NAME, RUN) \
    static void NAME(void *context, int64_t begin, int64_t end) { RUN(context, begin, end); }
DEFINE_ROWS(f32_apply_rows, f32_apply)
DEFINE_ROWS(bf16_apply_rows, bf16_apply)
DEFINE_ROWS(f32_back_rows, f32_back)
DEFINE_ROWS(bf16_back_rows, bf16_back)

static job job_of(const mk_batch_norm *s) {
    const int64_t channels = s->blocks * BLOCK, rows = s->batch * s->positions;
    const int64_t piece = 65536 / channels > 64 ? 65536 / channels : 64;
    return (job){.shape = s, .rows = rows, .channels = channels, .piece = piece};
}

static int64_t piece_count(const job *j) { return (j->rows + j->piece - 1) / j->piece; }

/// Rows are handed out some 16,000 elements at a time.
static int64_t row_grain(const job *j) { return 1 + 16384 / j->channels; }

/// Mean, variance and factor of every channel from those of the pieces.
static MK_CLONES void gather_moments(const job *j, int64_t pieces) {
    const mk_batch_norm_forward_memory *m = j->forward;
    const int64_t blocks = j->channels / BLOCK;
    for (int64_t b = 0; b < blocks; b++) {
        moments all = {0};
        for (int64_t p = 0; p < pieces; p++) {
            const moments *piece = j->moments + p * blocks + b;
            ADD_MOMENTS(&all, piece->count, piece->mean, piece->deviation);
        }
        STORE_F32(m->mean + b * BLOCK, NARROW(all.mean));
        STORE_F32(m->variance + b * BLOCK, NARROW(all.deviation / all.count));
    }
    for (int64_t c = 0; c < j->channels; c++)
        j->numbers[c] = 1.0f / sqrtf(m->variance[c] + j->shape->epsilon) * m->scale[c];
}

/// The gradients of scale and shift, and what the last pass multiplies by.
static MK_CLONES void gather_sums(const job *j, int64_t pieces) {
    const mk_batch_norm_backward_memory *m = j->backward;
    const int64_t blocks = j->channels / BLOCK;
    for (int64_t b = 0; b < blocks; b++) {
        wide sum = {0}, product = {0};
        for (int64_t p = 0; p < pieces; p++) {
            sum += j->sums[p * 2 * blocks + b];
            product += j->sums[p * 2 * blocks + blocks + b];
        }
        const float *variance = m->variance + b * BLOCK;
        for (int i = 0; i < BLOCK; i++) product[i] /= sqrt((double)(variance[i] + j->shape->epsilon));
        STORE_F32(m->shift_gradient + b * BLOCK, NARROW(sum));
        STORE_F32(m->scale_gradient + b * BLOCK, NARROW(product));
    }
    const float count = (float)j->shape->batch * (float)j->shape->positions;
    float *shift = j->numbers, *scale = shift + j->channels, *factor = scale + j->channels;
    for (int64_t c = 0; c < j->channels; c++) {
        const float deviation = 1.0f / sqrtf(m->variance[c] + j->shape->epsilon);
        shift[c] = m->shift_gradient[c] / count;
        scale[c] = m->scale_gradient[c] / count * deviation;
        factor[c] = m->scale[c] * deviation;
    }
}

void mk_batch_norm_forward_last(int dtype, const mk_batch_norm *shape, const mk_batch_norm_forward_memory *memory) {
    job j = job_of(shape);
    const int64_t pieces = piece_count(&j), bytes = pieces * shape->blocks * (int64_t)sizeof(moments);
    j.forward = memory;
    j.moments = mk_scratch(MK_SCRATCH_RESULT, bytes + j.channels * (int64_t)sizeof(float));
    j.numbers = (float *)((char *)j.moments + bytes);
    const bool is_half = dtype == MK_BFLOAT16;
    mk_parallel_for(pieces, 1, is_half ? bf16_take_moments : f32_take_moments, &j);
    gather_moments(&j, pieces);
    mk_parallel_for(j.rows, row_grain(&j), is_half ? bf16_apply_rows : f32_apply_rows, &j);
}

void mk_batch_norm_backward_last(int dtype, const mk_batch_norm *shape, const mk_batch_norm_backward_memory *memory) {
    job j = job_of(shape);
    const int64_t pieces = piece_count(&j), bytes = pieces * 2 * shape->blocks * (int64_t)sizeof(wide);
    j.backward = memory;
    j.sums = mk_scratch(MK_SCRATCH_RESULT, bytes + 3 * j.channels * (int64_t)sizeof(float));
    j.numbers = (float *)((char *)j.sums + bytes);
    const bool is_half = dtype == MK_BFLOAT16;
    mk_parallel_for(pieces, 1, is_half ? bf16_take_sums : f32_take_sums, &j);
    gather_sums(&j, pieces);
    mk_parallel_for(j.rows, row_grain(&j), is_half ? bf16_back_rows : f32_back_rows, &j);
}
