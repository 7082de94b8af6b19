/// The gradients of batch normalisation with the batch's statistics, and what a planner folds into them: the sum of two
/// gradients that arrive, and the derivative of the rectifier that followed.
///
/// With g the gradient that arrived, x̂ = (x - mean)·rstd and n elements a channel:
///
///     g ← g + second, g ← g · (output > 0)    where asked for
///     dshift = Σg   dscale = Σg·x̂   dx = scale·rstd·(g - dshift/n - x̂·dscale/n)
///
/// ## Shapes
/// - operands: gradient and x `[batch, channels, spatial...]`; scale, mean and variance `[channels]`; a second gradient and
///   the rectifier's output like x
/// - results: dx like x, dscale and dshift `[channels]`; g itself where it is kept
package struct BatchNormGradient: Composite {
    package let epsilon: Double
    package let addsSecond: Bool
    package let isRectified: Bool
    package let keepsGradient: Bool

    package init(epsilon: Double, addsSecond: Bool = false, isRectified: Bool = false, keepsGradient: Bool = false) {
        (self.epsilon, self.addsSecond) = (epsilon, addsSecond)
        (self.isRectified, self.keepsGradient) = (isRectified, keepsGradient)
    }

    package var name: String {
        "batchNormGradient" + (addsSecond ? "+add" : "") + (isRectified ? "+relu" : "")
    }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let (x, scale) = (operands[1], operands[2])
        guard x.shape.rank >= 2, operands[0].shape.sizes == x.shape.sizes,
            operands[2..<5].allSatisfy({ $0.shape.sizes == [x.shape[1]] }),
            operands[5...].allSatisfy({ $0.shape.sizes == x.shape.sizes })
        else {
            throw ShapeError(
                name,
                "a gradient like x [batch, channels, ...] and a scale, mean and variance for each channel are expected",
                shapes: operands.map(\.shape))
        }
        return [x, scale, scale] + (keepsGradient ? [operands[0]] : [])
    }

    package func body(_ operands: [Value]) -> [Value] {
        let (mean, variance) = (operands[3], operands[4])
        let rank = operands[1].rank
        var arrived = operands[0]
        if addsSecond { arrived = arrived + operands[5] }
        if isRectified {
            arrived = arrived.throughRectifier(of: operands[addsSecond ? 6 : 5])
        }
        let x = operands[1].cast(to: mean.dtype)
        let gradient = arrived.cast(to: mean.dtype)
        let axes = BatchNormTraining.axes(rank)
        let deviation = (variance + epsilon).applying(.rsqrt)
        let normalized = (x - mean.asChannels(rank: rank)) * deviation.asChannels(rank: rank)
        let shift = gradient.sum(axes)
        let scale = (gradient * normalized).sum(axes)
        let count = Double(axes.reduce(1) { $0 * x.shape[$1] })
        let inner =
            gradient - (shift / count).asChannels(rank: rank) - normalized * (scale / count).asChannels(rank: rank)
        let factor = operands[2].cast(to: mean.dtype) * deviation
        let result = (inner * factor.asChannels(rank: rank)).cast(to: operands[1].dtype)
        let dtype = operands[2].dtype
        return [result, scale.cast(to: dtype), shift.cast(to: dtype)] + (keepsGradient ? [arrived] : [])
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }

    package func encode(into key: inout KeyWriter) {
        key.write(epsilon.bitPattern)
        key.write((addsSecond ? 1 : 0) + (isRectified ? 2 : 0) + (keepsGradient ? 4 : 0))
    }
}
