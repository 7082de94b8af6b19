import MartletGraph

// Elementwise functions of one tensor. Integers are taken as float32 where the function needs it.

extension Tensor {
    private func applying(_ function: UnaryFunction) -> Tensor { Tensor(value.applying(function)) }

    /// e^x.
    public func exp() -> Tensor { applying(.exp) }
    /// e^x - 1, exact near 0.
    public func expm1() -> Tensor { applying(.expm1) }
    /// The natural logarithm.
    public func log() -> Tensor { applying(.log) }
    /// ln(1 + x), exact near 0.
    public func log1p() -> Tensor { applying(.log1p) }
    /// The square root.
    public func sqrt() -> Tensor { applying(.sqrt) }
    /// 1 / √x.
    public func rsqrt() -> Tensor { applying(.rsqrt) }
    /// x²; truth values count as integers.
    public func square() -> Tensor { dtype == .bool ? to(dtype: .int64) : applying(.square) }
    /// 1 / x.
    public func reciprocal() -> Tensor { applying(.reciprocal) }
    /// |x|.
    public func abs() -> Tensor { applying(.absolute) }
    /// -1, 0 or 1.
    public func sign() -> Tensor { applying(.sign) }
    /// The next whole number below.
    public func floor() -> Tensor { applying(.floor) }
    /// The next whole number above.
    public func ceil() -> Tensor { applying(.ceil) }
    /// The nearest whole number, ties to even.
    public func round() -> Tensor { applying(.round) }
    /// The whole number towards 0.
    public func truncated() -> Tensor { applying(.truncate) }
    /// The sine of an angle in radians.
    public func sin() -> Tensor { applying(.sin) }
    /// The cosine of an angle in radians.
    public func cos() -> Tensor { applying(.cos) }
    /// The tangent of an angle in radians.
    public func tan() -> Tensor { applying(.tan) }
    /// The inverse sine, in radians.
    public func asin() -> Tensor { applying(.asin) }
    /// The inverse cosine, in radians.
    public func acos() -> Tensor { applying(.acos) }
    /// The inverse tangent, in radians.
    public func atan() -> Tensor { applying(.atan) }
    /// The hyperbolic sine.
    public func sinh() -> Tensor { applying(.sinh) }
    /// The hyperbolic cosine.
    public func cosh() -> Tensor { applying(.cosh) }
    /// The hyperbolic tangent.
    public func tanh() -> Tensor { applying(.tanh) }
    /// The error function.
    public func erf() -> Tensor { applying(.erf) }
    /// 1 / (1 + e^-x).
    public func sigmoid() -> Tensor { applying(.sigmoid) }
    /// True where x is not a number.
    public func isNaN() -> Tensor { applying(.isNaN) }
    /// True where x is neither infinite nor NaN.
    public func isFinite() -> Tensor { applying(.isFinite) }
    /// True where x is ±∞.
    public func isInfinite() -> Tensor { applying(.isInfinite) }

    /// Each element moved into [low, high]; nil leaves a side open.
    public func clipped(low: Double? = nil, high: Double? = nil) -> Tensor {
        var result = value
        if let low { result = result.maximum(result.number(low)) }
        if let high { result = result.minimum(result.number(high)) }
        return Tensor(result)
    }

    /// True where all elements are near another tensor's: |a - b| ≤ absolute + relative·|b|. Runs what is pending.
    public func isClose(
        to other: Tensor, relativeTolerance: Double = 1e-5, absoluteTolerance: Double = 1e-6, equalNaN: Bool = false
    ) -> Bool {
        let (a, b) = (detached().value, other.detached().value.cast(to: dtype))
        let distance = (a - b).applying(.absolute)
        let limit = b.applying(.absolute) * b.number(relativeTolerance) + b.number(absoluteTolerance)
        var near = Value.binary(.logicalOr, distance .<= limit, a .== b)
        if equalNaN {
            near = Value.binary(.logicalOr, near, Value.binary(.logicalAnd, a.applying(.isNaN), b.applying(.isNaN)))
        }
        return Tensor(near.reduced(.all, Array(0..<near.rank))).item(as: Bool.self)
    }
}
