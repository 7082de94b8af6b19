#define _GNU_SOURCE
#include "tiles.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_TILE_DATA = 18 };

static bool are_available;

/// Tile registers are large, so Linux gives them to processes that ask.
static void ask(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
    const bool has_tiles = d >> 24 & 1, has_bf16 = d >> 22 & 1;
    if (!has_tiles || !has_bf16 || !__builtin_cpu_supports("avx512bf16") || !__builtin_cpu_supports("avx512bw")
        || !__builtin_cpu_supports("avx512vl"))
        return;
    are_available = syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_TILE_DATA) == 0;
}

bool mk_tiles_are_available(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ask);
    return are_available;
}
#else
bool mk_tiles_are_available(void) { return false; }
#endif
