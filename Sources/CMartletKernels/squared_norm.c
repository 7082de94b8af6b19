#include <stdbool.h>
#include <stddef.h>

#include "matmul_clones.h"
#include "matmul_scratch.h"
#include "mk_parallel.h"
#include "mk_updates.h"

// The pieces depend on the lengths alone and are added up in their order: the same bits on any number of threads.

enum { PIECE = MK_SQUARED_PIECE, LANES = 32 };

MK_CLONES static double piece_sum(const float *x, int64_t n) {
    float lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int j = 0; j < LANES; j++) lane[j] += x[i + j] * x[i + j];
    }
    for (int j = 0; i + j < n; j++) lane[j] += x[i + j] * x[i + j];
    double sum = 0;
    for (int j = 0; j < LANES; j++) sum += (double)lane[j];
    return sum;
}

static int64_t pieces_of(int64_t count) { return (count + PIECE - 1) / PIECE; }

typedef struct {
    const float *elements;
    int64_t count, begin;
    double *sums;
} pieces_job;

static void sum_stretch(void *context, int64_t begin, int64_t end) {
    const pieces_job *job = context;
    for (int64_t piece = job->begin + begin; piece < job->begin + end; piece++) {
        int64_t start = piece * PIECE, count = job->count - start < PIECE ? job->count - start : PIECE;
        job->sums[piece] = piece_sum(job->elements + start, count);
    }
}

void mk_squared_pieces(const float *elements, int64_t count, int64_t begin, int64_t end, double *sums) {
    pieces_job job = {elements, count, begin, sums};
    // Waking a second thread costs more than a few pieces take.
    if (end - begin <= 4)
        sum_stretch(&job, 0, end - begin);
    else
        mk_parallel_for(end - begin, 4, sum_stretch, &job);
}

typedef struct {
    const mk_stretch *stretches;
    int64_t stretch_count;
    double *partials;
} norm_job;

/// Pieces that are still to be added up.
static int64_t own_pieces(const mk_stretch *stretch) { return stretch->elements ? pieces_of(stretch->count) : 0; }

/// Pieces are numbered through all stretches that bring elements.
static void sum_pieces(void *context, int64_t begin, int64_t end) {
    const norm_job *job = context;
    int64_t first = 0;
    for (int64_t s = 0; s < job->stretch_count && first < end; s++) {
        const mk_stretch *stretch = &job->stretches[s];
        int64_t pieces = own_pieces(stretch);
        int64_t from = begin > first ? begin - first : 0, to = end - first < pieces ? end - first : pieces;
        if (from < to) {
            pieces_job own = {stretch->elements, stretch->count, 0, job->partials + first};
            sum_stretch(&own, from, to);
        }
        first += pieces;
    }
}

double mk_squared_norm(const mk_stretch *stretches, int64_t stretch_count) {
    int64_t pieces = 0, elements = 0;
    for (int64_t s = 0; s < stretch_count; s++) {
        pieces += own_pieces(&stretches[s]);
        if (stretches[s].elements) elements += stretches[s].count;
    }
    double *partials = mk_scratch(MK_SCRATCH_SQUARES, pieces * (int64_t)sizeof *partials);
    norm_job job = {stretches, stretch_count, partials};
    // Waking a second thread costs more than a few small tensors take.
    if (elements <= 4 * PIECE)
        sum_pieces(&job, 0, pieces);
    else
        mk_parallel_for(pieces, 4, sum_pieces, &job);
    double sum = 0;
    const double *next = partials;
    for (int64_t s = 0; s < stretch_count; s++) {
        const bool is_own = stretches[s].elements != NULL;
        const double *sums = is_own ? next : stretches[s].sums;
        const int64_t count = is_own ? own_pieces(&stretches[s]) : stretches[s].count;
        for (int64_t piece = 0; piece < count; piece++) sum += sums[piece];
        if (is_own) next += count;
    }
    return sum;
}
