// What the processor can do at most: the measure that kernels are held against.
#ifndef MK_MACHINE_H
#define MK_MACHINE_H

#include <stdint.h>

/// Multiplies and adds float32 numbers in registers for at least `operations` floating-point operations, with the widest
/// vectors there are, shared among the pool's threads. Returns how many it did.
int64_t mk_machine_multiply_add(int64_t operations);

/// Copies `bytes` bytes, shared among the pool's threads.
void mk_machine_copy(void *target, const void *source, int64_t bytes);

#endif
