import MartletGraph

/// Elementwise work over one iteration space, with an optional reduction at its end: what the planner fuses and each
/// backend turns into its own form (a tile program, CUDA C++).
package struct FusedKernel: Sendable {
    /// Sizes of the iteration space, outermost first. With a reduction: kept axes, reduced axes, kept axes.
    package var sizes: [Int]
    /// The reduced axes; empty without a reduction.
    package var reduced: Range<Int>
    package var inputs: [Input]
    package var instructions: [Instruction]
    package var outputs: [Output]

    package init(sizes: [Int], reduced: Range<Int>, inputs: [Input], instructions: [Instruction], outputs: [Output]) {
        self.sizes = sizes
        self.reduced = reduced
        self.inputs = inputs
        self.instructions = instructions
        self.outputs = outputs
    }

    /// Registers are numbered: inputs first, then one an instruction.
    package typealias Register = Int

    package struct Input: Sendable {
        package enum Source: Sendable, Hashable {
            /// The step's operand of that index.
            case operand(Int)
            /// The run's scalar of that index.
            case scalar(Int)
            /// start + sum(strides · index), int64; the start is a scalar of the run.
            case index(start: Int)
            /// Random bits at position start + sum(strides · index); key and start are neighbouring scalars.
            case random(key: Int)
        }
        package let source: Source
        package let dtype: DataType
        package let strides: [Int]

        package init(source: Source, dtype: DataType, strides: [Int]) {
            self.source = source
            self.dtype = dtype
            self.strides = strides
        }
    }

    package enum Operation: Sendable, Hashable {
        case unary(UnaryFunction)
        case binary(BinaryFunction)
        case select
        case cast
    }

    package struct Instruction: Sendable, Hashable {
        package let operation: Operation
        package let operands: [Register]
        /// The type of the operands that are computed on (the branches' for a selection).
        package let operandType: DataType
        package let resultType: DataType
    }

    package struct Output: Sendable {
        package let register: Register
        /// Index among the step's outputs.
        package let output: Int
        package let dtype: DataType
        package let reduction: Reduce.Kind?
        package let strides: [Int]

        package init(register: Register, output: Int, dtype: DataType, reduction: Reduce.Kind?, strides: [Int]) {
            self.register = register
            self.output = output
            self.dtype = dtype
            self.reduction = reduction
            self.strides = strides
        }
    }
}
