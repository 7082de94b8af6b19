import CMartletKernels
import MartletGraph
import MartletRuntime

/// Kernels of the optimizer composites: one pass over memory for all parameters.
enum Updates {
    static func hasKernel(for composite: any Composite, operands: [TensorType]) -> Bool {
        guard let adam = composite as? AdamUpdate, !adam.amsgrad else { return false }
        return operands.prefix(4).allSatisfy { $0.dtype == .float32 }
    }

    /// Each result takes the place of what it renews.
    static func donation(_ composite: any Composite, result: Int) -> Int? {
        composite is AdamUpdate ? [0, 2, 3][result] : nil
    }

    static func prepare(_ composite: any Composite, _ step: StepDescription) throws -> any PreparedKernel {
        guard let adam = composite as? AdamUpdate else {
            stop("\(composite.name) has no kernel on the CPU; its body runs")
        }
        return AdamKernel(adam, step)
    }
}

/// The Adam step of every parameter at once.
private final class AdamKernel: PreparedKernel {
    private let update: AdamUpdate
    private let counts: [Int]
    /// Operands a parameter has: p, g, m, v, then scalars.
    private let operandCount: Int
    private let scalars: [OperandDescription]

    init(_ update: AdamUpdate, _ step: StepDescription) {
        self.update = update
        operandCount = step.inputs.count / step.repetitions
        let width = operandCount
        counts = (0..<step.repetitions).map { step.inputs[$0 * width].type.shape.elementCount }
        scalars = Array(step.inputs[4..<width])
    }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ numbers: UnsafePointer<Scalar>) {
        var step = step(pointers)
        withUnsafeTemporaryAllocation(of: mk_adam_segment.self, capacity: counts.count) { segments in
            let results = pointers + counts.count * operandCount
            for (index, count) in counts.enumerated() {
                let own = pointers + index * operandCount
                func source(_ operand: Int) -> UnsafePointer<Float> {
                    UnsafePointer(own[operand].assumingMemoryBound(to: Float.self))
                }
                func target(_ result: Int) -> UnsafeMutablePointer<Float> {
                    results[index * 3 + result].assumingMemoryBound(to: Float.self)
                }
                segments[index] = mk_adam_segment(
                    count: Int64(count), parameter: source(0), gradient: source(1), first: source(2), second: source(3),
                    new_parameter: target(0), new_first: target(1), new_second: target(2))
            }
            mk_adam_update(&step, segments.baseAddress, Int64(counts.count))
        }
    }

    /// The step's numbers, read from the first parameter's scalars: all share them.
    private func step(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>) -> mk_adam {
        var position = 0
        func next() -> Double {
            defer { position += 1 }
            return scalars[position].number(at: pointers[4 + position])
        }
        let (rate, beta1, beta2, epsilon) = (next(), next(), next(), next())
        let decay = update.weightDecay == .none ? 0 : next()
        let (correction1, correction2) = (next(), next())
        return mk_adam(
            beta1: Float(beta1), beta1_complement: Float(1 - beta1), beta2: Float(beta2),
            beta2_complement: Float(1 - beta2),
            rate: Float(rate / correction1), second_scale: Float(1 / correction2), epsilon: Float(epsilon),
            l2_decay: Float(decay), shrink: Float(1 - rate * decay), has_l2: update.weightDecay == .l2,
            has_shrink: update.weightDecay == .decoupled, maximize: update.maximize)
    }
}

extension OperandDescription {
    /// A scalar operand's number: a scalar of the run, or an element in memory.
    func number(at pointer: UnsafeMutableRawPointer) -> Double {
        guard isScalarArgument else { return type.dtype.loadReal(pointer, 0) }
        let scalar = pointer.load(as: Scalar.self)
        return type.dtype.isFloatingPoint ? scalar.real : Double(scalar.integer)
    }
}
