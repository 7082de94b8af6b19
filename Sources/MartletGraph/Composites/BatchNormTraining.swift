/// Batch normalisation with the batch's own statistics.
///
///     y = (x - mean) · rstd · scale + shift,  rstd = 1 / √(variance + ε)
///
/// ## Shapes
/// - operands: x `[batch, channels, spatial...]`, scale and shift `[channels]`
/// - results: y like x; mean and biased variance `[channels]`
///
/// Source: S. Ioffe and C. Szegedy, "Batch normalization" (ICML 2015).
package struct BatchNormTraining: Composite {
    package let epsilon: Double
    package init(epsilon: Double) { self.epsilon = epsilon }

    package var name: String { "batchNormTraining" }
    package var residuals: Residuals { [.operands, .laterResults] }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let (x, scale, shift) = (operands[0], operands[1], operands[2])
        guard x.shape.rank >= 2, scale.shape.sizes == [x.shape[1]], shift.shape.sizes == [x.shape[1]] else {
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
        let y = centred * factor.asChannels(rank: rank) + operands[2].cast(to: x.dtype).asChannels(rank: rank)
        return [y.cast(to: operands[0].dtype), mean, variance]
    }

    private static func axes(_ rank: Int) -> [Int] { [0] + Array(2..<rank) }

    /// With x̂ = (x - mean)·rstd and n elements a channel:
    ///
    ///     dshift = Σg   dscale = Σg·x̂   dx = scale·rstd·(g - dshift/n - x̂·dscale/n)
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? {
        // Gradients of the statistics themselves are rare: the body's own derivative serves.
        guard cotangents[1] == nil, cotangents[2] == nil else { return nil }
        guard let cotangent = cotangents[0] else { return [nil, nil, nil] }
        let rank = cotangent.rank
        let mean = node.result(1)
        let variance = node.result(2)
        let x = node.operands[0].cast(to: mean.dtype)
        let gradient = cotangent.cast(to: mean.dtype)
        let axes = BatchNormTraining.axes(rank)
        let deviation = (variance + epsilon).applying(.rsqrt)
        let normalized = (x - mean.asChannels(rank: rank)) * deviation.asChannels(rank: rank)
        let shift = gradient.sum(axes)
        let scale = (gradient * normalized).sum(axes)
        var result: [Value?] = [nil, nil, nil]
        if wanted[0] {
            let count = Double(axes.reduce(1) { $0 * x.shape[$1] })
            let inner =
                gradient - (shift / count).asChannels(rank: rank) - normalized * (scale / count).asChannels(rank: rank)
            let factor = node.operands[1].cast(to: mean.dtype) * deviation
            result[0] = (inner * factor.asChannels(rank: rank)).cast(to: node.operands[0].dtype)
        }
        if wanted[1] { result[1] = scale.cast(to: node.operands[1].dtype) }
        if wanted[2] { result[2] = shift.cast(to: node.operands[2].dtype) }
        return result
    }

    package func encode(into key: inout KeyWriter) { key.write(epsilon.bitPattern) }
}
