import CMartletKernels
import MartletGraph
import MartletRuntime

/// Kernels of the optimizer composites: one pass over memory for all parameters.
enum Updates {
    static func hasKernel(for composite: any Composite, operands: [TensorType]) -> Bool {
        guard let update = composite as? any UpdateComposite else { return false }
        if let adam = plain(update) as? AdamUpdate, adam.amsgrad { return false }
        return operands.prefix(update.tensorCount).allSatisfy { $0.dtype == .float32 }
    }

    /// Each result takes the place of what it renews: the parameter, then the state behind the gradient, then the gradient.
    static func donation(_ composite: any Composite, result: Int) -> Int? {
        guard let update = composite as? any UpdateComposite else { return nil }
        if result == 0 { return 0 }
        return result + 1 < update.tensorCount ? result + 1 : 1
    }

    /// The update itself, without the factor on its gradient.
    private static func plain(_ update: any Composite) -> any Composite {
        (update as? ScaledUpdate)?.update ?? update
    }

    static func prepare(_ composite: any Composite, _ step: StepDescription) throws -> any PreparedKernel {
        let scaled = composite as? ScaledUpdate
        switch plain(composite) {
        case let adam as AdamUpdate: return AdamKernel(adam, UpdateOperands(step, adam.tensorCount, scaled))
        case let sgd as SGDUpdate: return SGDKernel(sgd, UpdateOperands(step, sgd.tensorCount, scaled))
        default: stop("\(composite.name) has no kernel on the CPU; its body runs")
        }
    }
}

/// Where the tensors and the numbers of an update of many parameters lie among the step's pointers: the operands of each
/// parameter in turn, then the results of each.
private struct UpdateOperands {
    /// Elements of each parameter.
    let counts: [Int]
    /// Tensors before the scalars: parameter, gradient, state.
    private let tensorCount: Int
    /// Tensors and scalars.
    private let width: Int
    private let scalars: [OperandDescription]
    private let isScaled: Bool
    private let keepsGradient: Bool

    init(_ step: StepDescription, _ tensorCount: Int, _ scaled: ScaledUpdate?) {
        self.tensorCount = tensorCount
        isScaled = scaled != nil
        keepsGradient = scaled?.keepsGradient ?? false
        let width = step.inputs.count / step.repetitions
        self.width = width
        counts = (0..<step.repetitions).map { step.inputs[$0 * width].type.shape.elementCount }
        scalars = Array(step.inputs[tensorCount..<width])
    }

    typealias Pointers = UnsafeMutablePointer<UnsafeMutableRawPointer>

    func source(_ operand: Int, of parameter: Int, _ pointers: Pointers) -> UnsafePointer<Float> {
        UnsafePointer(pointers[parameter * width + operand].assumingMemoryBound(to: Float.self))
    }

    func target(_ result: Int, of parameter: Int, _ pointers: Pointers) -> UnsafeMutablePointer<Float> {
        let results = tensorCount - 1 + (keepsGradient ? 1 : 0)
        return pointers[counts.count * width + parameter * results + result].assumingMemoryBound(to: Float.self)
    }

    /// Where the scaled gradient goes, if it is wanted.
    func scaledGradient(of parameter: Int, _ pointers: Pointers) -> UnsafeMutablePointer<Float>? {
        keepsGradient ? target(tensorCount - 1, of: parameter, pointers) : nil
    }

    /// The step's numbers in order, read from the first parameter's scalars: all share them.
    func numbers(_ pointers: Pointers) -> [Double] {
        scalars.indices.dropLast(isScaled ? 1 : 0).map { scalars[$0].number(at: pointers[tensorCount + $0]) }
    }

    /// The factor on all gradients.
    func gradientScale(_ pointers: Pointers) -> Float {
        guard isScaled, let last = scalars.last else { return 1 }
        return Float(last.number(at: pointers[tensorCount + scalars.count - 1]))
    }
}

/// The Adam step of every parameter at once.
private final class AdamKernel: PreparedKernel {
    private let update: AdamUpdate
    private let operands: UpdateOperands

    init(_ update: AdamUpdate, _ operands: UpdateOperands) { (self.update, self.operands) = (update, operands) }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ numbers: UnsafePointer<Scalar>) {
        var step = step(operands.numbers(pointers))
        step.gradient_scale = operands.gradientScale(pointers)
        let counts = operands.counts
        withUnsafeTemporaryAllocation(of: mk_adam_segment.self, capacity: counts.count) { segments in
            for (index, count) in counts.enumerated() {
                func source(_ operand: Int) -> UnsafePointer<Float> { operands.source(operand, of: index, pointers) }
                func target(_ result: Int) -> UnsafeMutablePointer<Float> {
                    operands.target(result, of: index, pointers)
                }
                segments[index] = mk_adam_segment(
                    count: Int64(count), parameter: source(0), gradient: source(1), first: source(2), second: source(3),
                    new_parameter: target(0), new_first: target(1), new_second: target(2),
                    scaled_gradient: operands.scaledGradient(of: index, pointers))
            }
            mk_adam_update(&step, segments.baseAddress, Int64(counts.count))
        }
    }

    private func step(_ numbers: [Double]) -> mk_adam {
        let (rate, beta1, beta2, epsilon) = (numbers[0], numbers[1], numbers[2], numbers[3])
        let decay = update.weightDecay == .none ? 0 : numbers[4]
        let (correction1, correction2) = (numbers[numbers.count - 2], numbers[numbers.count - 1])
        return mk_adam(
            beta1: Float(beta1), beta1_complement: Float(1 - beta1), beta2: Float(beta2),
            beta2_complement: Float(1 - beta2),
            rate: Float(rate / correction1), second_scale: Float(1 / correction2), epsilon: Float(epsilon),
            l2_decay: Float(decay), shrink: Float(1 - rate * decay), gradient_scale: 1,
            has_l2: update.weightDecay == .l2,
            has_shrink: update.weightDecay == .decoupled, maximize: update.maximize)
    }
}

/// The step of gradient descent of every parameter at once.
private final class SGDKernel: PreparedKernel {
    private let update: SGDUpdate
    private let operands: UpdateOperands

    init(_ update: SGDUpdate, _ operands: UpdateOperands) { (self.update, self.operands) = (update, operands) }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ numbers: UnsafePointer<Scalar>) {
        var step = step(operands.numbers(pointers))
        step.gradient_scale = operands.gradientScale(pointers)
        let counts = operands.counts
        let hasVelocity = update.momentum != .none
        withUnsafeTemporaryAllocation(of: mk_sgd_segment.self, capacity: counts.count) { segments in
            for (index, count) in counts.enumerated() {
                segments[index] = mk_sgd_segment(
                    count: Int64(count), parameter: operands.source(0, of: index, pointers),
                    gradient: operands.source(1, of: index, pointers),
                    velocity: hasVelocity ? operands.source(2, of: index, pointers) : nil,
                    new_parameter: operands.target(0, of: index, pointers),
                    new_velocity: hasVelocity ? operands.target(1, of: index, pointers) : nil,
                    scaled_gradient: operands.scaledGradient(of: index, pointers))
            }
            mk_sgd_update(&step, segments.baseAddress, Int64(counts.count))
        }
    }

    private func step(_ numbers: [Double]) -> mk_sgd {
        let rate = numbers[0]
        let momentum = update.momentum == .none ? 0 : numbers[1]
        let decay = update.weightDecay == .none ? 0 : numbers[numbers.count - 1]
        let gain =
            switch update.momentum {
            case .none, .pytorch: 1.0
            case .exponentialAverage: 1 - momentum
            case .dampened: 1 - numbers[2]
            }
        return mk_sgd(
            rate: Float(rate), momentum: Float(momentum), gain: Float(gain), l2_decay: Float(decay),
            shrink: Float(1 - rate * decay), gradient_scale: 1, has_momentum: update.momentum != .none,
            nesterov: update.nesterov,
            has_l2: update.weightDecay == .l2, has_shrink: update.weightDecay == .decoupled, maximize: update.maximize)
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
