/// A step of Adagrad.
///
///     g ← gradient (+ decay · p)
///     s ← s + g²                       from the initial accumulator on
///     p ← p - rate / slowdown · g / (√s + ε)
///
/// with slowdown = 1 + (t - 1) · the learning rate's decay in step t = 1, 2, ...
///
/// ## Shapes
/// - operands: parameter, gradient, s (all of one shape; zeros where it `starts`); then floating scalars: learning rate,
///   slowdown, ε, decay where there is decay, the initial accumulator where it `starts`
/// - results: the new parameter, s
///
/// Source: J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and stochastic
/// optimization" (JMLR 2011), in the form of torch.optim.Adagrad.
package struct AdagradUpdate: Composite {
    /// True where s is not there yet and begins with the initial accumulator.
    package let starts: Bool
    /// True where decay · parameter is added to the gradient.
    package let decays: Bool
    package let maximize: Bool

    package init(starts: Bool = false, decays: Bool = false, maximize: Bool = false) {
        self.starts = starts
        self.decays = decays
        self.maximize = maximize
    }

    package var name: String { "adagradUpdate" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let scalars =
            ["learning rate", "slowdown", "epsilon"] + (decays ? ["weight decay"] : [])
            + (starts ? ["initial accumulator"] : [])
        return try UpdateSignature(name: name, stateCount: 1, scalars: scalars).resultTypes(of: operands)
    }
    package func body(_ operands: [Value]) -> [Value] {
        var reader = UpdateReader(operands)
        let parameter = reader.tensor()
        var gradient = reader.tensor()
        var sum = reader.tensor()
        let (rate, slowdown, epsilon) = (reader.scalar(), reader.scalar(), reader.scalar())
        if maximize { gradient = -gradient }
        if decays { gradient = gradient + reader.number(reader.scalar()) * parameter }
        if starts { sum = sum + reader.number(reader.scalar()) }

        sum = sum + gradient * gradient
        let size = sum.applying(.sqrt) + reader.number(epsilon)
        return reader.results(parameter - reader.number(rate / slowdown) * (gradient / size), [sum])
    }

    /// The body's own derivative serves: nothing is kept for a backward pass through a step.
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }
    package func encode(into key: inout KeyWriter) {
        key.write(starts)
        key.write(decays)
        key.write(maximize)
    }
}
