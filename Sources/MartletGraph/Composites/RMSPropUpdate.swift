/// A step of RMSProp, plain or centred, with or without momentum.
///
///     g ← gradient (+ decay · p)
///     v ← α·v + (1 - α)·g²
///     m ← α·m + (1 - α)·g              centred only
///     s = √v + ε                       centred: √max(v - m², 0) + ε
///     p ← p - rate · g / s             with momentum: b ← β·b + g / s, p ← p - rate · b
///
/// v - m² is a variance: the bound keeps what rounding leaves of it, where gradients hardly change, from being negative.
///
/// ## Shapes
/// - operands: parameter, gradient, v, b where there is momentum, m where centred (all of one shape); then floating
///   scalars: learning rate, α, ε, β where there is momentum, decay where there is decay. Pass float64 scalars so that
///   1 - α is rounded once.
/// - results: the new parameter, v, b where there is momentum, m where centred
///
/// Sources: G. Hinton, "Neural networks for machine learning", lecture 6e (2012); centred: A. Graves, "Generating sequences
/// with recurrent neural networks" (2013); in the form of torch.optim.RMSprop.
package struct RMSPropUpdate: Composite {
    package let hasMomentum: Bool
    package let centered: Bool
    /// True where decay · parameter is added to the gradient.
    package let decays: Bool
    package let maximize: Bool

    package init(hasMomentum: Bool = false, centered: Bool = false, decays: Bool = false, maximize: Bool = false) {
        self.hasMomentum = hasMomentum
        self.centered = centered
        self.decays = decays
        self.maximize = maximize
    }

    package var name: String { "rmsPropUpdate" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let scalars =
            ["learning rate", "smoothing", "epsilon"] + (hasMomentum ? ["momentum"] : [])
            + (decays ? ["weight decay"] : [])
        let stateCount = 1 + (hasMomentum ? 1 : 0) + (centered ? 1 : 0)
        let signature = UpdateSignature(name: name, stateCount: stateCount, scalars: scalars)
        return try signature.resultTypes(of: operands)
    }
    package func body(_ operands: [Value]) -> [Value] {
        var reader = UpdateReader(operands)
        let parameter = reader.tensor()
        var gradient = reader.tensor()
        let oldSquare = reader.tensor()
        let oldBuffer = hasMomentum ? reader.tensor() : nil
        let oldMean = centered ? reader.tensor() : nil
        let (rate, smoothing, epsilon) = (reader.scalar(), reader.scalar(), reader.scalar())
        let beta = hasMomentum ? reader.scalar() : nil
        if maximize { gradient = -gradient }
        if decays { gradient = gradient + reader.number(reader.scalar()) * parameter }

        let (kept, fresh) = (reader.number(smoothing), reader.number(1 - smoothing))
        let square = kept * oldSquare + fresh * (gradient * gradient)
        let mean = oldMean.map { kept * $0 + fresh * gradient }
        let spread = mean.map { (square - $0 * $0).maximum(square.zeros()) } ?? square
        let scaled = gradient / (spread.applying(.sqrt) + reader.number(epsilon))
        var buffer: Value?
        if let oldBuffer, let beta { buffer = reader.number(beta) * oldBuffer + scaled }
        let moved = parameter - reader.number(rate) * (buffer ?? scaled)
        return reader.results(moved, [square] + [buffer, mean].compactMap { $0 })
    }

    /// The body's own derivative serves: nothing is kept for a backward pass through a step.
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }
    package func encode(into key: inout KeyWriter) {
        key.write(hasMomentum)
        key.write(centered)
        key.write(decays)
        key.write(maximize)
    }
}
