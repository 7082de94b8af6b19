// Product kernels: AVX2 with FMA, 6 rows by two vectors of 32 bytes.
#include "matmul_core.h"

#if defined(__x86_64__)
#define MK_BYTES 32
#define MK_ROWS 6
#define MK_K_BLOCK 384
#define MK_TARGET __attribute__((target("avx2,fma")))

#define MK_T float
#define MK_N(name) f32_##name
#define MK_TABLE mk_gemm_f32_avx2
#include "matmul_kernel_template.h"

#define MK_T double
#define MK_N(name) f64_##name
#define MK_TABLE mk_gemm_f64_avx2
#include "matmul_kernel_template.h"

#endif
