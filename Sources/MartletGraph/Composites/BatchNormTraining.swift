/// Batch normalisation with the batch's own statistics, and what a planner folds into it: the addition of a residual and a
/// rectifier.
///
///     y = (x - mean) · rstd · scale + shift,  rstd = 1 / √(variance + ε)
///     y ← y + residual, y ← max(0, y)         where asked for
///
/// ## Shapes
/// - operands: x `[batch, channels, spatial...]`, scale and shift `[channels]`, a residual like x
/// - results: y like x; mean and biased variance `[channels]`
///
/// Source: S. Ioffe and C. Szegedy, "Batch normalization" (ICML 2015).
package struct BatchNormTraining: Composite {
    package let epsilon: Double
    package let addsResidual: Bool
    package let rectifies: Bool

    package init(epsilon: Double, addsResidual: Bool = false, rectifies: Bool = false) {
        (self.epsilon, self.addsResidual, self.rectifies) = (epsilon, addsResidual, rectifies)
    }

    package var name: String {
        "batchNormTraining" + (addsResidual ? "+add" : "") + (rectifies ? "+relu" : "")
    }
    package var residuals: Residuals { [.operands, .laterResults] }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let (x, scale, shift) = (operands[0], operands[1], operands[2])
        guard x.shape.rank >= 2, scale.shape.sizes == [x.shape[1]], shift.shape.sizes == [x.shape[1]],
            !addsResidual || operands[3] == x
        else {
            throw ShapeError(
                name, "x [batch, channels, ...] with a scale and a shift for each channel is expected",
                shapes: operands.map(\.shape))
        }
        let statistics = TensorType([x.shape[1]], DataType.promoted(x.dtype, .float32))
        return [x, statistics, statistics]
    }

    package func body(_ operands: [Value]) -> [Value] {
        let rank = operands[0].rank
        // 16-bit inputs are normalised in float32.
        let x = operands[0].cast(to: DataType.promoted(operands[0].dtype, .float32))
        let axes = BatchNormTraining.axes(rank)
        let mean = x.mean(axes)
        let centred = x - mean.asChannels(rank: rank)
        let variance = (centred * centred).mean(axes)
        let factor = (variance + epsilon).applying(.rsqrt) * operands[1].cast(to: x.dtype)
        let normalized = centred * factor.asChannels(rank: rank) + operands[2].cast(to: x.dtype).asChannels(rank: rank)
        var y = normalized.cast(to: operands[0].dtype)
        if addsResidual { y = y + operands[3] }
        if rectifies { y = y.applying(.relu) }
        return [y, mean, variance]
    }

    static func axes(_ rank: Int) -> [Int] { [0] + Array(2..<rank) }

    /// `BatchNormGradient`, where nothing was folded in and the statistics themselves have no gradient; else the body's own
    /// derivative.
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? {
        guard cotangents[1] == nil, cotangents[2] == nil, !addsResidual, !rectifies else { return nil }
        guard let cotangent = cotangents[0] else { return [nil, nil, nil] }
        let operands = [cotangent, node.operands[0], node.operands[1], node.result(1), node.result(2)]
        let gradients = Value.makeAll(.composite(CompositeCall(BatchNormGradient(epsilon: epsilon))), operands)
        return [gradients[0], gradients[1], gradients[2].cast(to: node.operands[2].dtype)]
    }

    package func encode(into key: inout KeyWriter) {
        key.write(epsilon.bitPattern)
        key.write((addsResidual ? 1 : 0) + (rectifies ? 2 : 0))
    }
}
