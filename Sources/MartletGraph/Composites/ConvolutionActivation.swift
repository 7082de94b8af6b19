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
    /// What is done by numbers of each channel.
    package let scaling: Scaling
    package let residual: Residual
    package let rectifies: Bool

    package enum Scaling: UInt64, Sendable {
        case none
        /// A factor and a shift, both operands.
        case factorAndShift
        /// A shift: the factor is in the weights.
        case shift
    }

    package enum Residual: UInt64, Sendable {
        case none
        /// A kernel reads it behind the sum.
        case added
        /// A kernel adds to what the result's memory holds, which is the residual's where nobody needs that any more.
        case inPlace
    }

    package init(_ convolution: Convolution, scaling: Scaling, residual: Residual, rectifies: Bool) {
        (self.convolution, self.scaling) = (convolution, scaling)
        (self.residual, self.rectifies) = (residual, rectifies)
    }

    package var addsResidual: Bool { residual != .none }

    package var name: String {
        "convolution" + (scaling == .none ? "" : scaling == .shift ? "+shift" : "+scale") + (addsResidual ? "+add" : "")
            + (rectifies ? "+relu" : "")
    }
    package var residuals: Residuals { .operands }

    /// Where the operands after the convolution's own begin.
    package var convolutionOperandCount: Int { convolution.hasBias ? 3 : 2 }

    /// Operands of the scaling.
    package var scalingOperandCount: Int { scaling == .factorAndShift ? 2 : scaling == .shift ? 1 : 0 }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let own = Array(operands.prefix(convolutionOperandCount))
        let result = try convolution.resultTypes(of: own, arguments: [])[0]
        var rest = operands.dropFirst(convolutionOperandCount)
        let fitsChannels = rest.prefix(scalingOperandCount).allSatisfy { $0.shape.sizes == [result.shape[1]] }
        rest = rest.dropFirst(scalingOperandCount)
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
        let numbers = operands[count...].prefix(scalingOperandCount).map { $0.asChannels(rank: y.rank) }
        switch scaling {
        case .none: break
        case .factorAndShift: y = (y * numbers[0] + numbers[1]).cast(to: y.dtype)
        case .shift: y = (y + numbers[0]).cast(to: y.dtype)
        }
        if addsResidual { y = y + operands[count + scalingOperandCount] }
        return [rectifies ? y.applying(.relu) : y]
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }

    package func encode(into key: inout KeyWriter) {
        convolution.encode(into: &key)
        key.write(scaling.rawValue | residual.rawValue << 2 | (rectifies ? 16 : 0))
    }
}
