import MartletTensor

// Activations as layers.

/// max(x, 0).
public final class ReLU: Layer {
    public init() {}
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { relu($0) } }
}

/// 1 / (1 + e^-x).
public final class Sigmoid: Layer {
    public init() {}
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { sigmoid($0) } }
}

/// The hyperbolic tangent.
public final class Tanh: Layer {
    public init() {}
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { tanh($0) } }
}

/// x·σ(x).
public final class SiLU: Layer {
    public init() {}
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { silu($0) } }
}

/// x·tanh(softplus(x)).
public final class Mish: Layer {
    public init() {}
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { mish($0) } }
}

/// ln(1 + e^x).
public final class Softplus: Layer {
    public init() {}
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { softplus($0) } }
}

/// x·clip(x + 3, 0, 6) / 6.
public final class Hardswish: Layer {
    public init() {}
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { hardswish($0) } }
}

/// The scaled ELU.
public final class SELU: Layer {
    public init() {}
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { selu($0) } }
}

/// x where positive, else slope·x.
public final class LeakyReLU: Layer {
    public let negativeSlope: Double
    public init(_ negativeSlope: Double = 0.01) { self.negativeSlope = negativeSlope }
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { leakyReLU($0, negativeSlope: negativeSlope) } }
}

/// x where positive, else α·(e^x - 1).
public final class ELU: Layer {
    public let alpha: Double
    public init(_ alpha: Double = 1) { self.alpha = alpha }
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { elu($0, alpha: alpha) } }
}

/// x·Φ(x), or its tanh approximation.
public final class GELU: Layer {
    public let approximate: Bool
    public init(approximate: Bool = false) { self.approximate = approximate }
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { gelu($0, approximate: approximate) } }
}

/// e^xᵢ / Σ e^xⱼ along an axis.
public final class Softmax: Layer {
    public let axis: Int
    public init(axis: Int = -1) { self.axis = axis }
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { softmax($0, axis: axis) } }
}

/// xᵢ - ln Σ e^xⱼ along an axis.
public final class LogSoftmax: Layer {
    public let axis: Int
    public init(axis: Int = -1) { self.axis = axis }
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { logSoftmax($0, axis: axis) } }
}
