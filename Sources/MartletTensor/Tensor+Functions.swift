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

    /// Each element moved into [low, high]; nil leaves a side open. The derivative is 1 in it, limits included, else 0.
    ///
    /// For integers the limits are rounded inwards, and kept to what the type holds.
    public func clipped(low: Double? = nil, high: Double? = nil) -> Tensor { limited(low, .less, high, .greater) }

    /// `clipped`, where `isBelow` and `isAbove` say which elements are moved: an element at a limit has a derivative where it
    /// is not.
    func limited(_ low: Double?, _ isBelow: BinaryFunction, _ high: Double?, _ isAbove: BinaryFunction) -> Tensor {
        var result = value
        if let low { result = result.moved(to: low, where: isBelow, .up) }
        if let high { result = result.moved(to: high, where: isAbove, .down) }
        return Tensor(result)
    }

    /// True where all elements are near another tensor's: |a - b| ≤ absolute + relative·|b|, or equal, as infinities are. Runs
    /// what is pending.
    ///
    /// The tensors meet in the type they are promoted to, narrow floats in float32; integers' distances are exact.
    public func isClose(
        to other: Tensor, relativeTolerance: Double = 1e-5, absoluteTolerance: Double = 1e-6, equalNaN: Bool = false
    ) -> Bool {
        let common = DataType.promoted(dtype, other.dtype)
        let type = common.isFloatingPoint ? DataType.promoted(common, .float32) : .int64
        let (a, b) = (detached().value.cast(to: type), other.detached().value.cast(to: type))
        let (distance, size) = (Value.distance(a, b), b.cast(to: type.isFloatingPoint ? type : .float64))
        let limit = size.applying(.absolute) * size.number(relativeTolerance) + size.number(absoluteTolerance)
        // Every finite number is within a share of infinity.
        let isWithin = Value.binary(.logicalAnd, distance .<= limit, distance.applying(.isFinite))
        var near = Value.binary(.logicalOr, isWithin, a .== b)
        if equalNaN {
            near = Value.binary(.logicalOr, near, Value.binary(.logicalAnd, a.applying(.isNaN), b.applying(.isNaN)))
        }
        return Tensor(near.reduced(.all, Array(0..<near.rank))).item(as: Bool.self)
    }
}

extension Value {
    /// `limit` where an element stands to it as `isBeyond` says, else the element: a choice and no product, so that nothing flows
    /// to what was moved, were the cotangent infinite. NaN stays; a limit that is NaN makes all floats so.
    fileprivate func moved(
        to limit: Double, where isBeyond: BinaryFunction, _ rounding: FloatingPointRoundingRule
    ) -> Value {
        if limit.isNaN { return self + number(limit) }
        var bound = number(limit)
        if let range = dtype.integerRange {
            let whole = DataType.int64.integer(from: limit.rounded(rounding))
            bound = Value.scalar(integer: min(max(whole, range.lowerBound), range.upperBound), dtype: dtype)
        }
        return Value.choose(Value.binary(isBeyond, self, bound), bound, self)
    }

    /// |a - b| of floats; of int64 in float64, exact before that.
    fileprivate static func distance(_ a: Value, _ b: Value) -> Value {
        if a.dtype.isFloatingPoint { return (a - b).applying(.absolute) }
        let rough = (a.cast(to: .float64) - b.cast(to: .float64)).applying(.absolute)
        // Further apart than this, integers' difference may have wrapped.
        return Value.choose(rough .> rough.constant(0x1p62), rough, (a - b).cast(to: .float64).applying(.absolute))
    }
}

extension DataType {
    /// The whole numbers that an integer type holds; nil for floating-point types.
    var integerRange: ClosedRange<Int>? {
        if isFloatingPoint { return nil }
        return self == .bool ? 0...1 : integer(from: -.infinity)...integer(from: .infinity)
    }
}
