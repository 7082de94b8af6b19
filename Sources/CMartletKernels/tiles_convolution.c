// A convolution on matrix tiles, and the gradient of its input, which is a convolution of the output's gradient: one for each
// remainder of the input's positions by the stride ("output phase"), with the taps that reach them.
//
//     Y[p, o] = Σ_taps Σ_c X[p · stride + tap, c] · w[o, c, tap]
//
// A thread copies the input of a band of positions into its own second-level cache, 32 channels of a position side by side, and
// multiplies it by the weights of 32 out channels after the other. While 32 channels of the input lie in the first-level cache all
// taps read them.
#include "tiles_positions.h"

#include "matmul_scratch.h"
#include "mk_parallel.h"

#if defined(__x86_64__)

enum {
    ITEMS = 8,                  // wanted of a shape, so that a slow core simply takes fewer
    PACKED_NUMBERS = 1 << 19,   // of the input: 1 MB, half of a second-level cache
    KEPT_NUMBERS = 1 << 17,     // of the input where the weights stay in the cache
    KEPT_WEIGHT_BYTES = 1 << 20,
    LEAST_POSITIONS = 256,      // of a band: below, the weights are read for too little work
    MOST_POSITIONS = 2048,
    MOST_BAND_BYTES = 16 << 20,
    LEAST_OUT_PAIRS = 2,        // of an item
    MOST_CHANNELS_IN_PLACE = 512,   // above, rows of a tile lie in too few sets of the cache
};

/// One convolution of stride 1 in the output, whose positions (y, x) are (y, x) * step + first of the output's memory.
typedef struct {
    mk_taps taps;
    int64_t in_blocks, out_pairs;          // 32 channels each
    int64_t out_channels, out_height, out_width;
    int64_t step_y, step_x, first_y, first_x;
    int64_t rows, band_rows, bands, out_splits;
    bool reads_in_place;                   // a product of positions and weights: the input is not copied
    bool is_position_first;                // the weights stay in the cache, and outputs are written as they lie
    int64_t weights;                       // bytes before this one's
} plan;

static int64_t weight_bytes(const plan *p) {
    return p->out_pairs * p->in_blocks * p->taps.count * 2 * MK_TILE_BYTES;
}

/// Bytes of the copied input of a band.
static int64_t band_bytes(const plan *p) {
    return p->taps.phase_count * p->in_blocks * (p->band_rows + p->taps.span_rows) * p->taps.width * 64;
}

/// Divides the work; false where a band would need more memory than a thread should keep.
static bool divide(plan *p) {
    p->in_blocks = mk_ceil_div(p->taps.in_channels, MK_PAIR), p->out_pairs = mk_ceil_div(p->out_channels, MK_PAIR);
    p->rows = p->taps.batch * p->taps.out_height;
    p->is_position_first = weight_bytes(p) <= KEPT_WEIGHT_BYTES;
    const mk_taps *t = &p->taps;
    p->reads_in_place = t->count == 1 && t->phase_count == 1 && t->stride_y == 1 && t->stride_x == 1
        && t->least_row == 0 && t->least_column == 0 && t->in_height == t->out_height && t->in_width == t->out_width
        && t->in_channels % MK_PAIR == 0 && t->in_channels <= MOST_CHANNELS_IN_PLACE;
    const int64_t held = (p->is_position_first ? KEPT_NUMBERS : PACKED_NUMBERS) / p->taps.in_channels;
    const int64_t positions = mk_max64(LEAST_POSITIONS, mk_min64(MOST_POSITIONS, held));
    const int64_t most = mk_band_rows(&p->taps, p->rows, positions);
    // Bands of one size, as many as the largest make.
    p->bands = mk_ceil_div(p->rows, mk_max64(1, most));
    p->band_rows = mk_band_rows(&p->taps, p->rows, mk_ceil_div(p->rows, p->bands) * p->taps.width);
    p->bands = mk_ceil_div(p->rows, p->band_rows);
    p->out_splits = mk_max64(1, mk_min64(p->out_pairs / LEAST_OUT_PAIRS, mk_ceil_div(ITEMS, p->bands)));
    return p->reads_in_place || band_bytes(p) <= MOST_BAND_BYTES;
}

static bool plan_convolution(plan *p, const mk_tiles_convolution *s) {
    *p = (plan){.out_channels = s->out_channels, .out_height = s->out_height, .out_width = s->out_width, .step_y = 1,
        .step_x = 1};
    return mk_fits_tiles(s) && mk_taps_of_convolution(&p->taps, s) && divide(p);
}

static int64_t gradient_phases(const mk_tiles_convolution *s) {
    return mk_min64(s->stride_y, s->in_height) * mk_min64(s->stride_x, s->in_width);
}

/// The i-th output phase of the input's gradient; `weights` is left to the caller.
static bool plan_gradient(plan *p, const mk_tiles_convolution *s, int64_t i) {
    const int64_t columns = mk_min64(s->stride_x, s->in_width);
    *p = (plan){.out_channels = s->in_channels, .out_height = s->in_height, .out_width = s->in_width, .step_y = s->stride_y,
        .step_x = s->stride_x, .first_y = i / columns, .first_x = i % columns};
    return mk_fits_tiles(s) && mk_taps_of_gradient(&p->taps, s, p->first_y, p->first_x) && divide(p);
}

// MARK: weights

typedef struct {
    const plan *p;
    const uint16_t *weights;
    char *packed;
    bool is_gradient;
    int64_t taps;   // of the whole kernel
} packing;

/// The tile of 16 pairs of the sum's channels from `channel` by 16 out channels from `out`; pairs lie side by side.
static void pack_tile(const packing *k, int64_t out, int64_t channel, int64_t tap, uint16_t *tile) {
    const plan *p = k->p;
    const int64_t channels = p->taps.in_channels;
    // Weights are [out, channel, tap], those that a gradient sums over their first axis.
    const int64_t out_step = k->is_gradient ? k->taps : channels * k->taps;
    const int64_t channel_step = k->is_gradient ? p->out_channels * k->taps : k->taps;
    const int64_t outs = mk_min64(MK_TILE_ROWS, p->out_channels - out), depth = mk_min64(MK_TILE_DEPTH, channels - channel);
    if (outs < MK_TILE_ROWS || depth < MK_TILE_DEPTH) memset(tile, 0, MK_TILE_BYTES);
    const uint16_t *from = k->weights + out * out_step + channel * channel_step + tap;
    // The nearer numbers in the inner loop.
    if (k->is_gradient)
        for (int64_t c = 0; c < depth; c++)
            for (int64_t o = 0; o < outs; o++) tile[c / 2 * 32 + o * 2 + c % 2] = from[o * out_step + c * channel_step];
    else
        for (int64_t o = 0; o < outs; o++)
            for (int64_t c = 0; c < depth; c++) tile[c / 2 * 32 + o * 2 + c % 2] = from[o * out_step + c * channel_step];
}

/// Weights of some pairs of out channels: [pair, block of 32 channels, tap, 2 tiles].
static void pack_pairs(void *context, int64_t begin, int64_t end) {
    const packing *k = context;
    const plan *p = k->p;
    for (int64_t pair = begin; pair < end; pair++)
        for (int64_t block = 0; block < p->in_blocks; block++)
            for (int tap = 0; tap < p->taps.count; tap++)
                for (int half = 0; half < 2; half++) {
                    const int64_t tile = ((pair * p->in_blocks + block) * p->taps.count + tap) * 2 + half;
                    const int64_t out = pair * MK_PAIR + half * MK_TILE_ROWS;
                    uint16_t *at = (uint16_t *)(k->packed + tile * MK_TILE_BYTES);
                    if (out >= p->out_channels) memset(at, 0, MK_TILE_BYTES);
                    else pack_tile(k, out, block * MK_PAIR, p->taps.taps[tap].index, at);
                }
}

// MARK: the input

typedef struct {
    const plan *p;
    const mk_tiles_memory *memory;
    mk_segments segments;
    const char *input;    // [phase, block of 32 channels, position, 32], or where it lies
    int64_t position_bytes, block_bytes;
    const char *cut;      // the last chunk, where the batch ends in it and the input lies in place
    int64_t *places;      // of each position in the output, in numbers; below 0 for the room between rows
    int64_t pair, pairs;  // of out channels
} band;

/// 32 channels of so many positions, side by side in `to`; the last block may have 16.
MK_TILES_TARGET static void copy_positions(
    char *to, const uint16_t *from, int64_t count, int64_t step, int64_t channels, int64_t block_bytes) {
    for (int64_t i = 0; i < count; i++, from += step, to += 64) {
        int64_t channel = 0;
        char *at = to;
        for (; channel + MK_PAIR <= channels; channel += MK_PAIR, at += block_bytes)
            _mm512_store_si512(at, _mm512_loadu_si512(from + channel));
        if (channel < channels)
            _mm512_store_si512(at, _mm512_zextsi256_si512(_mm256_loadu_si256((const __m256i *)(from + channel))));
    }
}

MK_TILES_TARGET static void clear_positions(char *to, int64_t count, int64_t blocks, int64_t block_bytes) {
    for (int64_t block = 0; block < blocks; block++) memset(to + block * block_bytes, 0, (size_t)(count * 64));
}

MK_TILES_TARGET static void copy_segment(const band *b, int phase, const mk_segment *s, char *input) {
    const mk_taps *taps = &b->p->taps;
    const mk_phase *of = &taps->phases[phase];
    const int64_t rows = s->rows + taps->span_rows, blocks = b->p->in_blocks, block_bytes = b->block_bytes;
    char *to = input + phase * blocks * block_bytes + s->position * 64;
    for (int64_t r = 0; r < rows; r++, to += taps->width * 64) {
        const mk_row row = mk_input_row(taps, of, s, r, b->memory->input);
        clear_positions(to, row.before, blocks, block_bytes);
        copy_positions(to + row.before * 64, row.from, row.count, row.step, taps->in_channels, block_bytes);
        clear_positions(to + (taps->width - row.after) * 64, row.after, blocks, block_bytes);
    }
    const int64_t left = s->chunks * MK_PAIR + of->furthest - rows * taps->width;
    if (left > 0) clear_positions(to, left, blocks, block_bytes);
}

MK_TILES_TARGET static void copy_input(band *b) {
    const plan *p = b->p;
    // One position more, or equal places of all blocks could share a set of the cache.
    b->position_bytes = 64, b->block_bytes = (b->segments.positions + 1) * 64;
    // Positions that no tap reaches have no phase, and read nothing.
    char *input = mk_scratch(MK_SCRATCH_TILES, mk_max64(1, p->taps.phase_count) * p->in_blocks * b->block_bytes);
    for (int phase = 0; phase < p->taps.phase_count; phase++)
        for (int i = 0; i < b->segments.count; i++) copy_segment(b, phase, &b->segments.segments[i], input);
    b->input = input;
}

/// The input where it lies: one segment. Where a chunk would be read past its end, what is there is copied, with zeros behind it.
static void find_input(band *b, int64_t row) {
    const mk_taps *taps = &b->p->taps;
    const mk_segment *s = &b->segments.segments[0];
    b->position_bytes = taps->in_channels * (int64_t)sizeof(uint16_t), b->block_bytes = 64;
    b->input = (const char *)b->memory->input + row * taps->width * b->position_bytes;
    const int64_t before = (s->chunks - 1) * MK_PAIR, left = s->rows * taps->width - before;
    // Behind the band lie the positions of the next ones, if those are enough.
    if ((b->p->rows - s->row) * taps->width - before >= MK_PAIR) return;
    char *cut = mk_scratch(MK_SCRATCH_TILES, MK_PAIR * b->position_bytes);
    memset(cut, 0, (size_t)(MK_PAIR * b->position_bytes));
    memcpy(cut, b->input + before * b->position_bytes, (size_t)(left * b->position_bytes));
    b->cut = cut;
}

static void find_places(const band *b) {
    const plan *p = b->p;
    for (int i = 0; i < b->segments.count; i++) {
        const mk_segment *s = &b->segments.segments[i];
        int64_t *places = b->places + s->chunk * MK_PAIR;
        int64_t row = s->row, column = 0;
        for (int64_t position = 0; position < s->chunks * MK_PAIR; position++) {
            const int64_t image = row / p->taps.out_height, y = row % p->taps.out_height * p->step_y + p->first_y;
            const bool is_inside = row < s->row + s->rows && column < p->taps.out_width;
            const int64_t x = column * p->step_x + p->first_x;
            places[position] = is_inside ? ((image * p->out_height + y) * p->out_width + x) * p->out_channels : -1;
            if (++column == p->taps.width) column = 0, row++;
        }
    }
}

// MARK: multiplying

/// 32 positions by 32 out channels.
MK_TILES_TARGET static inline void multiply(const band *b, const char *input, const char *weights) {
    const plan *p = b->p;
    const int64_t step = b->position_bytes;
    _tile_zero(0), _tile_zero(1), _tile_zero(2), _tile_zero(3);
    for (int64_t block = 0; block < p->in_blocks; block++)
        for (int i = 0; i < p->taps.count; i++) {
            const mk_tap *t = &p->taps.taps[i];
            const char *x = input + (t->phase * p->in_blocks + block) * b->block_bytes + t->offset * step;
            _tile_loadd(4, x, step), _tile_loadd(6, weights, 64);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(7, weights + MK_TILE_BYTES, 64);
            _tile_dpbf16ps(1, 4, 7);
            _tile_loadd(5, x + MK_TILE_ROWS * step, step);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
            weights += 2 * MK_TILE_BYTES;
        }
}

MK_TILES_TARGET static inline __m512 widened(const uint16_t *from, __mmask16 mask) {
    const __m256i numbers = _mm256_maskz_loadu_epi16(mask, from);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(numbers), 16));
}

/// What is done to 16 sums before they are rounded; factor and shift are of these channels.
MK_TILES_TARGET static inline __m512 finished(
    const mk_tiles_memory *m, __m512 y, __m512 factor, __m512 shift, int64_t place, __mmask16 mask) {
    if (m->factor) y = _mm512_fmadd_ps(y, factor, shift);
    else if (m->shift) y = _mm512_add_ps(y, shift);
    if (m->residual) y = _mm512_add_ps(y, widened(m->residual + place, mask));
    return m->rectifies ? _mm512_max_ps(_mm512_setzero_ps(), y) : y;
}

/// Rounds and writes the sums of 32 positions and 32 out channels from `out`.
MK_TILES_TARGET static inline void write_sums(const band *b, const float *sums, const int64_t *places, int64_t out) {
    const mk_tiles_memory *m = b->memory;
    const bool has_second = out + MK_TILE_ROWS < b->p->out_channels;
    const __mmask16 second = has_second ? 0xFFFF : 0;
    __m512 factor[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()}, shift[2] = {factor[0], factor[0]};
    if (m->factor)
        factor[0] = _mm512_loadu_ps(m->factor + out), factor[1] = _mm512_maskz_loadu_ps(second, m->factor + out + 16);
    if (m->shift) shift[0] = _mm512_loadu_ps(m->shift + out), shift[1] = _mm512_maskz_loadu_ps(second, m->shift + out + 16);
    const __mmask32 mask = has_second ? 0xFFFFFFFF : 0xFFFF;
    for (int i = 0; i < MK_PAIR; i++) {
        if (places[i] < 0) continue;
        const int64_t place = places[i] + out;
        const float *row = sums + i / 16 * 512 + i % 16 * 16;
        const __m512 low = finished(m, _mm512_load_ps(row), factor[0], shift[0], place, 0xFFFF);
        const __m512 high = finished(m, _mm512_load_ps(row + 256), factor[1], shift[1], place + 16, second);
        _mm512_mask_storeu_epi16(m->output + place, mask, (__m512i)_mm512_cvtne2ps_pbh(high, low));
    }
}

/// 32 positions by 32 out channels, from packed input to written output.
MK_TILES_TARGET static inline void run_chunk(const band *b, const mk_segment *s, int64_t chunk, int64_t pair) {
    const plan *p = b->p;
    const bool is_cut = b->cut && chunk == s->chunks - 1;
    const char *input = is_cut ? b->cut : b->input + (s->position + chunk * MK_PAIR) * b->position_bytes;
    _Alignas(64) float sums[4 * MK_TILE_SUMS];
    const char *weights =
        (const char *)b->memory->weights + p->weights + pair * p->in_blocks * p->taps.count * 2 * MK_TILE_BYTES;
    multiply(b, input, weights);
    _tile_stored(0, sums, 64), _tile_stored(1, sums + 256, 64);
    _tile_stored(2, sums + 512, 64), _tile_stored(3, sums + 768, 64);
    write_sums(b, sums, b->places + (s->chunk + chunk) * MK_PAIR, pair * MK_PAIR);
}

MK_TILES_TARGET static void run_band(const band *b) {
    const int64_t end = b->pair + b->pairs;
    if (b->p->is_position_first) {
        for (int i = 0; i < b->segments.count; i++)
            for (int64_t chunk = 0; chunk < b->segments.segments[i].chunks; chunk++)
                for (int64_t pair = b->pair; pair < end; pair++)
                    run_chunk(b, &b->segments.segments[i], chunk, pair);
        return;
    }
    for (int64_t pair = b->pair; pair < end; pair++)
        for (int i = 0; i < b->segments.count; i++)
            for (int64_t chunk = 0; chunk < b->segments.segments[i].chunks; chunk++)
                run_chunk(b, &b->segments.segments[i], chunk, pair);
}

typedef struct {
    const plan *p;
    const mk_tiles_memory *memory;
} job;

MK_TILES_TARGET static void run_items(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const plan *p = j->p;
    mk_tiles_begin();
    for (int64_t item = begin; item < end; item++) {
        const int64_t number = item / p->out_splits, split = item % p->out_splits;
        band b = {.p = p, .memory = j->memory};
        b.pair = p->out_pairs * split / p->out_splits, b.pairs = p->out_pairs * (split + 1) / p->out_splits - b.pair;
        const int64_t row = number * p->band_rows;
        mk_find_segments(&b.segments, &p->taps, row, mk_min64(p->rows, row + p->band_rows));
        b.places = mk_scratch(MK_SCRATCH_TABLES, b.segments.chunks * MK_PAIR * (int64_t)sizeof(int64_t));
        find_places(&b);
        if (p->reads_in_place) find_input(&b, row);
        else copy_input(&b);
        run_band(&b);
    }
    _tile_release();
}

static void run(const plan *p, const mk_tiles_memory *memory) {
    job j = {p, memory};
    mk_parallel_for(p->bands * p->out_splits, 1, run_items, &j);
}

// MARK: interface

bool mk_tiles_has_convolution(const mk_tiles_convolution *shape) {
    plan p;
    return mk_tiles_are_available() && plan_convolution(&p, shape);
}

bool mk_tiles_has_input_gradient(const mk_tiles_convolution *shape) {
    if (!mk_tiles_are_available() || !mk_fits_tiles(shape)) return false;
    plan p;
    for (int64_t i = 0; i < gradient_phases(shape); i++)
        if (!plan_gradient(&p, shape, i)) return false;
    return true;
}

int64_t mk_tiles_weight_bytes(const mk_tiles_convolution *shape, bool is_gradient) {
    plan p;
    if (!is_gradient) return plan_convolution(&p, shape) ? weight_bytes(&p) : 0;
    int64_t bytes = 0;
    for (int64_t i = 0; i < gradient_phases(shape); i++) bytes += plan_gradient(&p, shape, i) ? weight_bytes(&p) : 0;
    return bytes;
}

void mk_tiles_pack_weights(const mk_tiles_convolution *shape, bool is_gradient, const uint16_t *weights, void *packed) {
    packing k = {.weights = weights, .packed = packed, .is_gradient = is_gradient};
    k.taps = shape->kernel_height * shape->kernel_width;
    plan p;
    k.p = &p;
    for (int64_t i = 0; i < (is_gradient ? gradient_phases(shape) : 1); i++) {
        if (!(is_gradient ? plan_gradient(&p, shape, i) : plan_convolution(&p, shape))) return;
        mk_parallel_for(p.out_pairs, 1, pack_pairs, &k);
        k.packed += weight_bytes(&p);
    }
}

void mk_tiles_run(const mk_tiles_convolution *shape, const mk_tiles_memory *memory) {
    plan p;
    if (plan_convolution(&p, shape)) run(&p, memory);
}

void mk_tiles_input_gradient(const mk_tiles_convolution *shape, const mk_tiles_memory *memory) {
    int64_t before = 0;
    plan p;
    for (int64_t i = 0; i < gradient_phases(shape); i++) {
        if (!plan_gradient(&p, shape, i)) return;
        p.weights = before;
        run(&p, memory);
        before += weight_bytes(&p);
    }
}

#else

bool mk_tiles_has_convolution(const mk_tiles_convolution *shape) { return false; }
bool mk_tiles_has_input_gradient(const mk_tiles_convolution *shape) { return false; }
int64_t mk_tiles_weight_bytes(const mk_tiles_convolution *shape, bool is_gradient) { return 0; }
void mk_tiles_pack_weights(const mk_tiles_convolution *shape, bool is_gradient, const uint16_t *weights, void *packed) {}
void mk_tiles_run(const mk_tiles_convolution *shape, const mk_tiles_memory *memory) {}
void mk_tiles_input_gradient(const mk_tiles_convolution *shape, const mk_tiles_memory *memory) {}

#endif
