/// A matrix product and what a planner folds into it in inference: a residual, a rectifier.
///
///     y = a · b (+ bias)
///     y ← y + residual, y ← max(0, y)     where asked for
///
/// ## Shapes
/// - operands: those of the product; a residual like y
/// - result: y
package struct MatrixProductActivation: Composite {
    package let product: MatrixProduct
    package let addsResidual: Bool
    package let rectifies: Bool

    package init(_ product: MatrixProduct, addsResidual: Bool, rectifies: Bool) {
        (self.product, self.addsResidual, self.rectifies) = (product, addsResidual, rectifies)
    }

    package var name: String { "matmul" + (addsResidual ? "+add" : "") + (rectifies ? "+relu" : "") }
    package var residuals: Residuals { .operands }

    /// Where the operands after the product's own begin.
    package var productOperandCount: Int { product.hasBias ? 3 : 2 }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let own = Array(operands.prefix(productOperandCount))
        let result = try product.resultTypes(of: own, arguments: [])
        guard !addsResidual || operands.last == result[0] else {
            throw ShapeError(name, "a residual like \(result[0]) is expected", shapes: operands.map(\.shape))
        }
        return result
    }

    package func body(_ operands: [Value]) -> [Value] {
        var y = Value.make(.matmul(product), Array(operands.prefix(productOperandCount)))
        if addsResidual { y = y + operands[productOperandCount] }
        return [rectifies ? y.applying(.relu) : y]
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }

    package func encode(into key: inout KeyWriter) {
        product.encode(into: &key)
        key.write(addsResidual)
        key.write(rectifies)
    }
}
