// Fused elementwise work with an optional reduction at its end, run as a small program over tiles that fit in L1.
//
// A program is a list of instructions over tile registers. Each register holds MK_TILE elements of one register type;
// inputs are loaded (converted from their storage type, gathered by strides where not contiguous) or generated
// (scalars, coordinates, random bits). Every instruction is one recorded node, computed in the same order and rounding
// whether it is fused or alone: nothing is contracted across instructions.
#ifndef MK_FUSED_H
#define MK_FUSED_H

#include "mk_types.h"

enum { MK_TILE = 512, MK_MAX_REGISTERS = 64 };

/// Float32 registers also carry bfloat16 and float16 (rounded after each instruction); int64 registers carry all integers.
enum mk_register_type { MK_R_F32 = 0, MK_R_F64 = 1, MK_R_I64 = 2, MK_R_BOOL = 3 };

/// Unary opcodes, in the order of MartletGraph.UnaryFunction.
enum mk_unary {
    MK_U_NEGATE = 0, MK_U_ABSOLUTE, MK_U_SIGN, MK_U_FLOOR, MK_U_CEIL, MK_U_ROUND /* half to even */, MK_U_TRUNCATE,
    MK_U_EXP, MK_U_EXPM1, MK_U_LOG, MK_U_LOG1P, MK_U_SQRT, MK_U_RSQRT, MK_U_RECIPROCAL, MK_U_SQUARE,
    MK_U_SIN, MK_U_COS, MK_U_TAN, MK_U_ASIN, MK_U_ACOS, MK_U_ATAN, MK_U_SINH, MK_U_COSH, MK_U_TANH,
    MK_U_SIGMOID, MK_U_ERF, MK_U_RELU,
    MK_U_LOGICAL_NOT /* any type to bool */, MK_U_IS_NAN /* to bool */, MK_U_IS_FINITE /* to bool */, MK_U_IS_INFINITE,
    MK_U_UNIT_FROM_BITS /* i64 holding 32 random bits to [0, 1): f32 takes (bits >> 8) * 2^-24, f64 bits * 2^-32 */,
    MK_U_COUNT
};

/// Binary opcodes, in the order of MartletGraph.BinaryFunction. Maximum and minimum propagate NaN.
enum mk_binary {
    MK_B_ADD = 0, MK_B_SUBTRACT, MK_B_MULTIPLY, MK_B_DIVIDE /* floats only */, MK_B_FLOOR_DIVIDE /* towards minus infinity */,
    MK_B_REMAINDER /* sign of the divisor, as Python's % */, MK_B_POWER, MK_B_MAXIMUM, MK_B_MINIMUM, MK_B_ATAN2,
    MK_B_EQUAL /* from here: to bool */, MK_B_NOT_EQUAL, MK_B_LESS, MK_B_LESS_EQUAL, MK_B_GREATER, MK_B_GREATER_EQUAL,
    MK_B_LOGICAL_AND, MK_B_LOGICAL_OR, MK_B_LOGICAL_XOR,
    MK_B_COUNT
};

enum mk_instruction_kind {
    MK_I_UNARY = 0,  // d = op(a)
    MK_I_BINARY,     // d = op(a, b)
    MK_I_SELECT,     // d = a (bool) ? b : c
    MK_I_CAST,       // d (register type of the result) = a (register type `type`)
};

typedef struct {
    uint8_t kind;    // mk_instruction_kind
    uint8_t op;      // mk_unary or mk_binary
    uint8_t type;    // mk_register_type of the operands (of b and c for SELECT)
    uint8_t result;  // mk_register_type of the result
    uint8_t round;   // mk_dtype of the node: the result is rounded or wrapped to it
    uint8_t d, a, b, c;  // registers; a register is written once
} mk_instruction;

enum mk_input_kind {
    MK_IN_BUFFER = 0,  // element at pointers[buffer] + sum(strides[i] * index[i]), of type dtype
    MK_IN_SCALAR,      // scalars[buffer], converted to the register's type and rounded to dtype
    MK_IN_INDEX,       // the int64 start + sum(strides[i] * index[i]); start in scalars[buffer].i
    MK_IN_RANDOM,      // 32 bits of Philox4x32-10 as int64: lane n%4 of block n/4, n = start + sum(strides * index);
                       // key in scalars[buffer].u, start in scalars[buffer + 1].u (counter words: block low, block high, 0, 0)
};

typedef struct {
    uint8_t kind;       // mk_input_kind
    uint8_t dtype;      // storage type
    uint8_t type;       // mk_register_type it is loaded into
    uint8_t reg;        // register
    int32_t buffer;
    int64_t strides[MK_MAX_RANK];  // in elements, one a dimension of the iteration space
} mk_input;

typedef union { double f; int64_t i; uint64_t u; } mk_scalar;

enum mk_reduction {
    MK_RED_NONE = 0, MK_RED_SUM, MK_RED_PRODUCT, MK_RED_MAX, MK_RED_MIN, MK_RED_ANY, MK_RED_ALL
};

typedef struct {
    uint8_t reg;        // what is stored or reduced
    uint8_t dtype;      // storage type
    uint8_t reduction;  // mk_reduction; a reduced output has stride 0 along the reduced dimensions
    int32_t buffer;
    int64_t strides[MK_MAX_RANK];
} mk_output;

/// What follows from a program alone. A register is a name; a block is the memory of a tile, taken by one register after
/// another, so that what is alive fits in L1.
typedef struct {
    int64_t total;
    int64_t prefix[MK_MAX_RANK];  // elements in one step of each dimension
    // Inputs and outputs whose strides walk the iteration space in row-major order; inputs of one element met everywhere.
    uint64_t contiguous_inputs, contiguous_outputs, uniform_inputs;
    uint8_t block[MK_MAX_REGISTERS];
    uint8_t type[MK_MAX_REGISTERS];     // mk_register_type
    int16_t made[MK_MAX_REGISTERS];     // the instruction that writes it; -1 for an input
    int16_t last_use[MK_MAX_REGISTERS]; // the last instruction that reads it; -1 for none
} mk_layout;

/// The iteration space is dims[0..<rank], outermost first. With reductions it is ordered [A..., R..., B...]: kept, reduced,
/// kept; `reduced_begin..<reduced_end` names R, and B may be empty. Without, both are `rank`. Outputs that are not reduced
/// may stand beside reduced ones.
typedef struct {
    int32_t rank;
    int32_t reduced_begin, reduced_end;
    int64_t dims[MK_MAX_RANK];
    int32_t input_count, instruction_count, output_count;
    const mk_input *inputs;
    const mk_instruction *instructions;
    const mk_output *outputs;
    mk_layout layout;  // filled by mk_fused_prepare
} mk_program;

/// Works out what every run of the program has in common. To be called once, when all else is filled in.
void mk_fused_prepare(mk_program *program);

/// Runs the program. `pointers` are the addresses of the buffers' first elements, view offsets added. An output may share
/// memory with an input of the same strides and dtype (in place). No dimension is zero.
/// A reduction's tree depends on dims, the reduced range and mk_parallel_threads() alone, so that a cut never changes a bit.
void mk_fused_run(const mk_program *program, void *const *pointers, const mk_scalar *scalars);

/// Runs a program of one dimension, without reductions and whose strides are 1 or 0, on many sets of tensors of any lengths as
/// one piece of work: set s has counts[s] elements and the pointers from s · width on.
void mk_fused_run_sets(
    const mk_program *program, void *const *pointers, int64_t width, const int64_t *counts, int64_t set_count,
    const mk_scalar *scalars);

#endif
