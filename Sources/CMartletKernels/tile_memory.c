#include <string.h>

#include "matmul_half.h"
#include "tile_ops.h"

// Between memory in the storage types and registers.

typedef _Float16 half;

TILE_CLONES static void round_bfloat16(float *v, int64_t n) {
    for (int64_t i = 0; i < n; i++) v[i] = mk_bf16_to_float(mk_float_to_bf16(v[i]));
}
TILE_CLONES static void round_half(float *v, int64_t n) {
    for (int64_t i = 0; i < n; i++) v[i] = mk_f16_to_float(mk_float_to_f16(v[i]));
}
TILE_CLONES static void wrap_int8(int64_t *v, int64_t n) {
    for (int64_t i = 0; i < n; i++) v[i] = (int8_t)v[i];
}
TILE_CLONES static void wrap_uint8(int64_t *v, int64_t n) {
    for (int64_t i = 0; i < n; i++) v[i] = (uint8_t)v[i];
}
TILE_CLONES static void wrap_int32(int64_t *v, int64_t n) {
    for (int64_t i = 0; i < n; i++) v[i] = (int32_t)v[i];
}

void tile_round(int dtype, void *values, int64_t n) {
    switch (dtype) {
    case MK_BFLOAT16: round_bfloat16(values, n); break;
    case MK_FLOAT16: round_half(values, n); break;
    case MK_INT8: wrap_int8(values, n); break;
    case MK_UINT8: wrap_uint8(values, n); break;
    case MK_INT32: wrap_int32(values, n); break;
    default: break;
    }
}

#define LOADER(NAME, S, T, CONVERT)                                                                  \
    TILE_CLONES static void NAME(const S *source, int64_t stride, T *d, int64_t n) {                 \
        if (stride == 1) {                                                                           \
            for (int64_t i = 0; i < n; i++) d[i] = CONVERT(source[i]);                               \
        } else if (stride == 0) {                                                                    \
            T value = CONVERT(source[0]);                                                            \
            for (int64_t i = 0; i < n; i++) d[i] = value;                                            \
        } else {                                                                                     \
            for (int64_t i = 0; i < n; i++) d[i] = CONVERT(source[i * stride]);                      \
        }                                                                                            \
    }
LOADER(load_f32, float, float, )
LOADER(load_f64, double, double, )
LOADER(load_bf16, uint16_t, float, mk_bf16_to_float)
LOADER(load_half, half, float, (float))
LOADER(load_i8, int8_t, int64_t, )
LOADER(load_u8, uint8_t, int64_t, )
LOADER(load_i32, int32_t, int64_t, )
LOADER(load_i64, int64_t, int64_t, )
LOADER(load_bool, uint8_t, uint8_t, 0 !=)

void tile_load(int dtype, int type, const void *source, int64_t stride, void *destination, int64_t n) {
    (void)type;
    switch (dtype) {
    case MK_FLOAT32: load_f32(source, stride, destination, n); break;
    case MK_FLOAT64: load_f64(source, stride, destination, n); break;
    case MK_BFLOAT16: load_bf16(source, stride, destination, n); break;
    case MK_FLOAT16: load_half(source, stride, destination, n); break;
    case MK_INT8: load_i8(source, stride, destination, n); break;
    case MK_UINT8: load_u8(source, stride, destination, n); break;
    case MK_INT32: load_i32(source, stride, destination, n); break;
    case MK_INT64: load_i64(source, stride, destination, n); break;
    default: load_bool(source, stride, destination, n); break;
    }
}

#define STORER(NAME, T, S, CONVERT)                                                                  \
    TILE_CLONES static void NAME(const T *source, S *d, int64_t stride, int64_t n) {                 \
        if (stride == 1) {                                                                           \
            for (int64_t i = 0; i < n; i++) d[i] = CONVERT(source[i]);                               \
        } else {                                                                                     \
            for (int64_t i = 0; i < n; i++) d[i * stride] = CONVERT(source[i]);                      \
        }                                                                                            \
    }
STORER(store_f32, float, float, )
STORER(store_f64, double, double, )
STORER(store_bf16, float, uint16_t, mk_float_to_bf16)
// Not by the compiler's conversion: what it calls where the processor has none makes nothing below the smallest normal number of
// float16 while results are flushed.
STORER(store_half, float, uint16_t, mk_float_to_f16)
STORER(store_i8, int64_t, int8_t, (int8_t))
STORER(store_u8, int64_t, uint8_t, (uint8_t))
STORER(store_i32, int64_t, int32_t, (int32_t))
STORER(store_i64, int64_t, int64_t, )
STORER(store_bool, uint8_t, uint8_t, 0 !=)

void tile_store(int dtype, int type, const void *source, void *destination, int64_t stride, int64_t n) {
    (void)type;
    switch (dtype) {
    case MK_FLOAT32: store_f32(source, destination, stride, n); break;
    case MK_FLOAT64: store_f64(source, destination, stride, n); break;
    case MK_BFLOAT16: store_bf16(source, destination, stride, n); break;
    case MK_FLOAT16: store_half(source, destination, stride, n); break;
    case MK_INT8: store_i8(source, destination, stride, n); break;
    case MK_UINT8: store_u8(source, destination, stride, n); break;
    case MK_INT32: store_i32(source, destination, stride, n); break;
    case MK_INT64: store_i64(source, destination, stride, n); break;
    default: store_bool(source, destination, stride, n); break;
    }
}

void tile_splat(int dtype, int type, mk_scalar value, void *destination, int64_t n) {
    union { float f; double d; int64_t i; uint8_t b; } one;
    switch (type) {
    case MK_R_F32:
        one.f = (float)value.f;
        tile_round(dtype, &one, 1);
        load_f32(&one.f, 0, destination, n);
        break;
    case MK_R_F64: load_f64(&value.f, 0, destination, n); break;
    case MK_R_I64:
        one.i = value.i;
        tile_round(dtype, &one, 1);
        load_i64(&one.i, 0, destination, n);
        break;
    default:
        one.b = value.i != 0;
        load_bool(&one.b, 0, destination, n);
        break;
    }
}

/// Philox4x32-10 of one block: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
static inline void philox(uint64_t key, uint64_t block, uint32_t out[4]) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32), c2 = 0, c3 = 0;
    for (int round = 0; round < 10; round++) {
        uint64_t first = (uint64_t)0xD2511F53u * c0, second = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(second >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)second;
        c2 = (uint32_t)(first >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)first;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/// Blocks whose counters are neighbours, side by side: each round is vector code over them.
enum { PHILOX_LANES = 16 };

static inline __attribute__((always_inline)) void philox_lanes(uint64_t key, uint64_t block, int64_t *d) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    // Each word in the lower half of 64 bits: a product needs no unpacking.
    uint64_t c0[PHILOX_LANES], c1[PHILOX_LANES], c2[PHILOX_LANES], c3[PHILOX_LANES];
    const uint64_t low = 0xFFFFFFFFu;
    for (int l = 0; l < PHILOX_LANES; l++) {
        c0[l] = (block + (uint64_t)l) & low, c1[l] = (block + (uint64_t)l) >> 32;
        c2[l] = c3[l] = 0;
    }
    for (int round = 0; round < 10; round++) {
        for (int l = 0; l < PHILOX_LANES; l++) {
            uint64_t first = 0xD2511F53u * (c0[l] & low), second = 0xCD9E8D57u * (c2[l] & low);
            c0[l] = (second >> 32) ^ c1[l] ^ k0;
            c1[l] = second & low;
            c2[l] = (first >> 32) ^ c3[l] ^ k1;
            c3[l] = first & low;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int l = 0; l < PHILOX_LANES; l++) {
        d[4 * l] = (int64_t)c0[l], d[4 * l + 1] = (int64_t)c1[l];
        d[4 * l + 2] = (int64_t)c2[l], d[4 * l + 3] = (int64_t)c3[l];
    }
}

/// Whole blocks at neighbouring positions.
TILE_CLONES static void random_blocks(uint64_t key, uint64_t block, int64_t *d, int64_t blocks) {
    int64_t i = 0;
    for (; i + PHILOX_LANES <= blocks; i += PHILOX_LANES) philox_lanes(key, block + (uint64_t)i, d + 4 * i);
    for (; i < blocks; i++) {
        uint32_t out[4];
        philox(key, block + (uint64_t)i, out);
        for (int lane = 0; lane < 4; lane++) d[4 * i + lane] = out[lane];
    }
}

void tile_random(uint64_t key, uint64_t start, int64_t stride, int64_t *d, int64_t n) {
    int64_t i = 0;
    uint32_t out[4];
    if (stride == 1) {
        for (; i < n && (start + (uint64_t)i) % 4; i++) {
            philox(key, (start + (uint64_t)i) / 4, out);
            d[i] = out[(start + (uint64_t)i) % 4];
        }
        int64_t blocks = (n - i) / 4;
        random_blocks(key, (start + (uint64_t)i) / 4, d + i, blocks);
        i += blocks * 4;
    }
    for (; i < n; i++) {
        uint64_t position = start + (uint64_t)(i * stride);
        philox(key, position / 4, out);
        d[i] = out[position % 4];
    }
}
