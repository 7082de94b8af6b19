// The weight gradient of a convolution on matrix tiles.
//
//     ∂L/∂w[o, c, y, x] = Σ_p ∂L/∂Y[p, o] · X[p · stride + (y, x) · dilation - padding, c]
//
// is for each tap a product of ∂L/∂Yᵀ and X over positions p, laid out as tiles_positions.h says, with zeros of ∂L/∂Y in the room
// behind each row. The multiplying instruction wants pairs of positions: X in pairs that begin at even positions, and once more at odd
// ones for the taps with an odd offset.
//
// Work is divided into items, each a part of the positions by a range of channels on either side. An item's thread packs what it
// multiplies by itself: memory that another core wrote is several times as slow as its own second-level cache.
#include "tiles_positions.h"

#include "matmul_scratch.h"
#include "mk_parallel.h"

#if defined(__x86_64__)

enum {
    ITEMS = 8,                     // wanted of a shape, whatever the number of threads: the order of sums is the shape's
    MOST_OUT_CHANNELS = 512,       // of an item
    PACKED_NUMBERS = 1 << 19,      // of ∂L/∂Y: 1 MB, half of a second-level cache
    MOST_POSITIONS = 2048,         // packed at a time
    LEAST_POSITIONS = 512,         // of a part: below, its sums cost as much as its products
    SUM_BYTES = 4 << 20,           // of all parts
    MOST_PAIR_BYTES = 16 << 20,    // that a thread should keep
    AHEAD = 24,                    // positions that memory is asked for before they are read
};

typedef struct {
    mk_tiles_convolution shape;
    mk_taps taps;
    int64_t rows;           // of the whole batch
    int64_t in_pairs, out_pairs;
    int64_t parts, part_rows, in_splits, out_splits;
    int64_t band_rows;      // packed at a time
} plan;

/// Bytes of the sums of one part: [pair of in channels, pair of out channels, tap, 4 tiles].
static int64_t sum_bytes(const plan *p) {
    return p->in_pairs * p->out_pairs * p->taps.count * 4 * MK_TILE_SUMS * (int64_t)sizeof(float);
}

/// Divides the work. Parts of the positions pack nothing twice, but each has sums of its own; where those are large or the
/// positions few, channels are divided instead.
static void divide(plan *p) {
    const mk_tiles_convolution *s = &p->shape;
    const int64_t most = mk_max64(1, mk_min64(p->rows * p->taps.width / LEAST_POSITIONS, SUM_BYTES / sum_bytes(p)));
    // Images are not cut where taps reach across rows.
    const int64_t unit = p->taps.span_rows > 0 && s->batch >= most ? s->out_height : 1;
    p->part_rows = mk_ceil_div(mk_ceil_div(p->rows, mk_min64(ITEMS, most)), unit) * unit;
    p->parts = mk_ceil_div(p->rows, p->part_rows);
    // Who divides the channels of one side packs the other side anew for each; ∂L/∂Yᵀ takes about twice the time.
    const int64_t wanted = mk_ceil_div(ITEMS, p->parts), least = mk_ceil_div(p->out_pairs * MK_PAIR, MOST_OUT_CHANNELS);
    const bool divides_in = p->in_pairs > 2 * p->out_pairs;
    p->in_splits = divides_in ? mk_max64(1, mk_min64(wanted, p->in_pairs / 4)) : 1;
    p->out_splits = mk_max64(mk_max64(1, least), mk_min64(wanted / p->in_splits, p->out_pairs / 4));
    if (!divides_in) p->in_splits = mk_max64(1, mk_min64(wanted / p->out_splits, p->in_pairs / 4));
    const int64_t out_channels = mk_ceil_div(p->out_pairs, p->out_splits) * MK_PAIR;
    p->band_rows = mk_band_rows(&p->taps, p->part_rows, mk_min64(MOST_POSITIONS, PACKED_NUMBERS / out_channels));
}

static bool make_plan(plan *p, const mk_tiles_convolution *shape) {
    *p = (plan){.shape = *shape};
    const mk_tiles_convolution *s = &p->shape;
    if (!mk_fits_tiles(s) || !mk_taps_of_convolution(&p->taps, s)) return false;
    p->rows = s->batch * s->out_height;
    p->out_pairs = mk_ceil_div(s->out_channels, MK_PAIR), p->in_pairs = mk_ceil_div(s->in_channels, MK_PAIR);
    divide(p);
    // Both copies of the pairs of a band.
    return p->taps.phase_count * (p->band_rows + p->taps.span_rows) * p->taps.width * 256 <= MOST_PAIR_BYTES;
}

typedef struct {
    plan p;
    const uint16_t *input, *gradient;
    float *sums;             // of all parts
    bool is_float;
    void *result;
} job;

typedef struct {
    const plan *p;
    const uint16_t *input, *gradient;
    char *packed, *pairs_of_input;   // ∂L/∂Yᵀ: [pair of out channels, chunk, 2 tiles]; X, see `place_copies`
    float *sums;                     // of the item's part
    int64_t out_pair, out_pairs, in_pair, in_pairs;
    bool is_first;
    mk_segments segments;
} band;

// MARK: packing

/// Columns become rows: 16 x 16 numbers of four bytes.
MK_TILES_TARGET static inline void transpose(__m512i r[16]) {
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD);
        t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
    }
    for (int i = 0; i < 4; i++) {
        r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xDD);
        r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xDD);
    }
}

MK_TILES_TARGET static inline __m512i widened(const uint16_t *numbers) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)numbers));
}

/// 32 positions of ∂L/∂Y, for all out channels of the block: tiles of 16 channels by 32 positions.
MK_TILES_TARGET static void pack_chunk(const band *b, const mk_segment *s, int64_t chunk) {
    static const uint16_t zeros[MK_TILE_ROWS];
    const plan *p = b->p;
    const int64_t channels = p->shape.out_channels, first = b->out_pair * MK_PAIR;
    const uint16_t *at[MK_TILE_DEPTH];
    const int64_t start = (chunk - s->chunk) * MK_TILE_DEPTH;
    int64_t row = start / p->taps.width, column = start % p->taps.width;
    for (int i = 0; i < MK_TILE_DEPTH; i++) {
        const bool is_inside = row < s->rows && column < p->shape.out_width;
        at[i] = is_inside ? b->gradient + ((s->row + row) * p->shape.out_width + column) * channels + first : NULL;
        if (++column == p->taps.width) column = 0, row++;
    }
    for (int64_t block = 0; block < b->out_pairs * 2; block++) {
        const int64_t channel = block * MK_TILE_ROWS;
        const bool is_there = first + channel < channels;
        // The next chunk's, a line of which holds two blocks.
        if (block % 2 == 0)
            for (int i = 0; i < MK_TILE_DEPTH; i++)
                if (at[i]) __builtin_prefetch(at[i] + channel + MK_TILE_DEPTH * channels);
        __m512i r[16];
        for (int i = 0; i < 16; i++) {
            const uint16_t *even = at[2 * i], *odd = at[2 * i + 1];
            const __m512i low = widened(even && is_there ? even + channel : zeros);
            const __m512i high = widened(odd && is_there ? odd + channel : zeros);
            r[i] = _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
        }
        transpose(r);
        char *tile = b->packed + (((block / 2) * b->segments.chunks + chunk) * 2 + block % 2) * MK_TILE_BYTES;
        for (int i = 0; i < 16; i++) _mm512_store_si512(tile + i * 64, r[i]);
    }
}

MK_TILES_TARGET static void pack_gradient(const band *b) {
    for (int i = 0; i < b->segments.count; i++) {
        const mk_segment *s = &b->segments.segments[i];
        for (int64_t chunk = s->chunk; chunk < s->chunk + s->chunks; chunk++) pack_chunk(b, s, chunk);
    }
}

/// Pairs of positions of 32 channels of X, as they come: each position ends a pair that began before it.
typedef struct {
    char *even[2], *odd[2];   // the next pair's place for each half of the channels; odd is NULL where it is not wanted
    __m512i last[2];
    bool is_odd;
} pairs;

MK_TILES_TARGET static inline void append(pairs *to, __m512i low, __m512i high) {
    char **place = to->is_odd ? to->even : to->odd;
    if (place[0]) {
        _mm512_store_si512(place[0], _mm512_or_si512(to->last[0], _mm512_slli_epi32(low, 16)));
        _mm512_store_si512(place[1], _mm512_or_si512(to->last[1], _mm512_slli_epi32(high, 16)));
        place[0] += 64, place[1] += 64;
    }
    to->last[0] = low, to->last[1] = high;
    to->is_odd = !to->is_odd;
}

MK_TILES_TARGET static void append_zeros(pairs *to, int64_t count) {
    for (int64_t i = 0; i < count; i++) append(to, _mm512_setzero_si512(), _mm512_setzero_si512());
}

MK_TILES_TARGET static void append_row(pairs *to, const mk_row *row, int64_t channel, bool is_half) {
    append_zeros(to, row->before);
    const uint16_t *from = row->from + channel;
    for (int64_t i = 0; i < row->count; i++, from += row->step) {
        // One line of each position: the processor does not foresee that.
        __builtin_prefetch(from + AHEAD * row->step);
        append(to, widened(from), is_half ? _mm512_setzero_si512() : widened(from + MK_TILE_ROWS));
    }
    append_zeros(to, row->after);
}

MK_TILES_TARGET static void pack_segment(
    const band *b, const mk_segment *g, const mk_phase *of, int64_t in_pair, char *even[2], char *odd[2]) {
    const mk_taps *taps = &b->p->taps;
    const int64_t channel = in_pair * MK_PAIR;
    pairs to = {.is_odd = false};
    for (int half = 0; half < 2; half++) {
        to.even[half] = even[half] + g->position / 2 * 64;
        to.odd[half] = of->has_odd ? odd[half] + g->position / 2 * 64 : NULL;
        to.last[half] = _mm512_setzero_si512();
    }
    const int64_t rows = g->rows + taps->span_rows;
    for (int64_t r = 0; r < rows; r++) {
        const mk_row row = mk_input_row(taps, of, g, r, b->input);
        append_row(&to, &row, channel, channel + MK_TILE_ROWS >= taps->in_channels);
    }
    // Two more, so that the last pair that begins at an odd position is there too.
    append_zeros(&to, mk_max64(0, g->chunks * MK_TILE_DEPTH + of->furthest + 2 - rows * taps->width));
}

// MARK: multiplying

/// Bytes of one copy of one half of one phase.
static int64_t copy_bytes(const band *b) { return (b->segments.positions / 2 + 2) * 64; }

/// Where the copies of a phase lie in a thread's memory: even, odd for each half of the 32 channels.
static void place_copies(const band *b, int phase, char *even[2], char *odd[2]) {
    for (int half = 0; half < 2; half++) {
        even[half] = b->pairs_of_input + (phase * 4 + half * 2) * copy_bytes(b);
        odd[half] = even[half] + copy_bytes(b);
    }
}

/// Sums in tiles 0 to 3 of 32 out channels with 32 in channels, of which the higher 16 may be missing (`high` is NULL).
MK_TILES_TARGET static inline void multiply_chunks(const char *gradient, const char *low, const char *high, int64_t chunks) {
    if (high)
        for (int64_t i = 0; i < chunks; i++, gradient += 2 * MK_TILE_BYTES, low += MK_TILE_BYTES, high += MK_TILE_BYTES) {
            _tile_loadd(4, gradient, 64), _tile_loadd(6, low, 64);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(7, high, 64);
            _tile_dpbf16ps(1, 4, 7);
            _tile_loadd(5, gradient + MK_TILE_BYTES, 64);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    else
        for (int64_t i = 0; i < chunks; i++, gradient += 2 * MK_TILE_BYTES, low += MK_TILE_BYTES) {
            _tile_loadd(4, gradient, 64), _tile_loadd(6, low, 64), _tile_loadd(5, gradient + MK_TILE_BYTES, 64);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(2, 5, 6);
        }
}

/// sums += ∂L/∂Yᵀ · X for 32 by 32 channels and one tap.
MK_TILES_TARGET static void multiply(
    const band *b, const char *gradient, const char *low, const char *high, int64_t offset, float *sums) {
    if (b->is_first) {
        _tile_zero(0), _tile_zero(1), _tile_zero(2), _tile_zero(3);
    } else {
        _tile_loadd(0, sums, 64), _tile_loadd(1, sums + 256, 64);
        _tile_loadd(2, sums + 512, 64), _tile_loadd(3, sums + 768, 64);
    }
    for (int i = 0; i < b->segments.count; i++) {
        const mk_segment *s = &b->segments.segments[i];
        const int64_t at = (s->position + offset) / 2 * 64;
        multiply_chunks(gradient + s->chunk * 2 * MK_TILE_BYTES, low + at, high ? high + at : NULL, s->chunks);
    }
    _tile_stored(0, sums, 64), _tile_stored(1, sums + 256, 64);
    _tile_stored(2, sums + 512, 64), _tile_stored(3, sums + 768, 64);
}

/// All taps of 32 in channels with the item's out channels.
MK_TILES_TARGET static void multiply_pair(const band *b, int64_t in_pair) {
    const plan *p = b->p;
    for (int64_t pair = 0; pair < b->out_pairs; pair++)
        for (int i = 0; i < p->taps.count; i++) {
            const mk_tap *t = &p->taps.taps[i];
            char *even[2], *odd[2];
            place_copies(b, t->phase, even, odd);
            // Odd copies begin with the pair before the first position.
            const bool is_odd = t->offset & 1;
            const char *low = is_odd ? odd[0] + 64 : even[0], *high = is_odd ? odd[1] + 64 : even[1];
            if (in_pair * MK_PAIR + MK_TILE_ROWS >= p->shape.in_channels) high = NULL;
            const int64_t tiles = ((in_pair * p->out_pairs + b->out_pair + pair) * p->taps.count + i) * 4;
            multiply(
                b, b->packed + pair * b->segments.chunks * 2 * MK_TILE_BYTES, low, high, t->offset, b->sums + tiles * MK_TILE_SUMS);
        }
}

MK_TILES_TARGET static void run_band(band *b) {
    const plan *p = b->p;
    b->packed = mk_scratch(MK_SCRATCH_TILES, b->out_pairs * b->segments.chunks * 2 * MK_TILE_BYTES);
    b->pairs_of_input = mk_scratch(MK_SCRATCH_TILE_PAIRS, p->taps.phase_count * 4 * copy_bytes(b));
    pack_gradient(b);
    for (int64_t in_pair = b->in_pair; in_pair < b->in_pair + b->in_pairs; in_pair++) {
        for (int i = 0; i < p->taps.phase_count; i++) {
            char *even[2], *odd[2];
            place_copies(b, i, even, odd);
            for (int g = 0; g < b->segments.count; g++)
                pack_segment(b, &b->segments.segments[g], &p->taps.phases[i], in_pair, even, odd);
        }
        multiply_pair(b, in_pair);
    }
}

MK_TILES_TARGET static void run_items(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const plan *p = &j->p;
    mk_tiles_begin();
    for (int64_t item = begin; item < end; item++) {
        const int64_t in_split = item % p->in_splits, out_split = item / p->in_splits % p->out_splits;
        const int64_t part = item / p->in_splits / p->out_splits;
        band b = {.p = p, .input = j->input, .gradient = j->gradient};
        b.sums = j->sums + part * sum_bytes(p) / (int64_t)sizeof(float);
        b.in_pair = p->in_pairs * in_split / p->in_splits;
        b.in_pairs = p->in_pairs * (in_split + 1) / p->in_splits - b.in_pair;
        b.out_pair = p->out_pairs * out_split / p->out_splits;
        b.out_pairs = p->out_pairs * (out_split + 1) / p->out_splits - b.out_pair;
        const int64_t first = part * p->part_rows, past = mk_min64(p->rows, first + p->part_rows);
        for (int64_t row = first; row < past; row += p->band_rows) {
            b.is_first = row == first;
            mk_find_segments(&b.segments, &p->taps, row, mk_min64(past, row + p->band_rows));
            run_band(&b);
        }
    }
    _tile_release();
}

// MARK: the result

MK_TILES_TARGET static inline void store16(const job *j, int64_t at, __m512 numbers) {
    if (j->is_float) _mm512_storeu_ps((float *)j->result + at, numbers);
    else _mm256_storeu_si256((__m256i *)((uint16_t *)j->result + at), (__m256i)_mm512_cvtneps_pbh(numbers));
}

/// 16 sums of all parts, added in order.
MK_TILES_TARGET static inline __m512 total(const job *j, int64_t at) {
    __m512 sum = _mm512_loadu_ps(j->sums + at);
    const int64_t step = sum_bytes(&j->p) / (int64_t)sizeof(float);
    for (int64_t part = 1; part < j->p.parts; part++) sum = _mm512_add_ps(sum, _mm512_loadu_ps(j->sums + part * step + at));
    return sum;
}

/// The sums of some out channels, from tiles for each tap to [out channel, in channel, tap].
MK_TILES_TARGET static void write_result(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const plan *p = &j->p;
    const int64_t taps = p->taps.count, channels = p->shape.in_channels;
    for (int64_t out = begin; out < end; out++)
        for (int64_t in = 0; in < channels; in += MK_TILE_ROWS) {
            const int64_t tile = (in / MK_PAIR * p->out_pairs + out / MK_PAIR) * taps * 4 + (out / 16 % 2) * 2 + in / 16 % 2;
            const int64_t from = tile * MK_TILE_SUMS + out % 16 * 16, to = (out * channels + in) * taps;
            float turned[MK_TILE_ROWS * MK_MAX_TAPS];
            for (int64_t t = 0; t < taps; t++) {
                float row[MK_TILE_ROWS];
                _mm512_storeu_ps(row, total(j, from + t * 4 * MK_TILE_SUMS));
                for (int i = 0; i < MK_TILE_ROWS; i++) turned[i * taps + t] = row[i];
            }
            for (int64_t i = 0; i < taps; i++) store16(j, to + i * 16, _mm512_loadu_ps(turned + i * 16));
        }
}

bool mk_tiles_has_weight_gradient(const mk_tiles_convolution *shape) {
    plan p;
    return mk_tiles_are_available() && make_plan(&p, shape);
}

int64_t mk_tiles_weight_gradient_bytes(const mk_tiles_convolution *shape) {
    plan p;
    return make_plan(&p, shape) ? p.parts * sum_bytes(&p) : 0;
}

void mk_tiles_weight_gradient(
    const mk_tiles_convolution *shape, const uint16_t *input, const uint16_t *gradient, bool is_float, void *result,
    void *workspace) {
    job j = {.input = input, .gradient = gradient, .sums = workspace, .is_float = is_float, .result = result};
    if (!make_plan(&j.p, shape)) return;
    mk_parallel_for(j.p.parts * j.p.out_splits * j.p.in_splits, 1, run_items, &j);
    mk_parallel_for(j.p.shape.out_channels, 8, write_result, &j);
}

#else

bool mk_tiles_has_weight_gradient(const mk_tiles_convolution *shape) { return false; }
int64_t mk_tiles_weight_gradient_bytes(const mk_tiles_convolution *shape) { return 0; }
void mk_tiles_weight_gradient(
    const mk_tiles_convolution *shape, const uint16_t *input, const uint16_t *gradient, bool is_float, void *result,
    void *workspace) {}

#endif
