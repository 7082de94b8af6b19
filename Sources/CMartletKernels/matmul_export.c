#include "matmul_export.h"

#include "matmul_clones.h"
#include "matmul_half.h"

#define PLAIN(x) (x)

// C's rows are walked where its columns are adjacent or tabled, its columns where a row's elements lie apart.
#define DEFINE_EXPORT(NAME, T, S, LOAD, STORE) \
    static inline T NAME##_value(const mk_gemm_export *job, int64_t r, int64_t j, const S *old) { \
        T value = ((const T *)job->tile)[r * job->tile_row + j]; \
        if (job->row_bias) value += LOAD(((const S *)job->row_bias)[r]); \
        if (job->column_bias) value += LOAD(((const S *)job->column_bias)[j]); \
        return job->accumulate ? value + LOAD(*old) : value; \
    } \
    static MK_CLONES void NAME(const mk_gemm_export *job) { \
        S *c = job->c; \
        const bool plain = !job->accumulate && !job->row_bias && !job->column_bias; \
        const T *tile = job->tile; \
        if (job->column_offsets || job->c_column == 1) { \
            for (int64_t r = 0; r < job->rows; r++, c += job->c_row) { \
                if (plain && !job->column_offsets) \
                    for (int64_t j = 0; j < job->columns; j++) c[j] = STORE(tile[r * job->tile_row + j]); \
                else if (plain) \
                    for (int64_t j = 0; j < job->columns; j++) \
                        c[job->column_offsets[j]] = STORE(tile[r * job->tile_row + j]); \
                else \
                    for (int64_t j = 0; j < job->columns; j++) { \
                        S *to = c + (job->column_offsets ? job->column_offsets[j] : j); \
                        *to = STORE(NAME##_value(job, r, j, to)); \
                    } \
            } \
            return; \
        } \
        for (int64_t j = 0; j < job->columns; j++, c += job->c_column) \
            for (int64_t r = 0; r < job->rows; r++) \
                c[r * job->c_row] = STORE(NAME##_value(job, r, j, c + r * job->c_row)); \
    }

DEFINE_EXPORT(export_f32, float, float, PLAIN, PLAIN)
DEFINE_EXPORT(export_f64, double, double, PLAIN, PLAIN)
DEFINE_EXPORT(export_bf16, float, uint16_t, mk_bf16_to_float, mk_float_to_bf16)
DEFINE_EXPORT(export_f16, float, uint16_t, mk_f16_to_float, mk_float_to_f16)

void mk_gemm_export_tile(const mk_gemm_export *job) {
    switch (job->c_dtype) {
    case MK_FLOAT32: export_f32(job); break;
    case MK_FLOAT64: export_f64(job); break;
    case MK_BFLOAT16: export_bf16(job); break;
    default: export_f16(job); break;
    }
}
