// How convolutions are laid out for matrix tiles. Rows of output positions are laid end to end, each with so much room behind it as
// taps reach past it, so that each tap (a kernel position) is an offset into the input. For strides above 1 the input is taken apart
// by the remainder of its coordinates ("phases"), in which neighbours lie side by side.
#ifndef TILES_POSITIONS_H
#define TILES_POSITIONS_H

#include "matmul_core.h"
#include "tiles.h"

enum {
    MK_MAX_TAPS = 64, MK_MAX_PHASES = 16, MK_MAX_SEGMENTS = 64,
    MK_PAIR = 32,                       // channels, or positions, of two tiles
    MK_MOST_ROW_POSITIONS = 1 << 14,    // of the rows that taps of one position reach
};

typedef struct {
    int64_t index;         // of the kernel's positions
    int phase;
    int64_t row, column;   // of the phase, that output position (0, 0) meets
    int64_t offset;
} mk_tap;

/// The coordinates of the input that have a remainder of their own.
typedef struct {
    int64_t row, column;
    int64_t furthest;      // the largest offset of its taps
    bool has_odd;          // an odd offset
} mk_phase;

typedef struct {
    int64_t in_channels, in_height, in_width, stride_y, stride_x;
    int64_t batch, out_height, out_width;
    int count, phase_count;
    mk_tap taps[MK_MAX_TAPS];
    mk_phase phases[MK_MAX_PHASES];
    int64_t least_row, least_column, span_rows, span_columns;
    int64_t width;         // of a row of positions, with its room
    int64_t furthest;      // the largest offset
} mk_taps;

/// Rows of positions that lie end to end; of one image where taps reach across rows.
typedef struct {
    int64_t row, rows;       // of the batch
    int64_t chunk, chunks;   // of 32 positions
    int64_t position;        // the first of the input's
} mk_segment;

typedef struct {
    int count;
    int64_t chunks, positions;
    mk_segment segments[MK_MAX_SEGMENTS];
} mk_segments;

/// Numbers of a row of the input, with zeros around them; `count` is 0 where the row lies outside.
typedef struct {
    const uint16_t *from;
    int64_t before, count, after, step;
} mk_row;

/// True for whole rows of tiles: neither side empty, channels in multiples of 16.
bool mk_fits_tiles(const mk_tiles_convolution *shape);

/// The taps of a convolution; false where there are more than the kernels take.
bool mk_taps_of_convolution(mk_taps *taps, const mk_tiles_convolution *shape);

/// The taps that make the input's gradient at the positions (y, x) * stride + (phase_y, phase_x) from the output's gradient.
bool mk_taps_of_gradient(mk_taps *taps, const mk_tiles_convolution *shape, int64_t phase_y, int64_t phase_x);

/// Rows that are best taken at a time, of so many positions at most.
int64_t mk_band_rows(const mk_taps *taps, int64_t rows, int64_t positions);

/// Divides rows of the batch. A segment's input has room for the furthest tap and two positions more.
void mk_find_segments(mk_segments *segments, const mk_taps *taps, int64_t row, int64_t end);

/// Row r of a segment's input, as far as it lies in the image. A segment has `rows + span_rows` of them.
mk_row mk_input_row(const mk_taps *taps, const mk_phase *phase, const mk_segment *segment, int64_t r, const uint16_t *input);

#endif
