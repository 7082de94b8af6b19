// Product kernels: AVX-512, 14 rows by two vectors of 64 bytes.
#include "matmul_core.h"

#if defined(__x86_64__)
#define MK_BYTES 64
#define MK_ROWS 14
#define MK_K_BLOCK 384
#define MK_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))

#define MK_T float
#define MK_N(name) f32_##name
#define MK_TABLE mk_gemm_f32_avx512
#include "matmul_kernel_template.h"

#define MK_T double
#define MK_N(name) f64_##name
#define MK_TABLE mk_gemm_f64_avx512
#include "matmul_kernel_template.h"

#endif
