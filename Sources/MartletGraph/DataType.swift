/// The type of a tensor's elements.
///
/// Raw values equal the C kernels' `mk_dtype`.
public enum DataType: UInt8, Sendable, Hashable, CaseIterable, CustomStringConvertible, Codable {
    case float32 = 0
    case float64 = 1
    /// The upper 16 bits of a float32: 8 exponent and 7 fraction bits.
    case bfloat16 = 2
    /// IEEE 754 binary16.
    case float16 = 3
    case int8 = 4
    case uint8 = 5
    case int32 = 6
    case int64 = 7
    case bool = 8

    public var description: String {
        switch self {
        case .float32: "float32"
        case .float64: "float64"
        case .bfloat16: "bfloat16"
        case .float16: "float16"
        case .int8: "int8"
        case .uint8: "uint8"
        case .int32: "int32"
        case .int64: "int64"
        case .bool: "bool"
        }
    }

    /// Bytes an element takes.
    public var byteCount: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .bfloat16, .float16: 2
        case .int8, .uint8, .bool: 1
        }
    }

    /// True for the four floating-point types.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float64, .bfloat16, .float16: true
        case .int8, .uint8, .int32, .int64, .bool: false
        }
    }

    /// True for the signed and unsigned integers, `bool` not among them.
    public var isInteger: Bool { !isFloatingPoint && self != .bool }
}
