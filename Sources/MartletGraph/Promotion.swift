/// PyTorch's promotion: the type two tensors meet in.
///
/// An integer never widens a float; bfloat16 with float16 is float32; uint8 with int8 is int32 at least int16 in PyTorch,
/// which Martlet, having no int16, widens to int32 (`docs/decisions/0001-no-int16.md`).
/// Source: torch.result_type over tensors with dimensions.
extension DataType {
    package static func promoted(_ a: DataType, _ b: DataType) -> DataType {
        if a == b { return a }
        if a == .bool { return b }
        if b == .bool { return a }
        switch (a.isFloatingPoint, b.isFloatingPoint) {
        case (true, false): return a
        case (false, true): return b
        case (true, true):
            if a == .float64 || b == .float64 { return .float64 }
            return .float32
        case (false, false):
            if a == .int64 || b == .int64 { return .int64 }
            return .int32
        }
    }

    /// The type two values meet in, given their ranks: one without axes does not widen one with axes, unless it is of a
    /// higher kind (bool, integer, float).
    package static func promoted(_ a: TensorType, _ b: TensorType) -> DataType {
        if a.dtype == b.dtype { return a.dtype }
        if (a.shape.rank == 0) == (b.shape.rank == 0) { return promoted(a.dtype, b.dtype) }
        let (scalar, array) = a.shape.rank == 0 ? (a.dtype, b.dtype) : (b.dtype, a.dtype)
        return scalar.kindRank <= array.kindRank ? array : promoted(a.dtype, b.dtype)
    }

    private var kindRank: Int { self == .bool ? 0 : isFloatingPoint ? 2 : 1 }

    /// What `/` gives: integers and booleans divide as float32.
    package var quotientType: DataType { isFloatingPoint ? self : .float32 }

    /// What a sum or product of elements gives: small integers and booleans count in int64.
    package var sumType: DataType { isFloatingPoint ? self : .int64 }

    /// The type a Swift number brings into an operation with a tensor of this type: weak, it never widens within its kind.
    package func promoted(withWeak kind: NumberKind) -> DataType {
        switch kind {
        case .real: isFloatingPoint ? self : .float32
        case .integer: self == .bool ? .int64 : self
        case .boolean: self
        }
    }
}

/// The kind of a Swift number beside a tensor.
package enum NumberKind: Sendable { case boolean, integer, real }
