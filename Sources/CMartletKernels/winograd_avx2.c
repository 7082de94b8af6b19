// Winograd's convolution: AVX2 with FMA, panels of 6 tiles by two vectors of 32 bytes.
#if defined(__x86_64__)
#define MK_BYTES 32
#define MK_ROWS 6
#define MK_SUM_ROWS 4
#define MK_SUM_VECTORS 2
#define MK_TARGET __attribute__((target("avx2,fma")))
#define MK_TABLE mk_winograd_avx2
#include "winograd_template.h"
#endif
