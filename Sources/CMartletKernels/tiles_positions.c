#include "tiles_positions.h"

bool mk_fits_tiles(const mk_tiles_convolution *s) {
    return s->in_channels > 0 && s->out_channels > 0 && s->in_channels % MK_TILE_ROWS == 0
        && s->out_channels % MK_TILE_ROWS == 0 && s->batch * s->out_height * s->out_width > 0
        && s->in_height * s->in_width > 0 && s->kernel_height * s->kernel_width > 0;
}

static int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

static int phase_of(mk_taps *taps, int64_t row, int64_t column) {
    for (int i = 0; i < taps->phase_count; i++)
        if (taps->phases[i].row == row && taps->phases[i].column == column) return i;
    if (taps->phase_count == MK_MAX_PHASES) return -1;
    taps->phases[taps->phase_count] = (mk_phase){.row = row, .column = column};
    return taps->phase_count++;
}

/// A tap that meets the input at (top, left) from the output's first position.
static bool add(mk_taps *taps, int64_t index, int64_t top, int64_t left) {
    const int64_t row = floor_div(top, taps->stride_y), column = floor_div(left, taps->stride_x);
    const int phase = phase_of(taps, top - row * taps->stride_y, left - column * taps->stride_x);
    if (phase < 0 || taps->count == MK_MAX_TAPS) return false;
    taps->taps[taps->count++] = (mk_tap){.index = index, .phase = phase, .row = row, .column = column};
    return true;
}

/// What follows from the taps; false where a row is too long.
static bool finish(mk_taps *taps) {
    int64_t most_row = INT64_MIN, most_column = INT64_MIN;
    taps->least_row = taps->least_column = INT64_MAX;
    for (int i = 0; i < taps->count; i++) {
        const mk_tap *t = &taps->taps[i];
        taps->least_row = mk_min64(taps->least_row, t->row), most_row = mk_max64(most_row, t->row);
        taps->least_column = mk_min64(taps->least_column, t->column), most_column = mk_max64(most_column, t->column);
    }
    if (taps->count > 0) {
        taps->span_rows = most_row - taps->least_row, taps->span_columns = most_column - taps->least_column;
    } else {
        taps->least_row = taps->least_column = 0;
    }
    taps->width = taps->out_width + taps->span_columns;
    for (int i = 0; i < taps->count; i++) {
        mk_tap *t = &taps->taps[i];
        mk_phase *phase = &taps->phases[t->phase];
        t->offset = (t->row - taps->least_row) * taps->width + t->column - taps->least_column;
        phase->furthest = mk_max64(phase->furthest, t->offset);
        phase->has_odd |= t->offset & 1;
        taps->furthest = mk_max64(taps->furthest, t->offset);
    }
    return (taps->span_rows + 1) * taps->width <= MK_MOST_ROW_POSITIONS;
}

bool mk_taps_of_convolution(mk_taps *taps, const mk_tiles_convolution *s) {
    *taps = (mk_taps){.in_channels = s->in_channels, .in_height = s->in_height, .in_width = s->in_width,
        .stride_y = s->stride_y, .stride_x = s->stride_x, .batch = s->batch, .out_height = s->out_height,
        .out_width = s->out_width};
    for (int64_t y = 0; y < s->kernel_height; y++)
        for (int64_t x = 0; x < s->kernel_width; x++)
            if (!add(taps, y * s->kernel_width + x, y * s->dilation_y - s->padding_top, x * s->dilation_x - s->padding_left))
                return false;
    return finish(taps);
}

bool mk_taps_of_gradient(mk_taps *taps, const mk_tiles_convolution *s, int64_t phase_y, int64_t phase_x) {
    *taps = (mk_taps){.in_channels = s->out_channels, .in_height = s->out_height, .in_width = s->out_width, .stride_y = 1,
        .stride_x = 1, .batch = s->batch, .out_height = mk_ceil_div(s->in_height - phase_y, s->stride_y),
        .out_width = mk_ceil_div(s->in_width - phase_x, s->stride_x)};
    for (int64_t y = 0; y < s->kernel_height; y++)
        for (int64_t x = 0; x < s->kernel_width; x++) {
            const int64_t top = phase_y + s->padding_top - y * s->dilation_y;
            const int64_t left = phase_x + s->padding_left - x * s->dilation_x;
            if (top % s->stride_y || left % s->stride_x) continue;
            if (!add(taps, y * s->kernel_width + x, top / s->stride_y, left / s->stride_x)) return false;
        }
    return finish(taps);
}

int64_t mk_band_rows(const mk_taps *taps, int64_t rows, int64_t positions) {
    int64_t result = mk_min64(rows, mk_max64(1, positions / taps->width));
    if (taps->span_rows == 0) return result;
    // Segments end where images do: whole images leave the fewest tiles that are not full.
    if (result > taps->out_height) result -= result % taps->out_height;
    return mk_min64(result, (MK_MAX_SEGMENTS - 2) * taps->out_height);
}

void mk_find_segments(mk_segments *segments, const mk_taps *taps, int64_t row, int64_t end) {
    segments->count = 0, segments->chunks = 0, segments->positions = 0;
    while (row < end) {
        const int64_t stop = taps->span_rows > 0 ? mk_min64(end, (row / taps->out_height + 1) * taps->out_height) : end;
        const int64_t chunks = mk_ceil_div((stop - row) * taps->width, MK_PAIR);
        segments->segments[segments->count++] =
            (mk_segment){row, stop - row, segments->chunks, chunks, segments->positions};
        segments->chunks += chunks;
        segments->positions += chunks * MK_PAIR + (taps->furthest + 3) / 2 * 2;
        row = stop;
    }
}

mk_row mk_input_row(const mk_taps *taps, const mk_phase *phase, const mk_segment *segment, int64_t r, const uint16_t *input) {
    const int64_t image = (segment->row + (taps->span_rows > 0 ? 0 : r)) / taps->out_height;
    const int64_t out_row = segment->row + r - image * taps->out_height;
    const int64_t row = (out_row + taps->least_row) * taps->stride_y + phase->row;
    if (row < 0 || row >= taps->in_height) return (mk_row){.from = input, .before = taps->width};
    // Column c of the phase's row is column (c + least) * stride + remainder of the image.
    const int64_t first = taps->least_column * taps->stride_x + phase->column, past = taps->in_width - first;
    const int64_t low = first >= 0 ? 0 : mk_min64(taps->width, mk_ceil_div(-first, taps->stride_x));
    const int64_t high = past <= 0 ? low : mk_max64(low, mk_min64(taps->width, mk_ceil_div(past, taps->stride_x)));
    const int64_t column = first + low * taps->stride_x;
    return (mk_row){
        .from = input + ((image * taps->in_height + row) * taps->in_width + column) * taps->in_channels, .before = low,
        .count = high - low, .after = taps->width - high, .step = taps->stride_x * taps->in_channels};
}
