import MartletTensor

// Activations as layers.

/// max(x, 0).
public final class ReLU: Layer {
    /// A layer without parameters: max(x, 0), element by element.
    public init() {}
    /// max(x, 0), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { relu($0) } }
}

/// 1 / (1 + e^-x).
public final class Sigmoid: Layer {
    /// A layer without parameters: 1 / (1 + e^-x), element by element.
    public init() {}
    /// 1 / (1 + e^-x), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { sigmoid($0) } }
}

/// The hyperbolic tangent.
public final class Tanh: Layer {
    /// A layer without parameters: tanh(x), element by element.
    public init() {}
    /// tanh(x), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { tanh($0) } }
}

/// x·σ(x).
public final class SiLU: Layer {
    /// A layer without parameters: x·σ(x), element by element.
    public init() {}
    /// x·σ(x), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { silu($0) } }
}

/// x·tanh(softplus(x)).
public final class Mish: Layer {
    /// A layer without parameters: x·tanh(softplus(x)), element by element.
    public init() {}
    /// x·tanh(softplus(x)), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { mish($0) } }
}

/// ln(1 + e^x).
public final class Softplus: Layer {
    /// A layer without parameters: ln(1 + e^x), element by element.
    public init() {}
    /// ln(1 + e^x), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { softplus($0) } }
}

/// x·clip(x + 3, 0, 6) / 6.
public final class Hardswish: Layer {
    /// A layer without parameters: x·clip(x + 3, 0, 6) / 6, element by element.
    public init() {}
    /// x·clip(x + 3, 0, 6) / 6, element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { hardswish($0) } }
}

/// The scaled ELU.
public final class SELU: Layer {
    /// A layer without parameters: the scaled ELU, element by element.
    public init() {}
    /// the scaled ELU, element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { selu($0) } }
}

/// x where positive, else slope·x.
public final class LeakyReLU: Layer {
    /// The slope below 0.
    public let negativeSlope: Double
    /// A layer with this slope below 0.
    public init(_ negativeSlope: Double = 0.01) { self.negativeSlope = negativeSlope }
    /// x where positive, else slope·x, element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { leakyReLU($0, negativeSlope: negativeSlope) } }
}

/// x where positive, else α·(e^x - 1).
public final class ELU: Layer {
    /// α: the function's limit far below 0 is -α.
    public let alpha: Double
    /// A layer with this α.
    public init(_ alpha: Double = 1) { self.alpha = alpha }
    /// x where positive, else α·(e^x - 1), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { elu($0, alpha: alpha) } }
}

/// x·Φ(x), or its tanh approximation.
public final class GELU: Layer {
    /// True for ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) in place of x·Φ(x).
    public let approximate: Bool
    /// The exact function, or its tanh approximation.
    public init(approximate: Bool = false) { self.approximate = approximate }
    /// x·Φ(x) or its approximation, element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { gelu($0, approximate: approximate) } }
}

/// e^xᵢ / Σ e^xⱼ along an axis.
public final class Softmax: Layer {
    /// The axis whose elements add up to 1; negative ones count from the end.
    public let axis: Int
    /// A layer along this axis.
    public init(axis: Int = -1) { self.axis = axis }
    /// e^xᵢ / Σ e^xⱼ along the axis.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { softmax($0, axis: axis) } }
}

/// xᵢ - ln Σ e^xⱼ along an axis.
public final class LogSoftmax: Layer {
    /// The axis of the sum; negative ones count from the end.
    public let axis: Int
    /// A layer along this axis.
    public init(axis: Int = -1) { self.axis = axis }
    /// xᵢ - ln Σ e^xⱼ along the axis.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { logSoftmax($0, axis: axis) } }
}
