import MartletGraph

// Elementwise operators. Tensors promote as PyTorch's do and broadcast as NumPy's; Swift numbers are weak: they take the
// tensor's type within its kind. Numbers are arguments of the plan: another one does not plan again.

extension Tensor {
    private static func combined(_ function: BinaryFunction, _ a: Tensor, _ b: Tensor) -> Tensor {
        recording { () throws(ShapeError) in try Value.combined(function, a.value, b.value) }
    }

    /// The number as a scalar in the type that it and the tensor meet in.
    private func weak(_ number: some TensorScalar) -> Tensor {
        let number = number.tensorNumber
        return Tensor(number.scalar(dtype.promoted(withWeak: number.kind)))
    }

    /// A comparison with a number. A whole one that the tensor's integer type does not hold is compared in int64.
    private static func compared(_ function: BinaryFunction, _ a: Tensor, _ b: some TensorScalar) -> Tensor {
        let number = b.tensorNumber
        guard case .integer(let whole) = number,
            let range = a.dtype.promoted(withWeak: number.kind).integerRange, !range.contains(whole)
        else { return combined(function, a, a.weak(b)) }
        return combined(function, a.to(dtype: .int64), Tensor(number.scalar(.int64)))
    }

    /// a + b.
    public static func + (a: Tensor, b: Tensor) -> Tensor { combined(.add, a, b) }
    /// a + b with a number b, which takes the tensor's type within its kind.
    public static func + (a: Tensor, b: some TensorScalar) -> Tensor { combined(.add, a, a.weak(b)) }
    /// a + b with a number a, which takes the tensor's type within its kind.
    public static func + (a: some TensorScalar, b: Tensor) -> Tensor { combined(.add, b.weak(a), b) }

    /// a - b.
    public static func - (a: Tensor, b: Tensor) -> Tensor { combined(.subtract, a, b) }
    /// a - b with a number b, which takes the tensor's type within its kind.
    public static func - (a: Tensor, b: some TensorScalar) -> Tensor { combined(.subtract, a, a.weak(b)) }
    /// a - b with a number a, which takes the tensor's type within its kind.
    public static func - (a: some TensorScalar, b: Tensor) -> Tensor { combined(.subtract, b.weak(a), b) }

    /// a · b, element by element.
    public static func * (a: Tensor, b: Tensor) -> Tensor { combined(.multiply, a, b) }
    /// a · b with a number b, which takes the tensor's type within its kind.
    public static func * (a: Tensor, b: some TensorScalar) -> Tensor { combined(.multiply, a, a.weak(b)) }
    /// a · b with a number a, which takes the tensor's type within its kind.
    public static func * (a: some TensorScalar, b: Tensor) -> Tensor { combined(.multiply, b.weak(a), b) }

    /// a / b; integers divide as float32.
    public static func / (a: Tensor, b: Tensor) -> Tensor { combined(.divide, a, b) }
    /// a / b with a number b, which takes the tensor's type within its kind; integers divide as float32.
    public static func / (a: Tensor, b: some TensorScalar) -> Tensor { combined(.divide, a, a.weak(b)) }
    /// a / b with a number a, which takes the tensor's type within its kind; integers divide as float32.
    public static func / (a: some TensorScalar, b: Tensor) -> Tensor { combined(.divide, b.weak(a), b) }

    /// The remainder with the sign of the divisor, as Python's.
    public static func % (a: Tensor, b: Tensor) -> Tensor { combined(.remainder, a, b) }
    /// The remainder of each element and a number, with the sign of the number, as Python's.
    public static func % (a: Tensor, b: some TensorScalar) -> Tensor { combined(.remainder, a, a.weak(b)) }

    /// -a.
    public static prefix func - (a: Tensor) -> Tensor { Tensor(-a.value) }

    /// a becomes a + b; a's type and shape may change as the result's do.
    public static func += (a: inout Tensor, b: Tensor) { a = a + b }
    /// a becomes a + b, with a number b.
    public static func += (a: inout Tensor, b: some TensorScalar) { a = a + b }
    /// a becomes a - b; a's type and shape may change as the result's do.
    public static func -= (a: inout Tensor, b: Tensor) { a = a - b }
    /// a becomes a - b, with a number b.
    public static func -= (a: inout Tensor, b: some TensorScalar) { a = a - b }
    /// a becomes a · b, element by element; a's type and shape may change as the result's do.
    public static func *= (a: inout Tensor, b: Tensor) { a = a * b }
    /// a becomes a · b, element by element, with a number b.
    public static func *= (a: inout Tensor, b: some TensorScalar) { a = a * b }
    /// a becomes a / b; a's type and shape may change as the result's do.
    public static func /= (a: inout Tensor, b: Tensor) { a = a / b }
    /// a becomes a / b, with a number b.
    public static func /= (a: inout Tensor, b: some TensorScalar) { a = a / b }

    /// The quotient rounded towards minus infinity.
    public func floorDivided(by other: Tensor) -> Tensor { Tensor.combined(.floorDivide, self, other) }
    /// The quotient by a number, rounded towards minus infinity.
    public func floorDivided(by other: some TensorScalar) -> Tensor { Tensor.combined(.floorDivide, self, weak(other)) }

    /// Each element to a power.
    public func pow(_ exponent: Tensor) -> Tensor { Tensor.combined(.power, self, exponent) }

    /// Each element to a power; the small integers 1, 2, 3 and 1/2 and -1 are structure and cost no `pow`.
    public func pow(_ exponent: some TensorScalar) -> Tensor {
        let number = exponent.tensorNumber
        let base = to(dtype: dtype.promoted(withWeak: number.kind))
        switch number.real {
        case 1: return base
        case 2: return base.square()
        case 3: return base * base.square()
        case 0.5 where base.dtype.isFloatingPoint: return base.sqrt()
        case -1 where base.dtype.isFloatingPoint: return base.reciprocal()
        default: return Tensor.combined(.power, base, base.weak(exponent))
        }
    }

    /// A number to the power of each element.
    fileprivate static func power(_ base: some TensorScalar, _ exponent: Tensor) -> Tensor {
        combined(.power, exponent.weak(base), exponent)
    }

    // MARK: Comparison and logic, element by element, giving bool

    /// True where a = b, element by element; bool.
    public static func .== (a: Tensor, b: Tensor) -> Tensor { combined(.equal, a, b) }
    /// True where an element of a and the number b satisfy a = b; bool.
    public static func .== (a: Tensor, b: some TensorScalar) -> Tensor { compared(.equal, a, b) }
    /// True where a ≠ b, element by element; bool.
    public static func .!= (a: Tensor, b: Tensor) -> Tensor { combined(.notEqual, a, b) }
    /// True where an element of a and the number b satisfy a ≠ b; bool.
    public static func .!= (a: Tensor, b: some TensorScalar) -> Tensor { compared(.notEqual, a, b) }
    /// True where a < b, element by element; bool.
    public static func .< (a: Tensor, b: Tensor) -> Tensor { combined(.less, a, b) }
    /// True where an element of a and the number b satisfy a < b; bool.
    public static func .< (a: Tensor, b: some TensorScalar) -> Tensor { compared(.less, a, b) }
    /// True where a ≤ b, element by element; bool.
    public static func .<= (a: Tensor, b: Tensor) -> Tensor { combined(.lessOrEqual, a, b) }
    /// True where an element of a and the number b satisfy a ≤ b; bool.
    public static func .<= (a: Tensor, b: some TensorScalar) -> Tensor { compared(.lessOrEqual, a, b) }
    /// True where a > b, element by element; bool.
    public static func .> (a: Tensor, b: Tensor) -> Tensor { combined(.greater, a, b) }
    /// True where an element of a and the number b satisfy a > b; bool.
    public static func .> (a: Tensor, b: some TensorScalar) -> Tensor { compared(.greater, a, b) }
    /// True where a ≥ b, element by element; bool.
    public static func .>= (a: Tensor, b: Tensor) -> Tensor { combined(.greaterOrEqual, a, b) }
    /// True where an element of a and the number b satisfy a ≥ b; bool.
    public static func .>= (a: Tensor, b: some TensorScalar) -> Tensor { compared(.greaterOrEqual, a, b) }
    /// True where both are not 0; bool.
    public static func .& (a: Tensor, b: Tensor) -> Tensor { combined(.logicalAnd, a, b) }
    /// True where a or b is not 0; bool.
    public static func .| (a: Tensor, b: Tensor) -> Tensor { combined(.logicalOr, a, b) }
    /// True where exactly one of the two is not 0; bool.
    public static func .^ (a: Tensor, b: Tensor) -> Tensor { combined(.logicalXor, a, b) }
    /// True where an element is 0; bool.
    public static prefix func .! (a: Tensor) -> Tensor { Tensor(a.value.applying(.logicalNot)) }
}

/// A number to the power of each element: `pow(2, x)`.
public func pow(_ base: some TensorScalar, _ exponent: Tensor) -> Tensor { Tensor.power(base, exponent) }

/// The larger of two, element by element; NaN wins.
public func maximum(_ a: Tensor, _ b: Tensor) -> Tensor {
    Tensor.recording { () throws(ShapeError) in try Value.combined(.maximum, a.value, b.value) }
}

/// The smaller of two, element by element; NaN wins.
public func minimum(_ a: Tensor, _ b: Tensor) -> Tensor {
    Tensor.recording { () throws(ShapeError) in try Value.combined(.minimum, a.value, b.value) }
}

/// The angle of the point (x, y), in radians from -π to π.
public func atan2(_ y: Tensor, _ x: Tensor) -> Tensor {
    Tensor.recording { () throws(ShapeError) in try Value.combined(.atan2, y.value, x.value) }
}

/// `a` where the condition holds, else `b`, all broadcast together.
public func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    Tensor.recording { () throws(ShapeError) in try Value.select(condition.value, a.value, b.value) }
}
