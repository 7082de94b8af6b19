// Winograd's convolution for one instruction set. Included with these macros defined: MK_BYTES bytes a vector, MK_ROWS tiles of
// the tallest panel, MK_SUM_ROWS by MK_SUM_VECTORS vectors of a weight gradient's sums that are held in registers, MK_TARGET function attribute, MK_TABLE name of the table defined.
#include <string.h>

#include "winograd_core.h"

typedef float vector __attribute__((vector_size(MK_BYTES), aligned(4), may_alias));

enum { LANES = MK_BYTES / 4, BLOCK = MK_WINOGRAD_BLOCK, PARTS = BLOCK / LANES, AHEAD = 16 };

#define LOAD(p) (*(const vector *)(p))
#define STORE(p, value) (*(vector *)(p) = (value))
#define INLINE static inline __attribute__((always_inline)) MK_TARGET

// √½; √2 is twice that.
#define HALF_ROOT 0.70710678118654752440f

/// Bᵀ of one column or row.
INLINE void input_line(const int tile, const vector *d, vector *v) {
#pragma clang fp contract(fast)
    if (tile == 2) {
        v[0] = d[0] - d[2];
        v[1] = d[1] + d[2];
        v[2] = d[2] - d[1];
        v[3] = d[1] - d[3];
        return;
    }
    const vector near = (d[3] - 2.0f * d[1]) * HALF_ROOT, far = (d[3] - 0.5f * d[1]) * (2 * HALF_ROOT);
    const vector even = d[4] - 2.0f * d[2], odd = d[4] - 0.5f * d[2];
    v[0] = (d[4] - 2.5f * d[2]) + d[0];
    v[1] = even + near;
    v[2] = even - near;
    v[3] = odd + far;
    v[4] = odd - far;
    v[5] = (d[5] - 2.5f * d[3]) + d[1];
}

/// Aᵀ of one column or row.
INLINE void output_line(const int tile, const vector *m, vector *y) {
#pragma clang fp contract(fast)
    if (tile == 2) {
        y[0] = m[0] + (m[1] + m[2]);
        y[1] = (m[1] - m[2]) - m[3];
        return;
    }
    const vector near = m[1] + m[2], far = m[3] + m[4];
    const vector near_apart = m[1] - m[2], far_apart = m[3] - m[4];
    y[0] = m[0] + (near + far);
    y[1] = (near_apart + 2.0f * far_apart) * HALF_ROOT;
    y[2] = 2.0f * far + 0.5f * near;
    y[3] = m[5] + (0.5f * near_apart + 4.0f * far_apart) * HALF_ROOT;
}

/// Bᵀ d B of one tile and 16 channels; `row` floats lie between the rows of d.
INLINE void transform_input(const int tile, const float *d, int64_t row, float *v, int64_t v_step) {
    const int size = tile + 2;
    for (int part = 0; part < PARTS; part++, d += LANES, v += LANES) {
        vector half[36];
#pragma clang loop unroll(full)
        for (int j = 0; j < size; j++) {
            vector from[6], to[6];
#pragma clang loop unroll(full)
            for (int i = 0; i < size; i++) from[i] = LOAD(d + i * row + j * BLOCK);
            input_line(tile, from, to);
#pragma clang loop unroll(full)
            for (int i = 0; i < size; i++) half[i * size + j] = to[i];
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < size; i++) {
            vector to[6];
            input_line(tile, half + i * size, to);
#pragma clang loop unroll(full)
            for (int j = 0; j < size; j++) STORE(v + (i * size + j) * v_step, to[j]);
        }
    }
}

/// The window of a tile at an image's border: zeros where it lies outside.
INLINE void copy_window(
    const float *plane, const int size, int64_t height, int64_t width, int64_t top, int64_t left, float *window) {
    for (int i = 0; i < size; i++)
        for (int j = 0; j < size; j++, window += BLOCK) {
            const int64_t y = top + i, x = left + j;
            if (y >= 0 && y < height && x >= 0 && x < width)
                memcpy(window, plane + (y * width + x) * BLOCK, BLOCK * sizeof(float));
            else
                memset(window, 0, BLOCK * sizeof(float));
        }
}

/// Where a tile lies.
typedef struct {
    int64_t image, top, left;
} place;

INLINE place place_of(int64_t tile, const int size, int64_t tiles_down, int64_t tiles_across) {
    const int64_t down = tile / tiles_across;
    return (place){down / tiles_down, down % tiles_down * size, tile % tiles_across * size};
}

/// V of one tile and `blocks` blocks of channels, which lie `block_step` apart in V.
INLINE void transform_window(
    const int tile, const mk_winograd *s, const float *input, place p, int64_t blocks, float *v, int64_t block_step,
    int64_t v_step) {
    const int size = tile + 2;
    const int64_t top = p.top - s->padding_top, left = p.left - s->padding_left;
    const int64_t plane = s->in_height * s->in_width * BLOCK;
    const bool inside = top >= 0 && left >= 0 && top + size <= s->in_height && left + size <= s->in_width;
    const float *image = input + p.image * (s->in_channels / BLOCK) * plane;
    _Alignas(64) float window[36 * BLOCK];
    for (int64_t b = 0; b < blocks; b++, image += plane, v += block_step) {
        if (inside) {
            transform_input(tile, image + (top * s->in_width + left) * BLOCK, s->in_width * BLOCK, v, v_step);
        } else {
            copy_window(image, size, s->in_height, s->in_width, top, left, window);
            transform_input(tile, window, size * BLOCK, v, v_step);
        }
    }
}

/// V of a panel of tiles, `first` counted from the block's first.
INLINE void transform_panel(const int tile, const mk_winograd_tiles *t, int64_t first, int64_t rows) {
    const mk_winograd *s = t->shape;
    float *panel = t->v + first * s->in_channels;
    for (int64_t r = 0; r < rows; r++) {
        const place p = place_of(t->first + first + r, tile, t->tiles_down, t->tiles_across);
        transform_window(
            tile, s, t->memory->input, p, s->in_channels / BLOCK, panel + r * BLOCK, rows * BLOCK, t->v_step);
    }
}

/// M of a panel and `vectors` vectors of output channels, summed over `blocks` blocks of input channels.
INLINE void multiply(
    const int rows, const int vectors, int64_t blocks, const float *v, const float *u, int64_t u_step, float *m,
    int64_t m_step) {
#pragma clang fp contract(fast)
    vector sum[MK_ROWS][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int c = 0; c < vectors; c++) sum[i][c] = (vector){0};
    for (int64_t b = 0; b < blocks; b++, v += rows * BLOCK) {
#pragma clang loop unroll(disable)
        for (int step = 0; step < BLOCK; step++, u += BLOCK) {
            vector right[2];
#pragma clang loop unroll(full)
            for (int c = 0; c < vectors; c++) {
                right[c] = LOAD(u + c * u_step);
                // The weights come from the third cache: the processor's own guesses are late (a twentieth).
                __builtin_prefetch(u + c * u_step + AHEAD * BLOCK);
            }
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) {
                const float left = v[i * BLOCK + step];
#pragma clang loop unroll(full)
                for (int c = 0; c < vectors; c++) sum[i][c] += left * right[c];
            }
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int c = 0; c < vectors; c++) STORE(m + i * BLOCK + c * m_step, sum[i][c]);
}

typedef void (*multiplication)(int64_t, const float *, const float *, int64_t, float *, int64_t);

#define MULTIPLICATION(ROWS, VECTORS) \
    static MK_TARGET void multiply_##ROWS##_##VECTORS( \
        int64_t blocks, const float *v, const float *u, int64_t u_step, float *m, int64_t m_step) { \
        multiply(ROWS, VECTORS, blocks, v, u, u_step, m, m_step); \
    }
#define MULTIPLICATIONS(ROWS) MULTIPLICATION(ROWS, 1) MULTIPLICATION(ROWS, 2)
#define ENTRY(ROWS) {multiply_##ROWS##_1, multiply_##ROWS##_2}

MULTIPLICATIONS(1)
MULTIPLICATIONS(2)
MULTIPLICATIONS(3)
MULTIPLICATIONS(4)
#if MK_ROWS >= 6
MULTIPLICATIONS(5)
MULTIPLICATIONS(6)
#endif
#if MK_ROWS >= 14
MULTIPLICATIONS(7)
MULTIPLICATIONS(8)
MULTIPLICATIONS(9)
MULTIPLICATIONS(10)
MULTIPLICATIONS(11)
MULTIPLICATIONS(12)
MULTIPLICATIONS(13)
MULTIPLICATIONS(14)
#endif

static const multiplication multiplications[MK_ROWS][2] = {
    ENTRY(1), ENTRY(2), ENTRY(3), ENTRY(4),
#if MK_ROWS >= 6
    ENTRY(5), ENTRY(6),
#endif
#if MK_ROWS >= 14
    ENTRY(7), ENTRY(8), ENTRY(9), ENTRY(10), ENTRY(11), ENTRY(12), ENTRY(13), ENTRY(14),
#endif
};

/// M of a chunk: blocks [begin, end) of output channels at one position. Two vectors of them meet each panel in turn.
INLINE void multiply_position(const mk_winograd_tiles *t, int64_t position, int64_t begin, int64_t end) {
    const int64_t channels = t->shape->in_channels, blocks = channels / BLOCK;
    const int64_t u_block = mk_winograd_positions(t->shape) * channels * BLOCK, m_block = t->count * BLOCK;
    const float *u = t->memory->weights + begin * u_block + position * channels * BLOCK;
    const float *v = t->v + position * t->v_step;
    float *m = t->m + position * t->m_step;
    const int64_t vectors = (end - begin) * PARTS;
    for (int64_t c = 0; c < vectors; c += 2) {
        const bool is_pair = c + 1 < vectors;
        const int64_t within = c % PARTS * LANES;
        const float *from = u + c / PARTS * u_block + within;
        float *to = m + c / PARTS * m_block + within;
        for (int64_t first = 0, panel = 0; first < t->count; panel++) {
            const int64_t rows = t->rows + (panel < t->tall);
            multiplications[rows - 1][is_pair](
                blocks, v + first * channels, from, PARTS > 1 ? LANES : u_block, to + first * BLOCK,
                PARTS > 1 ? LANES : m_block);
            first += rows;
        }
    }
}

/// What follows the sum, rounded after each operation as if it were recorded apart.
INLINE vector finished(
    vector y, const vector *bias, const vector *factor, const vector *shift, const float *residual, bool rectifies) {
    if (bias) y += *bias;
    if (factor) {
        y *= *factor;
        y += *shift;
    }
    if (residual) y += LOAD(residual);
    if (rectifies) {
        typedef int32_t mask __attribute__((vector_size(MK_BYTES)));
        y = (vector)(~(mask)(y <= 0) & (mask)y);
    }
    return y;
}

/// Aᵀ M A of a tile and one block of output channels, and what follows it. Rows and columns past the image are not written.
INLINE void transform_output(
    const int tile, const mk_winograd_tiles *t, place p, int64_t block, const float *m) {
    const mk_winograd *s = t->shape;
    const mk_winograd_memory *memory = t->memory;
    const int size = tile + 2;
    const int64_t rows = s->out_height - p.top < tile ? s->out_height - p.top : tile;
    const int64_t columns = s->out_width - p.left < tile ? s->out_width - p.left : tile;
    const int64_t plane = p.image * (s->out_channels / BLOCK) + block;
    const int64_t at = ((plane * s->out_height + p.top) * s->out_width + p.left) * BLOCK;
    for (int part = 0; part < PARTS; part++) {
        const int64_t channel = block * BLOCK + part * LANES;
        vector bias = {0}, factor = {0}, shift = {0}, half[24];
        if (memory->bias) bias = LOAD(memory->bias + channel);
        if (memory->factor) factor = LOAD(memory->factor + channel), shift = LOAD(memory->shift + channel);
#pragma clang loop unroll(full)
        for (int j = 0; j < size; j++) {
            vector from[6], to[4];
#pragma clang loop unroll(full)
            for (int i = 0; i < size; i++) from[i] = LOAD(m + (i * size + j) * t->m_step + part * LANES);
            output_line(tile, from, to);
#pragma clang loop unroll(full)
            for (int i = 0; i < tile; i++) half[i * size + j] = to[i];
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < tile; i++) {
            if (i >= rows) break;
            vector to[4];
            output_line(tile, half + i * size, to);
            const int64_t line = at + i * s->out_width * BLOCK + part * LANES;
#pragma clang loop unroll(full)
            for (int j = 0; j < tile; j++) {
                if (j >= columns) break;
                const vector y = finished(
                    to[j], memory->bias ? &bias : NULL, memory->factor ? &factor : NULL, &shift,
                    memory->residual ? memory->residual + line + j * BLOCK : NULL, s->rectifies);
                STORE(memory->output + line + j * BLOCK, y);
            }
        }
    }
}

INLINE void run(const int tile, const mk_winograd_tiles *t) {
    const int64_t positions = (tile + 2) * (tile + 2);
    for (int64_t first = 0, panel = 0; first < t->count; panel++) {
        const int64_t rows = t->rows + (panel < t->tall);
        transform_panel(tile, t, first, rows);
        first += rows;
    }
    for (int64_t begin = t->out_begin, end; begin < t->out_end; begin = end) {
        end = t->out_end - begin < MK_WINOGRAD_CHUNK ? t->out_end : begin + MK_WINOGRAD_CHUNK;
        for (int64_t position = 0; position < positions; position++) multiply_position(t, position, begin, end);
        for (int64_t block = begin; block < end; block++)
            for (int64_t i = 0; i < t->count; i++)
                transform_output(
                    tile, t, place_of(t->first + i, tile, t->tiles_down, t->tiles_across), block, t->m + ((block - begin) * t->count + i) * BLOCK);
    }
}

static MK_TARGET void run_2(const mk_winograd_tiles *tiles) { run(2, tiles); }
static MK_TARGET void run_4(const mk_winograd_tiles *tiles) { run(4, tiles); }

#include "winograd_weights_template.h"

const mk_winograd_kernels MK_TABLE = {.rows = MK_ROWS, .run = {run_2, run_4}, .sum = {sum_2, sum_4}};
