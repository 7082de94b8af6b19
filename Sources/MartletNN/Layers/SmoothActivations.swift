import MartletTensor

// Smooth activations as layers.

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

/// The scaled ELU.
public final class SELU: Layer {
    /// A layer without parameters: the scaled ELU, element by element.
    public init() {}
    /// the scaled ELU, element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { selu($0) } }
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

/// max(x, 0) + min(α·(e^(x/α) - 1), 0).
public final class CELU: Layer {
    /// α: the function's limit far below 0 is -α.
    public let alpha: Double
    /// A layer with this α.
    public init(_ alpha: Double = 1) { self.alpha = alpha }
    /// max(x, 0) + min(α·(e^(x/α) - 1), 0), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { celu($0, alpha: alpha) } }
}

/// ln σ(x).
public final class LogSigmoid: Layer {
    /// A layer without parameters: ln σ(x), element by element.
    public init() {}
    /// ln σ(x), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { logSigmoid($0) } }
}

/// x / (1 + |x|).
public final class Softsign: Layer {
    /// A layer without parameters: x / (1 + |x|), element by element.
    public init() {}
    /// x / (1 + |x|), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { softsign($0) } }
}

/// x - tanh(x).
public final class Tanhshrink: Layer {
    /// A layer without parameters: x - tanh(x), element by element.
    public init() {}
    /// x - tanh(x), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { tanhshrink($0) } }
}
