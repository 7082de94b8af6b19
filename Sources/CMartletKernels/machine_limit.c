#include "mk_machine.h"

#include "matmul_clones.h"
#include "mk_parallel.h"

#include <string.h>

// Sixteen chains hide the latency of a multiply-add (4 cycles, two a cycle) with room to spare.
enum { CHAINS = 16, LANES = 16 };
typedef float vector __attribute__((vector_size(LANES * sizeof(float))));

MK_CLONES static float run(int64_t rounds) {
    vector sums[CHAINS];
    for (int i = 0; i < CHAINS; i++) {
        for (int lane = 0; lane < LANES; lane++) sums[i][lane] = (float)(i + lane);
    }
    vector factor, term;
    for (int lane = 0; lane < LANES; lane++) factor[lane] = 0.5f, term[lane] = 1.0f;
    for (int64_t round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < CHAINS; i++) {
#pragma STDC FP_CONTRACT ON
            sums[i] = sums[i] * factor + term;
        }
    }
    float total = 0;
    for (int i = 0; i < CHAINS; i++) total += sums[i][0] + sums[i][LANES - 1];
    return total;
}

enum { PIECES = 64, PER_ROUND = 2 * CHAINS * LANES };

typedef struct copy {
    char *target;
    const char *source;
    int64_t bytes;
} copy;

static void add_pieces(void *context, int64_t begin, int64_t end) {
    volatile float sink = run(*(const int64_t *)context * (end - begin));
    (void)sink;
}

static void copy_pieces(void *context, int64_t begin, int64_t end) {
    const copy *whole = context;
    const int64_t first = whole->bytes * begin / PIECES, last = whole->bytes * end / PIECES;
    memcpy(whole->target + first, whole->source + first, (size_t)(last - first));
}

int64_t mk_machine_multiply_add(int64_t operations) {
    int64_t rounds = (operations + PIECES * PER_ROUND - 1) / (PIECES * PER_ROUND);
    mk_parallel_for(PIECES, 1, add_pieces, &rounds);
    return rounds * PIECES * PER_ROUND;
}

void mk_machine_copy(void *target, const void *source, int64_t bytes) {
    copy whole = {.target = target, .source = source, .bytes = bytes};
    mk_parallel_for(PIECES, 1, copy_pieces, &whole);
}
