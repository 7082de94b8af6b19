#include <stdlib.h>

#include "matmul_clones.h"
#include "mk_parallel.h"
#include "mk_updates.h"

// The pieces depend on the lengths alone and are added up in their order: the same bits on any number of threads.

enum { PIECE = 8192, LANES = 32 };

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

typedef struct {
    const mk_stretch *stretches;
    int64_t stretch_count;
    double *partials;
} norm_job;

static int64_t pieces_of(const mk_stretch *stretch) { return (stretch->count + PIECE - 1) / PIECE; }

/// Pieces are numbered through all stretches.
static void sum_pieces(void *context, int64_t begin, int64_t end) {
    const norm_job *job = context;
    int64_t first = 0;
    for (int64_t s = 0; s < job->stretch_count && first < end; s++) {
        const mk_stretch *stretch = &job->stretches[s];
        int64_t pieces = pieces_of(stretch);
        int64_t from = begin > first ? begin - first : 0, to = end - first < pieces ? end - first : pieces;
        for (int64_t piece = from; piece < to; piece++) {
            int64_t start = piece * PIECE, count = stretch->count - start < PIECE ? stretch->count - start : PIECE;
            job->partials[first + piece] = piece_sum(stretch->elements + start, count);
        }
        first += pieces;
    }
}

double mk_squared_norm(const mk_stretch *stretches, int64_t stretch_count) {
    static _Thread_local double *kept;
    static _Thread_local int64_t kept_count;
    int64_t pieces = 0, elements = 0;
    for (int64_t s = 0; s < stretch_count; s++) {
        pieces += pieces_of(&stretches[s]);
        elements += stretches[s].count;
    }
    if (pieces > kept_count) {
        free(kept);
        kept = malloc((size_t)pieces * sizeof *kept);
        kept_count = pieces;
    }
    norm_job job = {stretches, stretch_count, kept};
    // Waking a second thread costs more than a few small tensors take.
    if (elements <= 4 * PIECE)
        sum_pieces(&job, 0, pieces);
    else
        mk_parallel_for(pieces, 4, sum_pieces, &job);
    double sum = 0;
    for (int64_t piece = 0; piece < pieces; piece++) sum += kept[piece];
    return sum;
}
