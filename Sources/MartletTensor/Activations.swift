import MartletGraph

// Activations, as functions of a tensor.

/// max(x, 0).
public func relu(_ x: Tensor) -> Tensor { Tensor(x.value.applying(.relu)) }

/// 1 / (1 + e^-x).
public func sigmoid(_ x: Tensor) -> Tensor { x.sigmoid() }

/// The hyperbolic tangent.
public func tanh(_ x: Tensor) -> Tensor { x.tanh() }

/// e^xᵢ / Σ e^xⱼ along an axis.
public func softmax(_ x: Tensor, axis: Int = -1) -> Tensor { x.softmax(axis: axis) }

/// xᵢ - ln Σ e^xⱼ along an axis.
public func logSoftmax(_ x: Tensor, axis: Int = -1) -> Tensor { x.logSoftmax(axis: axis) }

/// x where positive, else slope·x.
public func leakyReLU(_ x: Tensor, negativeSlope: Double = 0.01) -> Tensor { `where`(x .> 0, x, x * negativeSlope) }

/// x where positive, else α·(e^x - 1); the derivative at 0 is that of the lower side, α.
public func elu(_ x: Tensor, alpha: Double = 1) -> Tensor { `where`(x .> 0, x, alpha * notPositive(x).expm1()) }

/// min(x, 0), all of whose derivative at 0 is x's.
private func notPositive(_ x: Tensor) -> Tensor { `where`(x .> 0, Tensor(x.value.constant(0)), x) }

/// The scaled ELU of self-normalising networks (Klambauer et al., 2017).
public func selu(_ x: Tensor) -> Tensor {
    1.0507009873554804934193349852946 * elu(x, alpha: 1.6732632423543772848170429916717)
}

/// x·Φ(x), Φ the normal distribution's function; or its tanh approximation.
///
///     ½·x·(1 + erf(x/√2))      ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))
///
/// Source: D. Hendrycks and K. Gimpel, "Gaussian error linear units" (2016).
public func gelu(_ x: Tensor, approximate: Bool = false) -> Tensor {
    if approximate {
        // In float32 at least: cubes leave float16 from 40 on.
        let wide = Tensor(x.value.forStatistics)
        let inner = (wide + 0.044715 * wide.pow(3)) * 0.79788456080286535588
        return (0.5 * wide * (1 + inner.tanh())).to(dtype: x.dtype.quotientType)
    }
    return 0.5 * x * (1 + (x * 0.70710678118654752440).erf())
}

/// x·σ(x).
public func silu(_ x: Tensor) -> Tensor { x * x.sigmoid() }

/// ln(1 + e^x), without overflow.
public func softplus(_ x: Tensor) -> Tensor {
    let (rectified, rest) = softplusParts(x)
    return rectified + rest
}

/// max(x, 0) and ln(1 + e^-|x|), whose sum is softplus(x): apart, so that what cancels the first leaves the second its digits.
package func softplusParts(_ x: Tensor) -> (rectified: Tensor, rest: Tensor) {
    // |x| as a product with a sign that is 1 or -1 at 0 too: what the first part's derivative lacks there the second one has, in every
    // order.
    let x = x.value.floating
    let sign = Value.choose(x .> x.constant(0), x.constant(-1), x.constant(1))
    return (Tensor(x.applying(.relu)), Tensor((x * sign).applying(.exp).applying(.log1p)))
}

/// x·tanh(softplus(x)).
public func mish(_ x: Tensor) -> Tensor { x * softplus(x).tanh() }

/// min(max(x, 0), 6); the derivative at 0 and at 6 is 0.
public func relu6(_ x: Tensor) -> Tensor { hardtanh(x, low: 0, high: 6) }

/// clip(x + 3, 0, 6) / 6.
public func hardsigmoid(_ x: Tensor) -> Tensor { relu6(x + 3.0) / 6.0 }

/// x·clip(x + 3, 0, 6) / 6 (Howard et al., 2019).
public func hardswish(_ x: Tensor) -> Tensor { x * (relu6(x + 3.0) / 6.0) }

/// max(x, 0) + min(α·(e^(x/α) - 1), 0): an ELU whose slope has no jump at 0 for any α (J. Barron, 2017).
public func celu(_ x: Tensor, alpha: Double = 1) -> Tensor { relu(x) + alpha * (notPositive(x) / alpha).expm1() }

/// x where positive, else weight·x, the weight learnt (K. He et al., 2015).
///
/// ## Shapes
/// - x any with weight `[1]`, or x `[batch, channels, ...]` with weight `[channels]`
public func prelu(_ x: Tensor, _ weight: Tensor) -> Tensor {
    guard weight.rank == 1, weight.shape[0] == 1 || x.rank >= 2 && x.shape[1] == weight.shape[0] else {
        stop(
            "prelu: a weight [1] or one number for each channel is expected, the shapes are \(x.shape) and \(weight.shape)"
        )
    }
    let slope = weight.shape[0] == 1 ? weight : Tensor(weight.value.asChannels(rank: x.rank))
    // What the weight is multiplied with is finite where it does not count.
    return `where`(x .> 0, x, slope * notPositive(x))
}

/// ln σ(x) = -softplus(-x), without overflow.
public func logSigmoid(_ x: Tensor) -> Tensor { -softplus(-Tensor(x.value.floating)) }

/// x / (1 + |x|).
public func softsign(_ x: Tensor) -> Tensor { x / (1 + x.abs()) }

/// a·σ(b), a and b the two halves of an axis: half as long a result (Y. Dauphin et al., 2017).
public func glu(_ x: Tensor, axis: Int = -1) -> Tensor {
    guard let resolved = x.shape.axis(axis), x.shape[resolved] % 2 == 0 else {
        stop("glu(axis: \(axis)): an axis of even size is expected, the shape is \(x.shape)")
    }
    let half = x.shape[resolved] / 2
    let parts = x.parts([half, half], axis: resolved)
    return parts[0] * parts[1].sigmoid()
}

extension Tensor {
    /// ln Σ e^x over axes, without overflow; all axes where nil.
    public func logSumExp(axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let axes = try shape.resolved(axes: axes, operation: "logSumExp")
            let result = value.forStatistics.logSumExp(axes).cast(to: value.lossType)
            return keepingAxes ? result : result.reshaped(known: shape.reduced(axes))
        }
    }
    /// ln Σ e^x along one axis, without overflow.
    public func logSumExp(axis: Int, keepingAxes: Bool = false) -> Tensor {
        logSumExp(axes: [axis], keepingAxes: keepingAxes)
    }

    /// e^xᵢ / Σ e^xⱼ along an axis.
    public func softmax(axis: Int = -1) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let axes = try shape.resolved(axes: [axis], operation: "softmax")
            let wide = value.forStatistics
            let powers = (wide - wide.finiteMaximum(axes)).applying(.exp)
            return (powers / powers.sum(axes, keeping: true)).cast(to: value.lossType)
        }
    }

    /// xᵢ - ln Σ e^xⱼ along an axis.
    public func logSoftmax(axis: Int = -1) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let axes = try shape.resolved(axes: [axis], operation: "logSoftmax")
            return value.forStatistics.logSoftmax(axes).cast(to: value.lossType)
        }
    }
}
