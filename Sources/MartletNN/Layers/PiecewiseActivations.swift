import MartletTensor

// Activations made of straight pieces, as layers.

/// max(x, 0).
public final class ReLU: Layer {
    /// A layer without parameters: max(x, 0), element by element.
    public init() {}
    /// max(x, 0), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { relu($0) } }
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

/// x·clip(x + 3, 0, 6) / 6.
public final class Hardswish: Layer {
    /// A layer without parameters: x·clip(x + 3, 0, 6) / 6, element by element.
    public init() {}
    /// x·clip(x + 3, 0, 6) / 6, element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { hardswish($0) } }
}

/// min(max(x, 0), 6).
public final class ReLU6: Layer {
    /// A layer without parameters: min(max(x, 0), 6), element by element.
    public init() {}
    /// min(max(x, 0), 6), element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { relu6($0) } }
}

/// clip(x + 3, 0, 6) / 6.
public final class Hardsigmoid: Layer {
    /// A layer without parameters: clip(x + 3, 0, 6) / 6, element by element.
    public init() {}
    /// clip(x + 3, 0, 6) / 6, element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { hardsigmoid($0) } }
}

/// x kept to [low, high].
public final class Hardtanh: Layer {
    /// The least value of the output.
    public let low: Double
    /// The largest value of the output.
    public let high: Double
    /// A layer that keeps x to [low, high].
    public init(low: Double = -1, high: Double = 1) {
        guard low < high else { stop("Hardtanh: the range \(low)...\(high) is empty") }
        (self.low, self.high) = (low, high)
    }
    /// x kept to [low, high], element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { hardtanh($0, low: low, high: high) } }
}

/// x above a threshold, else a value.
public final class Threshold: Layer {
    /// What x must be above to stay as it is.
    public let threshold: Double
    /// What stands in the place of the others.
    public let value: Double
    /// x above `threshold`, else `value`.
    public init(_ threshold: Double, value: Double) { (self.threshold, self.value) = (threshold, value) }
    /// x above the threshold, else the value, element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { MartletTensor.threshold($0, threshold, value: value) }
    }
}

/// x where |x| > λ, else 0.
public final class Hardshrink: Layer {
    /// λ: half the width of what becomes 0.
    public let lambda: Double
    /// A layer with this λ.
    public init(_ lambda: Double = 0.5) { self.lambda = lambda }
    /// x where |x| > λ, else 0, element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { hardshrink($0, lambda) } }
}

/// x - λ above λ, x + λ below -λ, else 0.
public final class Softshrink: Layer {
    /// λ: how far x moves towards 0.
    public let lambda: Double
    /// A layer with this λ, which must not be negative.
    public init(_ lambda: Double = 0.5) {
        guard lambda >= 0 else { stop("Softshrink: λ is \(lambda); a number that is not negative is expected") }
        self.lambda = lambda
    }
    /// x - λ above λ, x + λ below -λ, else 0, element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { softshrink($0, lambda) } }
}

/// x where positive, else slope·x, the slope drawn from U(lower, upper) for each element in training and their mean in
/// evaluation.
///
/// Source: B. Xu et al., "Empirical evaluation of rectified activations in convolution network" (2015).
public final class RReLU: Layer, ModeDependent {
    /// Training or evaluation, as `train()` and `eval()` set it.
    public let mode = ModeSwitch()
    /// The least slope.
    public let lower: Double
    /// The largest slope.
    public let upper: Double
    /// A layer whose slopes are drawn from U(lower, upper).
    public init(lower: Double = 1.0 / 8, upper: Double = 1.0 / 3) {
        guard lower <= upper else { stop("RReLU: the range of slopes \(lower)...\(upper) is empty") }
        (self.lower, self.upper) = (lower, upper)
    }
    /// x where positive, else slope·x, element by element.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            guard mode.isTraining else { return leakyReLU(x, negativeSlope: (lower + upper) / 2) }
            let slopes = onNoDevice { Tensor.rand(x.shape, dtype: x.dtype) } * (upper - lower) + lower
            return `where`(x .> 0, x, x * slopes)
        }
    }
}

/// x where positive, else weight·x: the slope below 0 is learnt, one for all channels or one for each.
///
/// ## Shapes
/// - any, or `[batch, channels, ...]` with as many channels as slopes → the same; weight `[slopes]`
///
/// Source: K. He et al., "Delving deep into rectifiers" (2015).
public final class PReLU: Layer {
    /// The slopes, `[slopes]`.
    public let weight: Parameter
    /// `slopes` is 1, or the number of channels; all start from `initial`.
    public init(_ slopes: Int = 1, initial: Double = 0.25) {
        guard slopes > 0 else { stop("PReLU(\(slopes)): at least one slope is expected") }
        weight = Parameter(.full([slopes], initial))
    }
    /// x where positive, else weight·x. Stops where x has not as many channels as there are slopes.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { prelu($0, weight.value) } }
}
