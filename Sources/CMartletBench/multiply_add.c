#include "CMartletBench.h"

// Sixteen chains hide the latency of a multiply-add (4 cycles, two a cycle) with room to spare.
enum { CHAINS = 16, LANES = 16 };
typedef float vector __attribute__((vector_size(LANES * sizeof(float))));

#if defined(__x86_64__) && defined(__ELF__)
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
static float
run(int64_t rounds) {
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

int64_t mb_multiply_add(int64_t operations) {
    const int64_t perRound = 2 * CHAINS * LANES;
    const int64_t rounds = (operations + perRound - 1) / perRound;
    volatile float sink = run(rounds);
    (void)sink;
    return rounds * perRound;
}
