/// The sum of the squares of all elements of several tensors: ‖(x₁, x₂, …)‖₂².
///
///     Σᵢ Σⱼ xᵢⱼ²
///
/// One composite whatever the number of tensors, so that a backend can gather it in one pass. The sum is taken and given in float32
/// at least: squares leave float16 where the norm is 256.
///
/// ## Shapes
/// - operands: one or more tensors of floating types, of any shapes
/// - result: `[]`, in the type that the operands' types and float32 are promoted to
package struct SquaredNorm: Composite {
    package init() {}

    package var name: String { "squaredNorm" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        guard !operands.isEmpty, operands.allSatisfy(\.dtype.isFloatingPoint) else {
            throw ShapeError(name, "needs one or more tensors of floating types", shapes: operands.map(\.shape))
        }
        return [TensorType([], operands.reduce(.float32) { DataType.promoted($0, $1.dtype) })]
    }

    package func body(_ operands: [Value]) -> [Value] {
        let working = operands.reduce(.float32) { DataType.promoted($0, $1.dtype) }
        let squares = operands.map { operand in
            let x = operand.cast(to: working)
            return (x * x).sum()
        }
        return [squares.dropFirst().reduce(squares[0], +)]
    }

    /// The body's own derivative serves.
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }
    package func encode(into key: inout KeyWriter) {}
}
