import CMartletKernels
import MartletGraph
import MartletRuntime

/// A fused kernel as a tile program of the C interpreter.
///
/// `@unchecked Sendable`: what it points at is its own, written in `init` only.
final class FusedProgram: PreparedKernel, @unchecked Sendable {
    fileprivate let program: UnsafeMutablePointer<mk_program>
    private let inputs: UnsafeMutablePointer<mk_input>
    private let instructions: UnsafeMutablePointer<mk_instruction>
    private let outputs: UnsafeMutablePointer<mk_output>

    init(_ kernel: FusedKernel) {
        let plan = MergedAxes(kernel)
        let inputCount = kernel.inputs.reduce(0) { if case .operand = $1.source { $0 + 1 } else { $0 } }
        inputs = .allocate(capacity: max(1, kernel.inputs.count))
        instructions = .allocate(capacity: max(1, kernel.instructions.count))
        outputs = .allocate(capacity: max(1, kernel.outputs.count))
        program = .allocate(capacity: 1)
        for (index, input) in kernel.inputs.enumerated() {
            inputs[index] = FusedProgram.input(input, register: index, strides: plan.inputStrides[index])
        }
        for (index, instruction) in kernel.instructions.enumerated() {
            instructions[index] = FusedProgram.instruction(instruction, register: kernel.inputs.count + index)
        }
        for (index, output) in kernel.outputs.enumerated() {
            outputs[index] = mk_output(
                reg: UInt8(output.register), dtype: output.dtype.rawValue, reduction: output.reduction.tileCode,
                buffer: Int32(inputCount + output.output), strides: filled(plan.outputStrides[index]))
        }
        program.initialize(
            to: mk_program(
                rank: Int32(plan.sizes.count), reduced_begin: Int32(plan.reduced.lowerBound),
                reduced_end: Int32(plan.reduced.upperBound), dims: filled(plan.sizes),
                input_count: Int32(kernel.inputs.count), instruction_count: Int32(kernel.instructions.count),
                output_count: Int32(kernel.outputs.count), inputs: inputs, instructions: instructions, outputs: outputs,
                layout: mk_layout()))
        mk_fused_prepare(program)
    }

    deinit {
        inputs.deallocate()
        instructions.deallocate()
        outputs.deallocate()
        program.deallocate()
    }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) {
        pointers.withMemoryRebound(to: UnsafeMutableRawPointer?.self, capacity: 1) { table in
            scalars.withMemoryRebound(to: mk_scalar.self, capacity: 1) { numbers in
                mk_fused_run(program, table, numbers)
            }
        }
    }

    private static func input(_ input: FusedKernel.Input, register: Int, strides: [Int]) -> mk_input {
        var result = mk_input()
        result.dtype = input.dtype.rawValue
        result.type = input.dtype.registerType
        result.reg = UInt8(register)
        result.strides = filled(strides)
        switch input.source {
        case .operand(let index):
            result.kind = UInt8(MK_IN_BUFFER.rawValue)
            result.buffer = Int32(index)
        case .scalar(let index):
            result.kind = UInt8(MK_IN_SCALAR.rawValue)
            result.buffer = Int32(index)
        case .index(let start):
            result.kind = UInt8(MK_IN_INDEX.rawValue)
            result.buffer = Int32(start)
        case .random(let key):
            result.kind = UInt8(MK_IN_RANDOM.rawValue)
            result.buffer = Int32(key)
        }
        return result
    }

    private static func instruction(_ instruction: FusedKernel.Instruction, register: Int) -> mk_instruction {
        var result = mk_instruction()
        switch instruction.operation {
        case .unary(let function):
            result.kind = UInt8(MK_I_UNARY.rawValue)
            result.op = function.rawValue
        case .binary(let function):
            result.kind = UInt8(MK_I_BINARY.rawValue)
            result.op = function.rawValue
        case .select: result.kind = UInt8(MK_I_SELECT.rawValue)
        case .cast: result.kind = UInt8(MK_I_CAST.rawValue)
        }
        result.type = instruction.operandType.registerType
        result.result = instruction.resultType.registerType
        result.round = instruction.resultType.rawValue
        result.d = UInt8(register)
        result.a = UInt8(instruction.operands[0])
        if instruction.operands.count > 1 { result.b = UInt8(instruction.operands[1]) }
        if instruction.operands.count > 2 { result.c = UInt8(instruction.operands[2]) }
        return result
    }
}

/// A fused kernel on many sets of tensors: the operands of each set follow one another among the step's pointers, then the results.
final class GatheredProgram: PreparedKernel {
    private let program: FusedProgram
    /// Elements of each set.
    private let counts: [Int64]
    private let inputCount: Int
    private let outputCount: Int

    init(_ kernel: FusedKernel, _ step: StepDescription) {
        program = FusedProgram(kernel)
        let sets = step.repetitions
        (inputCount, outputCount) = (step.inputs.count / sets, step.outputs.count / sets)
        let results = step.outputs.count / sets
        counts = (0..<sets).map { Int64(step.outputs[$0 * results].type.shape.elementCount) }
    }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) {
        let (width, results) = (inputCount + outputCount, pointers + inputCount * counts.count)
        withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: width * counts.count) { table in
            for set in counts.indices {
                for input in 0..<inputCount { table[set * width + input] = pointers[set * inputCount + input] }
                for output in 0..<outputCount {
                    table[set * width + inputCount + output] = results[set * outputCount + output]
                }
            }
            scalars.withMemoryRebound(to: mk_scalar.self, capacity: 1) { numbers in
                mk_fused_run_sets(
                    program.program, table.baseAddress, Int64(width), counts, Int64(counts.count), numbers)
            }
        }
    }
}

/// The iteration space with neighbouring axes made one wherever every operand walks them as one: any rank becomes few.
struct MergedAxes {
    var sizes: [Int] = []
    var reduced: Range<Int>
    var inputStrides: [[Int]]
    var outputStrides: [[Int]]

    init(_ kernel: FusedKernel) {
        inputStrides = kernel.inputs.map { _ in [] }
        outputStrides = kernel.outputs.map { _ in [] }
        var zones: [Int] = []
        for axis in kernel.sizes.indices where kernel.sizes[axis] != 1 {
            let zone = axis < kernel.reduced.lowerBound ? 0 : axis < kernel.reduced.upperBound ? 1 : 2
            let size = kernel.sizes[axis]
            let fits =
                zones.last == zone
                && zip(inputStrides, kernel.inputs).allSatisfy { $0[$0.count - 1] == $1.strides[axis] * size }
                && zip(outputStrides, kernel.outputs).allSatisfy { $0[$0.count - 1] == $1.strides[axis] * size }
            if fits {
                sizes[sizes.count - 1] *= size
                for index in inputStrides.indices {
                    inputStrides[index][sizes.count - 1] = kernel.inputs[index].strides[axis]
                }
                for index in outputStrides.indices {
                    outputStrides[index][sizes.count - 1] = kernel.outputs[index].strides[axis]
                }
            } else {
                zones.append(zone)
                sizes.append(size)
                for index in inputStrides.indices { inputStrides[index].append(kernel.inputs[index].strides[axis]) }
                for index in outputStrides.indices { outputStrides[index].append(kernel.outputs[index].strides[axis]) }
            }
        }
        let begin = zones.firstIndex { $0 > 0 } ?? zones.count
        reduced = begin..<(zones.firstIndex { $0 > 1 } ?? zones.count)
        if kernel.reduced.isEmpty { reduced = zones.count..<zones.count }
        if zones.count > MK_MAX_RANK {
            stop("an operation over \(zones.count) axes that cannot be merged; \(MK_MAX_RANK) are supported")
        }
    }
}

private typealias Sixteen = (
    Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64, Int64
)

/// A list as the fixed array of a C struct.
private func filled(_ values: [Int]) -> Sixteen {
    var result: Sixteen = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    withUnsafeMutableBytes(of: &result) { bytes in
        for (index, value) in values.enumerated() {
            bytes.storeBytes(of: Int64(value), toByteOffset: index * 8, as: Int64.self)
        }
    }
    return result
}

extension DataType {
    /// The tile register that holds elements of this type.
    var registerType: UInt8 {
        switch self {
        case .float32, .bfloat16, .float16: UInt8(MK_R_F32.rawValue)
        case .float64: UInt8(MK_R_F64.rawValue)
        case .int8, .uint8, .int32, .int64: UInt8(MK_R_I64.rawValue)
        case .bool: UInt8(MK_R_BOOL.rawValue)
        }
    }
}

extension Optional where Wrapped == Reduce.Kind {
    var tileCode: UInt8 {
        switch self {
        case nil: UInt8(MK_RED_NONE.rawValue)
        case .sum: UInt8(MK_RED_SUM.rawValue)
        case .product: UInt8(MK_RED_PRODUCT.rawValue)
        case .max: UInt8(MK_RED_MAX.rawValue)
        case .min: UInt8(MK_RED_MIN.rawValue)
        case .any: UInt8(MK_RED_ANY.rawValue)
        case .all: UInt8(MK_RED_ALL.rawValue)
        }
    }
}
