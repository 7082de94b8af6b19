// The sums of Winograd's weight gradient, for one instruction set: a part of winograd_template.h.

/// A of one column or row.
INLINE void gradient_line(const int tile, const vector *y, vector *w) {
#pragma clang fp contract(fast)
    if (tile == 2) {
        w[0] = y[0];
        w[1] = y[0] + y[1];
        w[2] = y[0] - y[1];
        w[3] = -y[1];
        return;
    }
    const vector even = y[0] + 0.5f * y[2], odd = (y[1] + 0.5f * y[3]) * HALF_ROOT;
    const vector far_even = y[0] + 2.0f * y[2], far_odd = (y[1] + 2.0f * y[3]) * (2 * HALF_ROOT);
    w[0] = y[0];
    w[1] = even + odd;
    w[2] = even - odd;
    w[3] = far_even + far_odd;
    w[4] = far_even - far_odd;
    w[5] = y[3];
}

/// A ∂L/∂Y Aᵀ of one tile and 16 channels; `row` floats lie between the rows of the gradient.
INLINE void transform_gradient(const int tile, const float *gradient, int64_t row, float *w, int64_t w_step) {
    const int size = tile + 2;
    for (int part = 0; part < PARTS; part++, gradient += LANES, w += LANES) {
        vector half[24];
#pragma clang loop unroll(full)
        for (int j = 0; j < tile; j++) {
            vector from[4], to[6];
#pragma clang loop unroll(full)
            for (int i = 0; i < tile; i++) from[i] = LOAD(gradient + i * row + j * BLOCK);
            gradient_line(tile, from, to);
#pragma clang loop unroll(full)
            for (int i = 0; i < size; i++) half[i * tile + j] = to[i];
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < size; i++) {
            vector to[6];
            gradient_line(tile, half + i * tile, to);
#pragma clang loop unroll(full)
            for (int j = 0; j < size; j++) STORE(w + (i * size + j) * w_step, to[j]);
        }
    }
}

/// The transforms of one tile's gradient for the blocks of a stretch; outputs past the image have none.
INLINE void transform_gradients(const int tile, const mk_winograd_stretch *t, place p, float *w, int64_t block_step) {
    const mk_winograd *s = t->shape;
    const int64_t plane = s->out_height * s->out_width * BLOCK;
    const bool inside = p.top + tile <= s->out_height && p.left + tile <= s->out_width;
    const float *image = t->gradient + (p.image * (s->out_channels / BLOCK) + t->out_begin) * plane;
    _Alignas(64) float window[16 * BLOCK];
    for (int64_t b = t->out_begin; b < t->out_end; b++, image += plane, w += block_step) {
        if (inside) {
            transform_gradient(
                tile, image + (p.top * s->out_width + p.left) * BLOCK, s->out_width * BLOCK, w, t->w_step);
        } else {
            copy_window(image, tile, s->out_height, s->out_width, p.top, p.left, window);
            transform_gradient(tile, window, tile * BLOCK, w, t->w_step);
        }
    }
}

/// The sums over `tiles` tiles of MK_SUM_ROWS output channels by `vectors` vectors of input channels.
INLINE void sum_products(
    const int vectors, int64_t tiles, const float *w, const float *v, int64_t v_block, float *sums, bool adds) {
#pragma clang fp contract(fast)
    vector sum[MK_SUM_ROWS][MK_SUM_VECTORS];
#pragma clang loop unroll(full)
    for (int i = 0; i < MK_SUM_ROWS; i++)
#pragma clang loop unroll(full)
        for (int c = 0; c < vectors; c++) sum[i][c] = (vector){0};
#pragma clang loop unroll(disable)
    for (int64_t tile = 0; tile < tiles; tile++, v += BLOCK, w += BLOCK) {
        vector right[MK_SUM_VECTORS];
#pragma clang loop unroll(full)
        for (int c = 0; c < vectors; c++) right[c] = LOAD(v + c / PARTS * v_block + c % PARTS * LANES);
#pragma clang loop unroll(full)
        for (int i = 0; i < MK_SUM_ROWS; i++) {
            const float left = w[i];
#pragma clang loop unroll(full)
            for (int c = 0; c < vectors; c++) sum[i][c] += left * right[c];
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < MK_SUM_ROWS; i++)
#pragma clang loop unroll(full)
        for (int c = 0; c < vectors; c++) {
            float *to = sums + c / PARTS * (BLOCK * BLOCK) + i * BLOCK + c % PARTS * LANES;
            STORE(to, adds ? LOAD(to) + sum[i][c] : sum[i][c]);
        }
}

typedef void (*summation)(int64_t, const float *, const float *, int64_t, float *, bool);

#define SUMMATION(VECTORS) \
    static MK_TARGET void sum_products_##VECTORS( \
        int64_t tiles, const float *w, const float *v, int64_t v_block, float *sums, bool adds) { \
        sum_products(VECTORS, tiles, w, v, v_block, sums, adds); \
    }

SUMMATION(1)
SUMMATION(2)
#if MK_SUM_VECTORS == 3
SUMMATION(3)
#endif

static const summation summations[MK_SUM_VECTORS] = {
    sum_products_1, sum_products_2,
#if MK_SUM_VECTORS == 3
    sum_products_3,
#endif
};

/// All sums at one position over the tiles that are transformed.
INLINE void sum_position(const mk_winograd_stretch *t, int64_t position, int64_t tiles, bool adds) {
    const mk_winograd *s = t->shape;
    const int64_t positions = mk_winograd_positions(s), in_blocks = s->in_channels / BLOCK;
    const int64_t vectors = (t->in_end - t->in_begin) * PARTS;
    const float *v = t->v + position * t->v_step, *w = t->w + position * t->w_step;
    for (int64_t c = 0; c < vectors; c += MK_SUM_VECTORS) {
        const int64_t some = vectors - c < MK_SUM_VECTORS ? vectors - c : MK_SUM_VECTORS;
        const float *right = v + c / PARTS * (tiles * BLOCK) + c % PARTS * LANES;
        for (int64_t out = t->out_begin; out < t->out_end; out++) {
            float *to = t->sums + ((out * positions + position) * in_blocks + t->in_begin) * (BLOCK * BLOCK)
                + c / PARTS * (BLOCK * BLOCK) + c % PARTS * LANES;
            for (int row = 0; row < BLOCK; row += MK_SUM_ROWS)
                summations[some - 1](
                    tiles, w + (out - t->out_begin) * tiles * BLOCK + row, right, tiles * BLOCK, to + row * BLOCK, adds);
        }
    }
}

INLINE void sum(const int tile, const mk_winograd_stretch *t) {
    const int64_t positions = (tile + 2) * (tile + 2), end = t->first + t->count;
    const int64_t plane = t->shape->in_height * t->shape->in_width * BLOCK;
    for (int64_t first = t->first; first < end; first += t->together) {
        const int64_t tiles = end - first < t->together ? end - first : t->together;
        for (int64_t i = 0; i < tiles; i++) {
            const place p = place_of(first + i, tile, t->tiles_down, t->tiles_across);
            transform_window(
                tile, t->shape, t->input + t->in_begin * plane, p, t->in_end - t->in_begin, t->v + i * BLOCK,
                tiles * BLOCK, t->v_step);
            transform_gradients(tile, t, p, t->w + i * BLOCK, tiles * BLOCK);
        }
        for (int64_t position = 0; position < positions; position++)
            sum_position(t, position, tiles, first > t->first);
    }
}

static MK_TARGET void sum_2(const mk_winograd_stretch *stretch) { sum(2, stretch); }
static MK_TARGET void sum_4(const mk_winograd_stretch *stretch) { sum(4, stretch); }
