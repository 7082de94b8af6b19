/// A step of Adam, AdamW or AMSGrad.
///
///     g ← gradient (+ decay · p)       L2 decay; or p ← p · (1 - rate · decay) first, decoupled (AdamW)
///     m ← β₁·m + (1 - β₁)·g
///     v ← β₂·v + (1 - β₂)·g²
///     p ← p - rate · (m / c₁) / (√(v / c₂) + ε)
///
/// with the bias corrections c₁ = 1 - β₁ᵗ and c₂ = 1 - β₂ᵗ of step t = 1, 2, ...; AMSGrad puts the largest v so far in v's
/// place in the last line.
///
/// ## Shapes
/// - operands: parameter, gradient, m, v, the largest v where `amsgrad` (all of one shape); then floating scalars:
///   learning rate, β₁, β₂, ε, decay where there is decay, c₁, c₂. Pass float64 scalars so that 1 - β is rounded once.
/// - results: the new parameter, m, v, the largest v where `amsgrad`
///
/// Sources: D. Kingma and J. Ba, "Adam" (ICLR 2015); I. Loshchilov and F. Hutter, "Decoupled weight decay regularization"
/// (ICLR 2019); S. Reddi et al., "On the convergence of Adam and beyond" (ICLR 2018).
package struct AdamUpdate: Composite {
    package let weightDecay: WeightDecay
    package let amsgrad: Bool
    package let maximize: Bool

    package init(weightDecay: WeightDecay = .none, amsgrad: Bool = false, maximize: Bool = false) {
        self.weightDecay = weightDecay
        self.amsgrad = amsgrad
        self.maximize = maximize
    }

    package var name: String { "adamUpdate" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let decay = weightDecay == .none ? [] : ["weight decay"]
        let scalars =
            ["learning rate", "beta1", "beta2", "epsilon"] + decay + ["bias correction 1", "bias correction 2"]
        let signature = UpdateSignature(name: name, stateCount: amsgrad ? 3 : 2, scalars: scalars)
        return try signature.resultTypes(of: operands)
    }
    package func body(_ operands: [Value]) -> [Value] {
        var reader = UpdateReader(operands)
        var parameter = reader.tensor()
        var gradient = reader.tensor()
        let (oldFirst, oldSecond) = (reader.tensor(), reader.tensor())
        let oldLargest = amsgrad ? reader.tensor() : nil
        let rate = reader.scalar()
        let (beta1, beta2, epsilon) = (reader.scalar(), reader.scalar(), reader.scalar())
        if maximize { gradient = -gradient }
        switch weightDecay {
        case .none: break
        case .l2: gradient = gradient + reader.number(reader.scalar()) * parameter
        case .decoupled: parameter = reader.number(1 - rate * reader.scalar()) * parameter
        }
        let (correction1, correction2) = (reader.scalar(), reader.scalar())

        let first = reader.number(beta1) * oldFirst + reader.number(1 - beta1) * gradient
        let second = reader.number(beta2) * oldSecond + reader.number(1 - beta2) * (gradient * gradient)
        let largest = oldLargest.map { $0.maximum(second) }
        // The corrections are scalars: folded into the rate and the root they cost no division an element.
        let corrected = reader.number(1 / correction2) * (largest ?? second)
        let size = corrected.applying(.sqrt) + reader.number(epsilon)
        let moved = parameter - reader.number(rate / correction1) * (first / size)
        return reader.results(moved, [first, second] + (largest.map { [$0] } ?? []))
    }

    /// The body's own derivative serves: nothing is kept for a backward pass through a step.
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }
    package func encode(into key: inout KeyWriter) {
        key.write(Int(weightDecay.rawValue))
        key.write(amsgrad)
        key.write(maximize)
    }
}
