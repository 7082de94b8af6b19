/// The sum of the squares of all elements of several tensors: ‖(x₁, x₂, …)‖₂².
///
///     Σᵢ Σⱼ xᵢⱼ²
///
/// One composite whatever the number of tensors, so that a backend can gather it in one pass. The sum is taken in float32 at
/// least.
///
/// ## Shapes
/// - operands: one or more tensors of floating types, of any shapes
/// - result: `[]`, in the type that the operands' types are promoted to
package struct SquaredNorm: Composite {
    package init() {}

    package var name: String { "squaredNorm" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        guard let first = operands.first, operands.allSatisfy(\.dtype.isFloatingPoint) else {
            throw ShapeError(name, "needs one or more tensors of floating types", shapes: operands.map(\.shape))
        }
        return [TensorType([], operands.dropFirst().reduce(first.dtype) { DataType.promoted($0, $1.dtype) })]
    }

    package func body(_ operands: [Value]) -> [Value] {
        let result = operands.dropFirst().reduce(operands[0].dtype) { DataType.promoted($0, $1.dtype) }
        let working = DataType.promoted(result, .float32)
        let squares = operands.map { operand in
            let x = operand.cast(to: working)
            return (x * x).sum()
        }
        return [squares.dropFirst().reduce(squares[0], +).cast(to: result)]
    }

    /// The body's own derivative serves.
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }
    package func encode(into key: inout KeyWriter) {}
}
