// What the processor can do at most: the measure that kernels are held against.
#ifndef MARTLET_BENCH_H
#define MARTLET_BENCH_H

#include <stdint.h>

/// Multiplies and adds float32 numbers in registers for at least `operations` floating-point operations, on one thread, with
/// the widest vectors there are. Returns how many it did.
int64_t mb_multiply_add(int64_t operations);

#endif
