/// The reference backend's array: every element as a double or an integer, contiguous and row-major.
///
/// Elements are always rounded to `type.dtype`, so that float32 and bfloat16 results are what those types can hold.
package struct HostArray: Sendable {
    package enum Elements: Sendable {
        case real([Double])
        /// Integers, and booleans as 0 and 1.
        case integer([Int])
    }

    package let type: TensorType
    package private(set) var elements: Elements

    /// Elements of a floating type, rounded to it.
    package init(_ type: TensorType, real: [Double]) {
        self.type = type
        elements = .real(type.dtype == .float64 ? real : real.map { type.dtype.rounded($0) })
    }

    /// Elements of an integer or boolean type, wrapped to it.
    package init(_ type: TensorType, integer: [Int]) {
        self.type = type
        elements = .integer(integer.map { type.dtype.wrapped($0) })
    }

    /// One number everywhere.
    package init(_ type: TensorType, filledWith value: Double) {
        let count = type.shape.elementCount
        if type.dtype.isFloatingPoint {
            self.init(type, real: Array(repeating: value, count: count))
        } else {
            self.init(type, integer: Array(repeating: Int(value), count: count))
        }
    }

    package var shape: Shape { type.shape }
    package var count: Int { type.shape.elementCount }

    /// The elements as doubles, whatever the type.
    package var reals: [Double] {
        switch elements {
        case .real(let values): values
        case .integer(let values): values.map(Double.init)
        }
    }

    /// The elements as integers; floats are truncated.
    package var integers: [Int] {
        switch elements {
        case .real(let values): values.map { DataType.int64.integer(from: $0) }
        case .integer(let values): values
        }
    }

    /// The same elements under another shape.
    package func reshaped(_ shape: Shape) -> HostArray {
        var copy = HostArray(TensorType(shape, type.dtype), filledWith: 0)
        copy.elements = elements
        return copy
    }

    /// The array whose element at row-major position p is this one's at `source(p)`, or `fill` where that is nil.
    package func gathered(_ shape: Shape, fill: Double = 0, _ source: (Int) -> Int?) -> HostArray {
        let type = TensorType(shape, type.dtype)
        switch elements {
        case .real(let values):
            return HostArray(type, real: (0..<shape.elementCount).map { p in source(p).map { values[$0] } ?? fill })
        case .integer(let values):
            return HostArray(
                type, integer: (0..<shape.elementCount).map { p in source(p).map { values[$0] } ?? Int(fill) })
        }
    }
}

extension DataType {
    /// The nearest value of this floating type.
    package func rounded(_ value: Double) -> Double {
        switch self {
        case .float64, .int8, .uint8, .int32, .int64, .bool: value
        case .float32: Double(Float(value))
        case .float16: Double(Float16(value))
        case .bfloat16: Double(BFloat16.rounded(Float(value)))
        }
    }

    /// The integer as this type stores it: wrapped, or 0 and 1 for booleans.
    package func wrapped(_ value: Int) -> Int {
        switch self {
        case .int8: Int(Int8(truncatingIfNeeded: value))
        case .uint8: Int(UInt8(truncatingIfNeeded: value))
        case .int32: Int(Int32(truncatingIfNeeded: value))
        case .bool: value == 0 ? 0 : 1
        case .int64, .float32, .float64, .bfloat16, .float16: value
        }
    }

    /// A float turned into this integer type: truncated and clamped to the type's range, NaN to 0. As a truth, all but 0 is
    /// true, NaN too.
    package func integer(from value: Double) -> Int {
        if self == .bool { return value == 0 ? 0 : 1 }
        if value.isNaN { return 0 }
        switch self {
        case .int8: return Int(max(-128, min(127, value)))
        case .uint8: return Int(max(0, min(255, value)))
        case .int32: return Int(max(-2_147_483_648, min(2_147_483_647, value)))
        case .bool, .int64, .float32, .float64, .bfloat16, .float16:
            return value >= 9.2233720368547758e18 ? Int.max : value <= -9.2233720368547758e18 ? Int.min : Int(value)
        }
    }
}

/// bfloat16 lives in the upper half of a float32; Swift has no type for it on Linux.
package enum BFloat16 {
    /// The nearest bfloat16, ties to even, as its bits.
    package static func bits(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(bits >> 16) | 0x40 }
        return UInt16((bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
    }
    package static func float(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
    package static func rounded(_ value: Float) -> Float { float(bits(value)) }
}
