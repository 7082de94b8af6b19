/// A convolution and what a planner folds into it in inference: a factor and a shift for each channel (batch normalisation
/// with fixed statistics), a residual, a rectifier.
///
///     y = convolution(x, weight, bias)
///     y ← y · factor + shift, y ← y + residual, y ← max(0, y)     where asked for
///
/// ## Shapes
/// - operands: those of the convolution; factor and shift `[out channels]`; a residual like y
/// - result: y
package struct ConvolutionActivation: Composite {
    package let convolution: Convolution
    package let isScaled: Bool
    package let addsResidual: Bool
    package let rectifies: Bool

    package init(_ convolution: Convolution, isScaled: Bool, addsResidual: Bool, rectifies: Bool) {
        (self.convolution, self.isScaled) = (convolution, isScaled)
        (self.addsResidual, self.rectifies) = (addsResidual, rectifies)
    }

    package var name: String {
        "convolution" + (isScaled ? "+scale" : "") + (addsResidual ? "+add" : "") + (rectifies ? "+relu" : "")
    }
    package var residuals: Residuals { .operands }

    /// Where the operands after the convolution's own begin.
    package var convolutionOperandCount: Int { convolution.hasBias ? 3 : 2 }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let own = Array(operands.prefix(convolutionOperandCount))
        let result = try convolution.resultTypes(of: own, arguments: [])[0]
        var rest = operands.dropFirst(convolutionOperandCount)
        let fitsChannels = !isScaled || rest.prefix(2).allSatisfy { $0.shape.sizes == [result.shape[1]] }
        if isScaled { rest = rest.dropFirst(2) }
        guard fitsChannels, !addsResidual || rest.first == result else {
            throw ShapeError(
                name, "a factor and a shift for each channel and a residual like \(result) are expected",
                shapes: operands.map(\.shape))
        }
        return [result]
    }

    package func body(_ operands: [Value]) -> [Value] {
        let count = convolutionOperandCount
        var y = Value.make(.convolution(convolution), Array(operands.prefix(count)))
        if isScaled {
            let (factor, shift) = (operands[count], operands[count + 1])
            let scaled = y * factor.asChannels(rank: y.rank) + shift.asChannels(rank: y.rank)
            y = scaled.cast(to: y.dtype)
        }
        if addsResidual { y = y + operands[count + (isScaled ? 2 : 0)] }
        return [rectifies ? y.applying(.relu) : y]
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }

    package func encode(into key: inout KeyWriter) {
        convolution.encode(into: &key)
        key.write((isScaled ? 1 : 0) + (addsResidual ? 2 : 0) + (rectifies ? 4 : 0))
    }
}
