import MartletGraph

/// The Swift numbers that tensors are made from and read into.
public protocol TensorScalar: Sendable {
    /// The element type that stores this one exactly.
    static var dataType: DataType { get }
    /// The number, as the library carries numbers of this kind.
    var tensorNumber: TensorNumber { get }
    /// The number a tensor's element gives.
    init(tensorNumber: TensorNumber)
}

/// A number on its way between Swift and a tensor.
public enum TensorNumber: Sendable, Hashable {
    /// A truth value.
    case boolean(Bool)
    /// A whole number of up to 64 bits, exact.
    case integer(Int)
    /// A number with a fraction.
    case real(Double)

    package var kind: NumberKind {
        switch self {
        case .boolean: .boolean
        case .integer: .integer
        case .real: .real
        }
    }

    package var real: Double {
        switch self {
        case .boolean(let value): value ? 1 : 0
        case .integer(let value): Double(value)
        case .real(let value): value
        }
    }

    package var integer: Int {
        switch self {
        case .boolean(let value): value ? 1 : 0
        case .integer(let value): value
        case .real(let value): DataType.int64.integer(from: value)
        }
    }

    /// The number as a scalar value of `dtype`, an argument of the plan.
    package func scalar(_ dtype: DataType) -> Value {
        dtype.isFloatingPoint ? Value.scalar(real, dtype: dtype) : Value.scalar(integer: integer, dtype: dtype)
    }
}

extension TensorScalar where Self: BinaryFloatingPoint {
    /// The number as a Double.
    public var tensorNumber: TensorNumber { .real(Double(self)) }
    /// The nearest number of this type.
    public init(tensorNumber: TensorNumber) { self.init(tensorNumber.real) }
}

extension TensorScalar where Self: FixedWidthInteger {
    /// The number's lower 64 bits.
    public var tensorNumber: TensorNumber { .integer(Int(truncatingIfNeeded: self)) }
    /// The whole number, fractions cut off, kept to this type's range; 0 for NaN.
    public init(tensorNumber: TensorNumber) { self.init(clamping: tensorNumber.integer) }
}

extension Float: TensorScalar { public static var dataType: DataType { .float32 } }
extension Double: TensorScalar { public static var dataType: DataType { .float64 } }
extension Float16: TensorScalar { public static var dataType: DataType { .float16 } }
extension Int: TensorScalar { public static var dataType: DataType { .int64 } }
extension Int64: TensorScalar { public static var dataType: DataType { .int64 } }
extension Int32: TensorScalar { public static var dataType: DataType { .int32 } }
extension Int8: TensorScalar { public static var dataType: DataType { .int8 } }
extension UInt8: TensorScalar { public static var dataType: DataType { .uint8 } }
extension Bool: TensorScalar {
    /// `bool`.
    public static var dataType: DataType { .bool }
    /// The truth value itself.
    public var tensorNumber: TensorNumber { .boolean(self) }
    /// True where the number is not 0.
    public init(tensorNumber: TensorNumber) { self = tensorNumber.real != 0 }
}
