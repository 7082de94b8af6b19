import CMartletKernels
import MartletGraph
import MartletRuntime

/// The processor: portable C kernels, and oneDNN's where it was found.
///
/// `@unchecked Sendable`: the memory pool and the engine guard themselves.
package final class CPUBackend: Backend, @unchecked Sendable {
    package static let shared = CPUBackend()

    package let device = Device.cpu
    package let memory = MemoryPool()
    package let engine: OneDNN?

    package init(engine: OneDNN? = OneDNN.shared) {
        self.engine = engine
        if let engine { mk_parallel_bind(engine.gompParallel, engine.gompThreadNumber) }
    }

    package var engineSet: UInt64 { (engine == nil ? 0 : 1) | (Tiles.areUsed ? 2 : 0) | Winograd.current.code << 2 }

    package func allocate(byteCount: Int) throws -> Buffer { try memory.buffer(byteCount: byteCount) }

    package func footprint(byteCount: Int) -> Int { MemoryPool.rounded(byteCount) }

    package func leaseArena(byteCount: Int) throws -> ArenaLease { try memory.arena(byteCount: byteCount) }

    /// Kernels are called before this returns: here, or on the one thread that runs parallel work once a second thread
    /// brings some (`mk_runner_run`).
    package func run(isParallel: Bool, _ kernels: () throws -> Void) throws -> Completion {
        guard isParallel else {
            try Subnormals.settled(kernels)
            return .done
        }
        try withoutActuallyEscaping(kernels) { kernels in
            var call = ParallelCall(kernels: kernels)
            withUnsafeMutablePointer(to: &call) { call in
                mk_runner_run({ $0?.assumingMemoryBound(to: ParallelCall.self).pointee.run() }, call)
            }
            if let failure = call.failure { throw failure }
        }
        return .done
    }

    package func hasKernel(for composite: any Composite, operands: [OperandLayout]) -> Bool {
        CompositeKernels.has(composite, operands, on: self)
    }

    package func hasCostlyPostOperations(in dtype: DataType) -> Bool { engine?.putsChannelsLast(dtype) ?? false }

    package func acceptsStrides(_ primitive: Primitive, operand index: Int) -> Bool {
        switch primitive {
        case .matmul: index < 2
        case .updateSlice: index == 1
        case .concatenate: true
        case .leaf, .placeholder, .constant, .iota, .randomBits, .unary, .binary, .select, .cast, .alias, .reshape,
            .permute, .expand, .slice, .flip, .gather, .scatter, .indexSelect, .indexAdd, .sort, .reduce, .argReduce,
            .cumulativeSum, .convolution, .convolutionInputGradient, .convolutionWeightGradient, .maxPool, .averagePool,
            .averagePoolGradient, .linearAlgebra, .composite, .copy, .collective:
            false
        }
    }

    package func acceptsNumber(_ primitive: Primitive, operand index: Int) -> Bool {
        guard case .composite(let call) = primitive else { return false }
        return switch call.composite {
        case let update as any UpdateComposite: index >= update.tensorCount
        case let gradient as SoftmaxCrossEntropyGradient: gradient.averages && index == 2
        default: false
        }
    }

    package func layouts(
        _ primitive: Primitive, operands: [OperandLayout], results: [TensorType]
    ) -> StepLayouts? {
        switch primitive {
        case .convolution, .convolutionInputGradient, .convolutionWeightGradient:
            EngineConvolution.layouts(primitive, operands, results, engine)
        case .concatenate(let concatenation): BlockedConcatenation.layouts(concatenation, operands, results)
        case .maxPool, .averagePool, .averagePoolGradient: BlockedPooling.layouts(operands, results)
        case .composite(let call) where call.composite is MaxPoolGradient: BlockedPooling.layouts(operands, results)
        case .composite(let call) where call.composite is QuantizedConvolution:
            EngineConvolution.layouts(
                primitive, operands, (try? call.composite.resultTypes(of: operands.map(\.type))) ?? [], engine)
        case .composite(let call) where call.composite is Quantize: Quantization.layouts(operands, engine)
        case .composite(let call) where CompositeKernels.has(call.composite, operands, on: self):
            BlockedBatchNorm.layouts(call.composite, operands, engine)
        case .leaf, .placeholder, .constant, .iota, .randomBits, .unary, .binary, .select, .cast, .alias, .reshape,
            .permute, .expand, .slice, .flip, .updateSlice, .gather, .scatter, .indexSelect, .indexAdd, .sort, .reduce,
            .argReduce, .cumulativeSum, .matmul, .linearAlgebra, .composite, .copy, .collective:
            nil
        }
    }

    package func donation(_ primitive: Primitive, result: Int) -> Int? {
        switch primitive {
        case .updateSlice, .scatter, .indexAdd: 0
        case .composite(let call) where call.composite is ConvolutionActivation:
            EngineConvolution.donation(call.composite)
        case .composite(let call) where call.composite is GradientUpdate:
            (call.composite as? GradientUpdate).flatMap { GradientUpdateKernel.donation($0, result: result) }
        case .composite(let call): Updates.donation(call.composite, result: result)
        case .leaf, .placeholder, .constant, .iota, .randomBits, .unary, .binary, .select, .cast, .alias, .reshape,
            .permute, .expand, .slice, .flip, .concatenate, .gather, .indexSelect, .sort, .reduce, .argReduce,
            .cumulativeSum, .matmul, .convolution, .convolutionInputGradient, .convolutionWeightGradient, .maxPool,
            .averagePool, .averagePoolGradient, .linearAlgebra, .copy, .collective:
            nil
        }
    }

    package func prepare(_ step: StepDescription) throws -> any PreparedKernel {
        // The engine starts its threads where it first needs them, and a thread has the mode of the one that starts it.
        try Subnormals.settled {
            switch step.work {
            case .fused(let kernel): step.repetitions > 1 ? GatheredProgram(kernel, step) : FusedProgram(kernel)
            case .primitive(let primitive, let arguments): try prepare(primitive, arguments, step)
            }
        }
    }

    private func prepare(
        _ primitive: Primitive, _ arguments: [ArgumentReference], _ step: StepDescription
    ) throws -> any PreparedKernel {
        switch primitive {
        case .matmul(let product): try prepare(product, step)
        case .convolution(let convolution): try prepare(convolution, step)
        case .convolutionInputGradient(let gradient): try prepare(gradient, step)
        case .convolutionWeightGradient(let gradient): try prepare(gradient, step)
        case .maxPool(let pool): prepare(pool, step)
        case .averagePool(let pool): prepare(pool, step)
        case .averagePoolGradient(let pool): prepare(pool, step)
        case .updateSlice(let update): prepare(update, arguments, step)
        case .concatenate(let concatenation): prepare(concatenation, step)
        case .gather(let gather): prepare(gather, step)
        case .scatter(let scatter): prepare(scatter, step)
        case .indexSelect(let selection): prepare(selection, step)
        case .indexAdd(let addition): prepare(addition, step)
        case .sort(let sort): prepare(sort, step)
        case .argReduce(let reduction): prepare(reduction, step)
        case .cumulativeSum(let sum): prepare(sum, step)
        case .linearAlgebra(let algebra): prepare(algebra, step)
        case .composite(let call): try CompositeKernels.prepare(call.composite, step, on: self)
        case .leaf, .placeholder, .constant, .iota, .randomBits, .unary, .binary, .select, .cast, .alias, .reshape,
            .permute, .expand, .slice, .flip, .reduce, .copy, .collective:
            stop("\(primitive.family.name) has no kernel of its own: the planner makes it a view or fuses it")
        }
    }
}

/// A plan's kernels on their way to another thread, and what they threw there.
private struct ParallelCall {
    let kernels: () throws -> Void
    var failure: (any Error)?

    mutating func run() {
        do { try Subnormals.settled(kernels) } catch { failure = error }
    }
}

/// A kernel as a closure over its prepared attributes.
final class ClosureKernel: PreparedKernel {
    typealias Body = @Sendable (UnsafeMutablePointer<UnsafeMutableRawPointer>, UnsafePointer<Scalar>) throws -> Void
    private let body: Body
    init(_ body: @escaping Body) { self.body = body }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        try body(pointers, scalars)
    }
}

extension ArgumentReference {
    /// The number in a run.
    func value(_ scalars: UnsafePointer<Scalar>) -> Scalar {
        switch self {
        case .runtime(let index): scalars[index]
        case .fixed(let scalar): scalar
        }
    }
}
