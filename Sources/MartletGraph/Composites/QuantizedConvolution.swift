/// A convolution of 8-bit integers, whose sums are whole numbers, and what stands behind it.
///
///     y = (x ∗ w) · factor + shift    a factor and a shift for each output channel, float32
///     y ← y + residual, y ← max(0, y), y ← quantized y     where asked for
///
/// ## Shapes
/// - operands: x int8 or uint8 and weight int8 as the convolution's; factor and shift `[out channels]`; a residual like y
/// - result: y, float32, or the type it is quantized to
package struct QuantizedConvolution: Composite {
    /// Without a bias: that is in the shift.
    package let convolution: Convolution
    package let addsResidual: Bool
    package let rectifies: Bool
    /// How y becomes the next one's operand.
    package let result: Quantize?

    package init(
        _ convolution: Convolution, addsResidual: Bool = false, rectifies: Bool = false, result: Quantize? = nil
    ) {
        self.convolution = convolution.with(bias: false)
        (self.addsResidual, self.rectifies, self.result) = (addsResidual, rectifies, result)
    }

    package var name: String {
        "quantizedConvolution" + (addsResidual ? "+add" : "") + (rectifies ? "+relu" : "")
            + (result == nil ? "" : "+quantize")
    }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        guard operands[0].dtype == .int8 || operands[0].dtype == .uint8, operands[1].dtype == .int8 else {
            throw ShapeError(
                name, "an int8 or uint8 input and int8 weights are expected, not \(operands.map(\.dtype))",
                shapes: operands.map(\.shape))
        }
        let wide = operands.prefix(2).map { TensorType($0.shape, .float32) }
        let y = try convolution.resultTypes(of: wide, arguments: [])[0]
        let numbers = TensorType([y.shape[1]], .float32)
        guard operands[2] == numbers, operands[3] == numbers, !addsResidual || operands[4] == y else {
            throw ShapeError(
                name, "a float32 factor and shift for each channel and a residual like \(y) are expected",
                shapes: operands.map(\.shape))
        }
        return [TensorType(y.shape, result?.dtype ?? .float32)]
    }

    package func body(_ operands: [Value]) -> [Value] {
        // In float64 the sums are whole numbers too.
        let wide = operands.prefix(2).map { $0.cast(to: .float64) }
        var y = Value.make(.convolution(convolution), wide).cast(to: .float32)
        y = y * operands[2].asChannels(rank: y.rank) + operands[3].asChannels(rank: y.rank)
        if addsResidual { y = y + operands[4] }
        if rectifies { y = y.applying(.relu) }
        return result?.body([y]) ?? [y]
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? {
        node.operands.map { _ in nil }
    }

    package func encode(into key: inout KeyWriter) {
        convolution.encode(into: &key)
        key.write((addsResidual ? 1 : 0) + (rectifies ? 2 : 0) + (result == nil ? 0 : 4))
        result?.encode(into: &key)
    }
}
