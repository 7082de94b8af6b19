import MartletGraph

/// An update written as its paper has it: what happens to one parameter, in `Value` code, without a kernel of its own.
///
/// The signs of `maximize` and the decay of weights are done before the formula sees anything, unless it decays itself.
package protocol UpdateFormula: Composite {
    /// What all formulas have.
    var form: UpdateForm { get }
    /// The names of the numbers after the learning rate and the decay, in the order of `UpdateInputs.numbers`.
    var numberNames: [String] { get }
    /// True where the formula puts weight decay in its place itself.
    var decaysItself: Bool { get }

    /// The new parameter and state.
    func step(_ inputs: UpdateInputs) -> UpdateResults
    /// Writes what tells two formulas of one name apart, besides `form`.
    func encodeAttributes(into key: inout KeyWriter)
}

/// How weights decay, and which way steps go.
package struct UpdateForm: Hashable, Sendable {
    package let decay: WeightDecay
    package let maximize: Bool

    package init(_ decay: WeightDecay = .none, maximize: Bool = false) {
        (self.decay, self.maximize) = (decay, maximize)
    }
}

/// What a formula starts from. Tensors come in the type that the update computes in: float64 where they are float64,
/// float32 otherwise. Numbers are float64, so that 1 - β is rounded once.
package struct UpdateInputs {
    package let parameter: Value
    package let gradient: Value
    package let state: [Value]
    package let rate: Number
    package let decay: Number?
    package let numbers: [Number]
}

/// What a formula ends with.
package struct UpdateResults {
    package let parameter: Value
    package let state: [Value]

    package init(_ parameter: Value, _ state: [Value]) { (self.parameter, self.state) = (parameter, state) }
}

extension UpdateFormula {
    package var decaysItself: Bool { false }
    package var residuals: Residuals { .operands }
    package func encodeAttributes(into key: inout KeyWriter) {}
    package func encode(into key: inout KeyWriter) {
        key.write(Int(form.decay.rawValue))
        key.write(form.maximize)
        encodeAttributes(into: &key)
    }
    /// The body's own derivative serves: nothing is kept for a backward pass through a step.
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }

    private var scalarNames: [String] {
        ["learning rate"] + (form.decay == .none ? [] : ["weight decay"]) + numberNames
    }

    /// Parameter, gradient and state, then the scalars; the results have the types of what they renew.
    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let names = scalarNames
        let tensors = operands.count - names.count
        guard tensors >= 2 else {
            throw ShapeError(
                name, "needs a parameter, a gradient, its state and the scalars \(names)", shapes: operands.map(\.shape)
            )
        }
        guard operands[0].shape == operands[1].shape, operands.allSatisfy(\.dtype.isFloatingPoint) else {
            throw ShapeError(
                name, "parameter and gradient need one shape, and everything floating types",
                shapes: operands.map(\.shape))
        }
        for (label, operand) in zip(names, operands.dropFirst(tensors)) where operand.shape.rank != 0 {
            throw ShapeError(
                name, "\(label) should be a floating scalar, not \(operand)", shapes: operands.map(\.shape))
        }
        return [operands[0]] + operands[2..<tensors]
    }

    package func body(_ operands: [Value]) -> [Value] {
        let tensorCount = operands.count - scalarNames.count
        let tensors = operands.prefix(tensorCount).map { $0.cast(to: DataType.promoted($0.dtype, .float32)) }
        let working = tensors[0].dtype
        var (parameter, gradient) = (tensors[0], tensors[1].cast(to: working))
        let scalars = operands.dropFirst(tensorCount).map { Number(value: $0) }
        let hasDecay = form.decay != .none
        let (rate, decay) = (scalars[0], hasDecay ? scalars[1] : nil)
        if form.maximize { gradient = -gradient }
        if let decay, !decaysItself {
            switch form.decay {
            case .none: break
            case .l2: gradient = gradient + decay * parameter
            case .decoupled: parameter = (1 - rate * decay) * parameter
            }
        }
        let results = step(
            UpdateInputs(
                parameter: parameter, gradient: gradient, state: Array(tensors.dropFirst(2)), rate: rate, decay: decay,
                numbers: Array(scalars.dropFirst(hasDecay ? 2 : 1))))
        let types = [operands[0].dtype] + operands[2..<tensorCount].map(\.dtype)
        return zip([results.parameter] + results.state, types).map { $0.cast(to: $1) }
    }
}

/// A number of an update: a scalar that stays in float64 until it meets a tensor, whose type it then takes.
package struct Number {
    package let value: Value
    package init(value: Value) { self.value = value }

    package var squareRoot: Number { Number(value: value.applying(.sqrt)) }
    package func minimum(_ other: Number) -> Number { Number(value: value.minimum(other.value)) }
    package func maximum(_ other: Number) -> Number { Number(value: value.maximum(other.value)) }

    package static func + (a: Number, b: Number) -> Number { Number(value: a.value + b.value) }
    package static func - (a: Number, b: Number) -> Number { Number(value: a.value - b.value) }
    package static func * (a: Number, b: Number) -> Number { Number(value: a.value * b.value) }
    package static func / (a: Number, b: Number) -> Number { Number(value: a.value / b.value) }
    package static func + (a: Number, b: Double) -> Number { Number(value: a.value + b) }
    package static func - (a: Double, b: Number) -> Number { Number(value: a - b.value) }
    package static func - (a: Number, b: Double) -> Number { Number(value: a.value - b) }
    package static func * (a: Double, b: Number) -> Number { Number(value: a * b.value) }
    package static func / (a: Double, b: Number) -> Number { Number(value: a / b.value) }
    package static prefix func - (a: Number) -> Number { Number(value: -a.value) }

    package static func * (a: Number, b: Value) -> Value { a.value.cast(to: b.dtype) * b }
    package static func + (a: Value, b: Number) -> Value { a + b.value.cast(to: a.dtype) }
    package static func / (a: Value, b: Number) -> Value { a / b.value.cast(to: a.dtype) }
}

extension Value {
    var squareRoot: Value { applying(.sqrt) }
    var sign: Value { applying(.sign) }
    var magnitude: Value { applying(.absolute) }
    /// ‖x‖₂ over all elements, a scalar.
    var norm: Value { (self * self).sum().squareRoot }
    /// This value where it is positive, else `other`: a guard for divisors.
    func orWhereZero(_ other: Value) -> Value { Value.choose(self .> constant(0), self, other) }
}

extension UpdateForm {
    /// The form for a group: without decay where its weights do not.
    func decaying(_ group: ParameterGroup) -> UpdateForm {
        group.decays ? self : UpdateForm(.none, maximize: maximize)
    }
}

extension ParameterGroup {
    /// The rate, the decay where there is one, and the settings named, as a formula's scalars.
    func scalars(_ settings: Setting...) -> [Value] {
        [rate.value()] + (decays ? [self[.weightDecay].value()] : []) + settings.map { self[$0].value() }
    }
}
