// Results below the smallest normal number: the processor's own mode for a thread, with which they are zero.
#ifndef MK_SUBNORMALS_H
#define MK_SUBNORMALS_H

#include <stdint.h>

/// The thread's floating-point mode: the MXCSR on x86. Elsewhere subnormal numbers cost nothing, and nothing is done.
static inline uint32_t mk_floating_point_mode(void) {
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr();
#else
    return 0;
#endif
}

static inline void mk_floating_point_set_mode(uint32_t mode) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(mode);
#else
    (void)mode;
#endif
}

/// Subnormal results are zero on this thread from here on; operands are taken as they are. Returns the mode that was.
static inline uint32_t mk_subnormals_flush(void) {
    const uint32_t flush_to_zero = 0x8000, mode = mk_floating_point_mode();
    mk_floating_point_set_mode(mode | flush_to_zero);
    return mode;
}

#endif
