// Packing bfloat16 and float16 operands into float32 panels.
#include "matmul_clones.h"
#include "matmul_core.h"
#include "matmul_half.h"

#define DEFINE_PACK(NAME, LOAD) \
    static MK_CLONES void NAME( \
        const mk_gemm_view *view, int64_t line, int64_t lines, int64_t width, int64_t step, int64_t steps, \
        void *destination) { \
        const uint16_t *base = view->base; \
        float *to = destination; \
        for (int64_t s = 0; s < steps; s++, to += width) { \
            const uint16_t *from = \
                base + (view->step_offsets ? view->step_offsets[step + s] : (step + s) * view->step_stride); \
            if (view->line_offsets) \
                for (int64_t i = 0; i < lines; i++) to[i] = LOAD(from[view->line_offsets[line + i]]); \
            else if (view->line_stride == 1) \
                for (int64_t i = 0; i < lines; i++) to[i] = LOAD(from[line + i]); \
            else \
                for (int64_t i = 0; i < lines; i++) to[i] = LOAD(from[(line + i) * view->line_stride]); \
            for (int64_t i = lines; i < width; i++) to[i] = 0; \
        } \
    }

DEFINE_PACK(pack_bf16, mk_bf16_to_float)
DEFINE_PACK(pack_f16, mk_f16_to_float)

mk_gemm_pack mk_gemm_pack_half(int dtype) { return dtype == MK_BFLOAT16 ? pack_bf16 : pack_f16; }
