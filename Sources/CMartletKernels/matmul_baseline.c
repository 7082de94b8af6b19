// Product kernels: what every processor of the architecture has, vectors of 16 bytes.
#include "matmul_core.h"

#define MK_BYTES 16
#if defined(__aarch64__)
#define MK_ROWS 8
#else
#define MK_ROWS 4
#endif
#define MK_K_BLOCK 384
#define MK_TARGET

#define MK_T float
#define MK_N(name) f32_##name
#define MK_TABLE mk_gemm_f32_baseline
#include "matmul_kernel_template.h"

#define MK_T double
#define MK_N(name) f64_##name
#define MK_TABLE mk_gemm_f64_baseline
#include "matmul_kernel_template.h"
