/// A step of stochastic gradient descent, with or without momentum.
///
///     g ← gradient (+ decay · p)
///     v ← β·v + κ·g                    κ = 1 as in PyTorch, 1 - dampening, or 1 - β: an exponential average
///     p ← p - rate · v                 with Nesterov's look-ahead β·v + κ·g in v's place
///
/// ## Shapes
/// - operands: parameter, gradient, v where there is momentum (all of one shape); then floating scalars: learning rate,
///   β where there is momentum, the dampening where it dampens, decay where there is decay. Pass float64 scalars so that
///   1 - β is rounded once.
/// - results: the new parameter, the new v
///
/// Source: I. Sutskever et al., "On the importance of initialization and momentum in deep learning" (ICML 2013), in the
/// form of torch.optim.SGD; decoupled decay: I. Loshchilov and F. Hutter (ICLR 2019).
package struct SGDUpdate: Composite {
    package enum Momentum: UInt8, Hashable, Sendable {
        case none
        /// v = β·v + g.
        case pytorch
        /// v = β·v + (1 - β)·g.
        case exponentialAverage
        /// v = β·v + (1 - dampening)·g.
        case dampened
    }
    package let momentum: Momentum
    package let nesterov: Bool
    package let weightDecay: WeightDecay
    package let maximize: Bool

    package init(
        momentum: Momentum = .none, nesterov: Bool = false, weightDecay: WeightDecay = .none, maximize: Bool = false
    ) {
        self.momentum = momentum
        self.nesterov = nesterov
        self.weightDecay = weightDecay
        self.maximize = maximize
    }

    package var name: String { "sgdUpdate" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        var scalars = ["learning rate"]
        if momentum != .none { scalars.append("momentum") }
        if momentum == .dampened { scalars.append("dampening") }
        if weightDecay != .none { scalars.append("weight decay") }
        let signature = UpdateSignature(name: name, stateCount: momentum == .none ? 0 : 1, scalars: scalars)
        return try signature.resultTypes(of: operands)
    }
    package func body(_ operands: [Value]) -> [Value] {
        var reader = UpdateReader(operands)
        var parameter = reader.tensor()
        var gradient = reader.tensor()
        let velocity = momentum == .none ? nil : reader.tensor()
        let rate = reader.scalar()
        let beta = momentum == .none ? nil : reader.scalar()
        let dampening = momentum == .dampened ? reader.scalar() : nil
        if maximize { gradient = -gradient }
        switch weightDecay {
        case .none: break
        case .l2: gradient = gradient + reader.number(reader.scalar()) * parameter
        case .decoupled: parameter = reader.number(1 - rate * reader.scalar()) * parameter
        }
        guard let velocity, let beta else {
            return reader.results(parameter - reader.number(rate) * gradient, [])
        }
        if let damped = momentum == .exponentialAverage ? beta : dampening {
            gradient = reader.number(1 - damped) * gradient
        }
        let moved = reader.number(beta) * velocity + gradient
        let step = nesterov ? reader.number(beta) * moved + gradient : moved
        return reader.results(parameter - reader.number(rate) * step, [moved])
    }

    /// The body's own derivative serves: nothing is kept for a backward pass through a step.
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }
    package func encode(into key: inout KeyWriter) {
        key.write(Int(momentum.rawValue))
        key.write(nesterov)
        key.write(Int(weightDecay.rawValue))
        key.write(maximize)
    }
}
