// Winograd's convolution: AVX-512, panels of 14 tiles by two vectors of 64 bytes.
#if defined(__x86_64__)
#define MK_BYTES 64
#define MK_ROWS 14
#define MK_SUM_ROWS 8
#define MK_SUM_VECTORS 3
#define MK_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
#define MK_TABLE mk_winograd_avx512
#include "winograd_template.h"
#endif
