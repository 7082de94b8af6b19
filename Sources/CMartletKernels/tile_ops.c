#include "tile_ops.h"

#include <math.h>
#include <stdbool.h>

#include "tile_math.h"

// An output may lie over an operand, element over element: a loop may take several elements at once all the same.
#pragma clang diagnostic ignored "-Wpass-failed"  // The loops that call the C library stay scalar.
#define LOOP(EXPRESSION)                                  \
    _Pragma("clang loop vectorize(assume_safety)")        \
    for (int64_t i = 0; i < n; i++) d[i] = (EXPRESSION)

#define UNARY(NAME, T, R, EXPRESSION)                                                                   \
    TILE_CLONES static void NAME(const void *source, void *destination, int64_t n) {                    \
        const T *a = source;                                                                            \
        R *d = destination;                                                                             \
        LOOP(({ T x = a[i]; (void)x; (EXPRESSION); }));                                                 \
    }

#define BINARY(NAME, T, R, EXPRESSION)                                                                  \
    TILE_CLONES static void NAME(const void *left, const void *right, void *destination, int64_t n) {   \
        const T *a = left, *b = right;                                                                  \
        R *d = destination;                                                                             \
        LOOP(({ T x = a[i]; T y = b[i]; (EXPRESSION); }));                                              \
    }

typedef void (*unary_function)(const void *, void *, int64_t);
typedef void (*binary_function)(const void *, const void *, void *, int64_t);

// MARK: float32 and float64

#define FLOAT_UNARIES(S, T, EXP, EXPM1, LOG, LOG1P, TANH, SIGMOID)              \
    UNARY(negate_##S, T, T, -x)                                                 \
    UNARY(absolute_##S, T, T, __builtin_elementwise_abs(x))                     \
    UNARY(sign_##S, T, T, x > 0 ? (T)1 : x < 0 ? (T)-1 : x == 0 ? (T)0 : x)     \
    UNARY(floor_##S, T, T, __builtin_elementwise_floor(x))                      \
    UNARY(ceil_##S, T, T, __builtin_elementwise_ceil(x))                        \
    UNARY(round_##S, T, T, __builtin_elementwise_roundeven(x))                  \
    UNARY(truncate_##S, T, T, __builtin_elementwise_trunc(x))                   \
    UNARY(exp_##S, T, T, EXP(x))                                                \
    UNARY(expm1_##S, T, T, EXPM1(x))                                            \
    UNARY(log_##S, T, T, LOG(x))                                                \
    UNARY(log1p_##S, T, T, LOG1P(x))                                            \
    UNARY(sqrt_##S, T, T, __builtin_elementwise_sqrt(x))                        \
    UNARY(rsqrt_##S, T, T, (T)1 / __builtin_elementwise_sqrt(x))                \
    UNARY(reciprocal_##S, T, T, (T)1 / x)                                       \
    UNARY(square_##S, T, T, x * x)                                              \
    UNARY(sin_##S, T, T, (T)sin(x))                                             \
    UNARY(cos_##S, T, T, (T)cos(x))                                             \
    UNARY(tan_##S, T, T, (T)tan(x))                                             \
    UNARY(asin_##S, T, T, (T)asin(x))                                           \
    UNARY(acos_##S, T, T, (T)acos(x))                                           \
    UNARY(atan_##S, T, T, (T)atan(x))                                           \
    UNARY(sinh_##S, T, T, (T)sinh(x))                                           \
    UNARY(cosh_##S, T, T, (T)cosh(x))                                           \
    UNARY(tanh_##S, T, T, TANH(x))                                              \
    UNARY(sigmoid_##S, T, T, SIGMOID(x))                                        \
    UNARY(erf_##S, T, T, (T)erf(x))                                             \
    UNARY(relu_##S, T, T, x > 0 || x != x ? x : (T)0)                           \
    UNARY(not_##S, T, bool, x == 0)                                             \
    UNARY(is_nan_##S, T, bool, x != x)                                          \
    UNARY(is_finite_##S, T, bool, x - x == 0)                                   \
    UNARY(is_infinite_##S, T, bool, x == x && x - x != 0)                       \
    static const unary_function unaries_##S[MK_U_COUNT] = {                     \
        negate_##S, absolute_##S, sign_##S, floor_##S, ceil_##S, round_##S, truncate_##S, exp_##S, expm1_##S, log_##S, \
        log1p_##S, sqrt_##S, rsqrt_##S, reciprocal_##S, square_##S, sin_##S, cos_##S, tan_##S, asin_##S, acos_##S,     \
        atan_##S, sinh_##S, cosh_##S, tanh_##S, sigmoid_##S, erf_##S, relu_##S, not_##S, is_nan_##S, is_finite_##S,    \
        is_infinite_##S, NULL};

TILE_INLINE double sigmoid_double(double x) {
    double e = exp(-fabs(x));
    return x != x ? x : (x >= 0 ? 1.0 : e) / (1.0 + e);
}

FLOAT_UNARIES(f32, float, tile_exp, tile_expm1, tile_log, tile_log1p, tile_tanh, tile_sigmoid)
FLOAT_UNARIES(f64, double, exp, expm1, log, log1p, tanh, sigmoid_double)

#define COMPARISONS(S, T)                             \
    BINARY(equal_##S, T, bool, x == y)                \
    BINARY(not_equal_##S, T, bool, x != y)            \
    BINARY(less_##S, T, bool, x < y)                  \
    BINARY(less_equal_##S, T, bool, x <= y)           \
    BINARY(greater_##S, T, bool, x > y)               \
    BINARY(greater_equal_##S, T, bool, x >= y)        \
    BINARY(and_##S, T, bool, (x != 0) & (y != 0))     \
    BINARY(or_##S, T, bool, (x != 0) | (y != 0))      \
    BINARY(xor_##S, T, bool, (x != 0) != (y != 0))

#define COMPARISON_ROWS(S) \
    equal_##S, not_equal_##S, less_##S, less_equal_##S, greater_##S, greater_equal_##S, and_##S, or_##S, xor_##S

// The floor quotient is taken from the remainder, as Python's: ⌊x / y⌋ itself is off where the quotient was rounded up to a
// whole number.
#define FLOAT_BINARIES(S, T, FMOD, POW, ATAN2, FLOOR)                                                        \
    TILE_INLINE T remainder_of_##S(T x, T y) {                                                               \
        T r = FMOD(x, y);                                                                                    \
        return r != 0 && (r < 0) != (y < 0) ? r + y : r;                                                     \
    }                                                                                                        \
    TILE_INLINE T floor_quotient_##S(T x, T y) {                                                             \
        if (y == 0) return x / y;                                                                            \
        T r = FMOD(x, y);                                                                                    \
        T q = (x - r) / y;                                                                                   \
        if (r != 0 && (r < 0) != (y < 0)) q -= 1;                                                            \
        T whole = FLOOR(q);                                                                                  \
        return q == 0 ? x / y * 0 : q - whole > (T)0.5 ? whole + 1 : whole;                                  \
    }                                                                                                        \
    BINARY(add_##S, T, T, x + y)                                                                             \
    BINARY(subtract_##S, T, T, x - y)                                                                        \
    BINARY(multiply_##S, T, T, x * y)                                                                        \
    BINARY(divide_##S, T, T, x / y)                                                                          \
    BINARY(floor_divide_##S, T, T, floor_quotient_##S(x, y))                                                \
    BINARY(remainder_##S, T, T, remainder_of_##S(x, y))                                                      \
    BINARY(power_##S, T, T, POW(x, y))                                                                       \
    BINARY(maximum_##S, T, T, x != x ? x : y != y ? y : x > y ? x : y)                                       \
    BINARY(minimum_##S, T, T, x != x ? x : y != y ? y : x < y ? x : y)                                       \
    BINARY(atan2_##S, T, T, ATAN2(x, y))                                                                     \
    COMPARISONS(S, T)                                                                                        \
    static const binary_function binaries_##S[MK_B_COUNT] = {                                                \
        add_##S, subtract_##S, multiply_##S, divide_##S, floor_divide_##S, remainder_##S, power_##S, maximum_##S, \
        minimum_##S, atan2_##S, COMPARISON_ROWS(S)};

FLOAT_BINARIES(f32, float, fmodf, powf, atan2f, __builtin_elementwise_floor)
FLOAT_BINARIES(f64, double, fmod, pow, atan2, __builtin_elementwise_floor)

// MARK: integers, in int64; dividing by zero gives 0

TILE_INLINE int64_t floor_quotient(int64_t x, int64_t y) {
    if (y == 0) return 0;
    if (y == -1) return (int64_t)(0 - (uint64_t)x);
    int64_t q = x / y;
    return q * y != x && (x < 0) != (y < 0) ? q - 1 : q;
}

TILE_INLINE int64_t floor_remainder(int64_t x, int64_t y) {
    if (y == 0 || y == -1) return 0;
    int64_t r = x % y;
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

TILE_INLINE int64_t integer_power(int64_t x, int64_t y) {
    if (y < 0) return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
    uint64_t result = 1, base = (uint64_t)x;
    for (; y; y >>= 1, base *= base) {
        if (y & 1) result *= base;
    }
    return (int64_t)result;
}

#define WRAP(OPERATOR) (int64_t)((uint64_t)x OPERATOR(uint64_t) y)
UNARY(negate_i64, int64_t, int64_t, (int64_t)(0 - (uint64_t)x))
UNARY(absolute_i64, int64_t, int64_t, x < 0 ? (int64_t)(0 - (uint64_t)x) : x)
UNARY(sign_i64, int64_t, int64_t, (x > 0) - (x < 0))
UNARY(same_i64, int64_t, int64_t, x)
UNARY(square_i64, int64_t, int64_t, (int64_t)((uint64_t)x * (uint64_t)x))
UNARY(relu_i64, int64_t, int64_t, x > 0 ? x : 0)
UNARY(not_i64, int64_t, bool, x == 0)
UNARY(no_i64, int64_t, bool, false)
UNARY(yes_i64, int64_t, bool, true)
UNARY(unit_i64, int64_t, float, (float)(int32_t)((uint64_t)x >> 8 & 0xFFFFFF) * 0x1p-24f)
static const unary_function unaries_i64[MK_U_COUNT] = {
    [MK_U_NEGATE] = negate_i64, [MK_U_ABSOLUTE] = absolute_i64, [MK_U_SIGN] = sign_i64, [MK_U_FLOOR] = same_i64,
    [MK_U_CEIL] = same_i64, [MK_U_ROUND] = same_i64, [MK_U_TRUNCATE] = same_i64, [MK_U_SQUARE] = square_i64,
    [MK_U_RELU] = relu_i64, [MK_U_LOGICAL_NOT] = not_i64, [MK_U_IS_NAN] = no_i64, [MK_U_IS_FINITE] = yes_i64,
    [MK_U_IS_INFINITE] = no_i64, [MK_U_UNIT_FROM_BITS] = unit_i64};

BINARY(add_i64, int64_t, int64_t, WRAP(+))
BINARY(subtract_i64, int64_t, int64_t, WRAP(-))
BINARY(multiply_i64, int64_t, int64_t, WRAP(*))
BINARY(floor_divide_i64, int64_t, int64_t, floor_quotient(x, y))
BINARY(remainder_i64, int64_t, int64_t, floor_remainder(x, y))
BINARY(power_i64, int64_t, int64_t, integer_power(x, y))
BINARY(maximum_i64, int64_t, int64_t, x > y ? x : y)
BINARY(minimum_i64, int64_t, int64_t, x < y ? x : y)
COMPARISONS(i64, int64_t)
static const binary_function binaries_i64[MK_B_COUNT] = {
    add_i64, subtract_i64, multiply_i64, floor_divide_i64, floor_divide_i64, remainder_i64, power_i64, maximum_i64,
    minimum_i64, NULL, COMPARISON_ROWS(i64)};

// MARK: booleans

UNARY(same_b, bool, bool, x)
UNARY(not_b, bool, bool, !x)
UNARY(no_b, bool, bool, false)
UNARY(yes_b, bool, bool, true)
static const unary_function unaries_bool[MK_U_COUNT] = {
    [MK_U_NEGATE] = same_b, [MK_U_ABSOLUTE] = same_b, [MK_U_SIGN] = same_b, [MK_U_FLOOR] = same_b, [MK_U_CEIL] = same_b,
    [MK_U_ROUND] = same_b, [MK_U_TRUNCATE] = same_b, [MK_U_SQUARE] = same_b, [MK_U_RELU] = same_b,
    [MK_U_LOGICAL_NOT] = not_b, [MK_U_IS_NAN] = no_b, [MK_U_IS_FINITE] = yes_b, [MK_U_IS_INFINITE] = no_b};

BINARY(or_b, bool, bool, x | y)
BINARY(and_b, bool, bool, x & y)
BINARY(xor_b, bool, bool, x != y)
BINARY(equal_b, bool, bool, x == y)
BINARY(less_b, bool, bool, !x & y)
BINARY(less_equal_b, bool, bool, !x | y)
BINARY(greater_b, bool, bool, x & !y)
BINARY(greater_equal_b, bool, bool, x | !y)
BINARY(first_b, bool, bool, x & y)
BINARY(zero_b, bool, bool, false & x & y)
static const binary_function binaries_bool[MK_B_COUNT] = {
    or_b, xor_b, and_b, first_b, first_b, zero_b, greater_equal_b, or_b, and_b, NULL, equal_b, xor_b, less_b,
    less_equal_b, greater_b, greater_equal_b, and_b, or_b, xor_b};

// MARK: selection and casts

#define SELECT(S, T)                                                                                            \
    TILE_CLONES static void select_##S(const bool *c, const T *a, const T *b, T *d, int64_t n) { LOOP(c[i] ? a[i] : b[i]); }
SELECT(f32, float)
SELECT(f64, double)
SELECT(i64, int64_t)
SELECT(b, bool)

TILE_INLINE int64_t saturated(double x) {
    return x != x ? 0 : x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : (int64_t)x;
}

UNARY(f32_to_f32, float, float, x)
UNARY(f32_to_f64, float, double, x)
UNARY(f32_to_i64, float, int64_t, saturated(x))
UNARY(f32_to_b, float, bool, x != 0)
UNARY(f64_to_f32, double, float, (float)x)
UNARY(f64_to_f64, double, double, x)
UNARY(f64_to_i64, double, int64_t, saturated(x))
UNARY(f64_to_b, double, bool, x != 0)
UNARY(i64_to_f32, int64_t, float, (float)x)
UNARY(i64_to_f64, int64_t, double, (double)x)
UNARY(i64_to_b, int64_t, bool, x != 0)
UNARY(b_to_f32, bool, float, (float)x)
UNARY(b_to_f64, bool, double, (double)x)
UNARY(b_to_i64, bool, int64_t, (int64_t)x)
static const unary_function casts[4][4] = {
    {f32_to_f32, f32_to_f64, f32_to_i64, f32_to_b}, {f64_to_f32, f64_to_f64, f64_to_i64, f64_to_b},
    {i64_to_f32, i64_to_f64, same_i64, i64_to_b}, {b_to_f32, b_to_f64, b_to_i64, same_b}};

/// Floats become small integers by clamping to their range, as a wrap of the truncated number would not say what happened.
static void clamp_to(int dtype, int64_t *values, int64_t n) {
    static const int64_t lowest[] = {[MK_INT8] = -128, [MK_UINT8] = 0, [MK_INT32] = INT32_MIN};
    static const int64_t highest[] = {[MK_INT8] = 127, [MK_UINT8] = 255, [MK_INT32] = INT32_MAX};
    if (dtype != MK_INT8 && dtype != MK_UINT8 && dtype != MK_INT32) return;
    for (int64_t i = 0; i < n; i++) {
        values[i] = values[i] < lowest[dtype] ? lowest[dtype] : values[i] > highest[dtype] ? highest[dtype] : values[i];
    }
}

static void run_select(const mk_instruction *in, void *const *r, void *d, int64_t n) {
    switch (in->type) {
    case MK_R_F32: select_f32(r[in->a], r[in->b], r[in->c], d, n); break;
    case MK_R_F64: select_f64(r[in->a], r[in->b], r[in->c], d, n); break;
    case MK_R_I64: select_i64(r[in->a], r[in->b], r[in->c], d, n); break;
    default: select_b(r[in->a], r[in->b], r[in->c], d, n); break;
    }
}

void tile_run(const mk_instruction *in, void *const *r, void *d, int64_t n) {
    static const unary_function *const unaries[] = {unaries_f32, unaries_f64, unaries_i64, unaries_bool};
    static const binary_function *const binaries[] = {binaries_f32, binaries_f64, binaries_i64, binaries_bool};
    switch (in->kind) {
    case MK_I_UNARY: unaries[in->type][in->op](r[in->a], d, n); break;
    case MK_I_BINARY: binaries[in->type][in->op](r[in->a], r[in->b], d, n); break;
    case MK_I_SELECT: run_select(in, r, d, n); break;
    case MK_I_CAST:
        casts[in->type][in->result](r[in->a], d, n);
        if (in->result == MK_R_I64 && in->type <= MK_R_F64) clamp_to(in->round, d, n);
        break;
    }
    tile_round(in->round, d, n);
}
