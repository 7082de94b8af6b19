// Activations made of straight pieces, and those that shrink towards 0.

/// x kept to [low, high].
public func hardtanh(_ x: Tensor, low: Double = -1, high: Double = 1) -> Tensor {
    guard low < high else { stop("hardtanh: the range \(low)...\(high) is empty") }
    return x.clipped(low: low, high: high)
}

/// x above `threshold`, else `value`.
public func threshold(_ x: Tensor, _ threshold: Double, value: Double) -> Tensor {
    `where`(x .> threshold, x, Tensor(x.value.number(value)))
}

/// x where |x| > λ, else 0.
public func hardshrink(_ x: Tensor, _ lambda: Double = 0.5) -> Tensor {
    `where`(x.abs() .> lambda, x, Tensor(x.value.constant(0)))
}

/// x - λ above λ, x + λ below -λ, else 0.
public func softshrink(_ x: Tensor, _ lambda: Double = 0.5) -> Tensor {
    guard lambda >= 0 else { stop("softshrink: λ is \(lambda); a number that is not negative is expected") }
    return x - x.clipped(low: -lambda, high: lambda)
}

/// x - tanh(x).
public func tanhshrink(_ x: Tensor) -> Tensor { x - x.tanh() }
