// Activations made of straight pieces, and those that shrink towards 0.

/// x kept to [low, high]; the derivative at the limits is 0.
public func hardtanh(_ x: Tensor, low: Double = -1, high: Double = 1) -> Tensor {
    guard low < high else { stop("hardtanh: the range \(low)...\(high) is empty") }
    return x.limited(low, .lessOrEqual, high, .greaterOrEqual)
}

/// `value` up to `threshold`, above it x; NaN stays.
public func threshold(_ x: Tensor, _ threshold: Double, value: Double) -> Tensor {
    `where`(x .<= threshold, Tensor(x.value.number(value)), x)
}

/// 0 where |x| ≤ λ, else x; NaN stays.
public func hardshrink(_ x: Tensor, _ lambda: Double = 0.5) -> Tensor {
    `where`(x.abs() .<= lambda, Tensor(x.value.constant(0)), x)
}

/// x - λ above λ, x + λ below -λ, else 0.
public func softshrink(_ x: Tensor, _ lambda: Double = 0.5) -> Tensor {
    guard lambda >= 0 else { stop("softshrink: λ is \(lambda); a number that is not negative is expected") }
    return x - x.clipped(low: -lambda, high: lambda)
}

/// x - tanh(x).
public func tanhshrink(_ x: Tensor) -> Tensor { x - x.tanh() }
