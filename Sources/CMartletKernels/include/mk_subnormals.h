// Numbers below the smallest normal one: the processor's own mode for a thread, with which they are zero.
#ifndef MK_SUBNORMALS_H
#define MK_SUBNORMALS_H

#include <stdint.h>

/// The thread's floating-point mode: on x86 the whole MXCSR, on AArch64 the FPCR, elsewhere nothing.
static inline uint64_t mk_floating_point_mode(void) {
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr();
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
#else
    return 0;
#endif
}

static inline void mk_floating_point_set_mode(uint64_t mode) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((uint32_t)mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
#else
    (void)mode;
#endif
}

/// Subnormal operands and results are zero on this thread from here on. Returns the mode that was.
static inline uint64_t mk_subnormals_flush(void) {
    const uint64_t mode = mk_floating_point_mode();
#if defined(__x86_64__)
    mk_floating_point_set_mode(mode | 0x8040);  // flush to zero, denormals are zero
#elif defined(__aarch64__)
    mk_floating_point_set_mode(mode | 1u << 24);  // FZ
#endif
    return mode;
}

#endif
