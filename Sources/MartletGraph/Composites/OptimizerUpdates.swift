// What the updates of optimizers share. Each is a composite: one pass over memory, whatever its formula has of terms.

/// How weights are drawn towards zero.
package enum WeightDecay: UInt8, Hashable, Sendable {
    case none
    /// decay · parameter is added to the gradient.
    case l2
    /// The parameter shrinks by the factor 1 - learning rate · decay, beside the gradient's step.
    case decoupled
}

/// The operands of an update in order: parameter, gradient, state, then scalars by name.
struct UpdateSignature {
    let name: String
    let stateCount: Int
    let scalars: [String]

    /// The new parameter and the new state have the types of the old.
    func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let tensors = 2 + stateCount
        var shapes: [Shape] { operands.map(\.shape) }
        guard operands.count == tensors + scalars.count else {
            throw ShapeError(
                name, "needs a parameter, a gradient, \(stateCount) tensors of state and the scalars \(scalars)",
                shapes: shapes)
        }
        for operand in operands.prefix(tensors)
        where operand.shape.sizes != operands[0].shape.sizes || !operand.dtype.isFloatingPoint {
            throw ShapeError(
                name, "parameter, gradient and state need one shape and floating types, not \(operand)", shapes: shapes)
        }
        for (label, operand) in zip(scalars, operands.dropFirst(tensors))
        where operand.shape.rank != 0 || !operand.dtype.isFloatingPoint {
            throw ShapeError(name, "\(label) should be a floating scalar, not \(operand)", shapes: shapes)
        }
        return [operands[0]] + operands[2..<tensors]
    }
}

/// Hands out the operands of an update one after the other.
///
/// Tensors come in the type that the update computes in: float64 for float64 parameters, float32 for all others, so that
/// a bfloat16 parameter is rounded once a step. Scalars keep their own type: a complement such as 1 - β loses no digits
/// where the caller passes float64.
struct UpdateReader {
    private let operands: [Value]
    private var position = 0
    private let working: DataType

    init(_ operands: [Value]) {
        self.operands = operands
        working = DataType.promoted(operands[0].dtype, .float32)
    }

    mutating func tensor() -> Value { number(scalar()) }
    mutating func scalar() -> Value {
        defer { position += 1 }
        return operands[position]
    }

    /// A scalar in the type that the update computes in.
    func number(_ scalar: Value) -> Value { scalar.cast(to: working) }

    /// Results in the types of the parameter and the state that they replace.
    func results(_ parameter: Value, _ state: [Value]) -> [Value] {
        [parameter.cast(to: operands[0].dtype)] + state.enumerated().map { $1.cast(to: operands[2 + $0].dtype) }
    }
}
