/// The element types that files hold, named as safetensors names them.
public enum StoredType: String, Sendable, CaseIterable, Hashable {
    // In the order in which the reference writer sorts types before it lays out the data.
    /// A truth value in a byte: 0 or 1.
    case bool = "BOOL"
    /// An integer from 0 to 255.
    case uint8 = "U8"
    /// An integer from -128 to 127.
    case int8 = "I8"
    /// A signed integer of 16 bits.
    case int16 = "I16"
    /// An unsigned integer of 16 bits.
    case uint16 = "U16"
    /// IEEE 754 half precision.
    case float16 = "F16"
    /// The upper 16 bits of a float32.
    case bfloat16 = "BF16"
    /// A signed integer of 32 bits.
    case int32 = "I32"
    /// An unsigned integer of 32 bits.
    case uint32 = "U32"
    /// IEEE 754 single precision.
    case float32 = "F32"
    /// IEEE 754 double precision.
    case float64 = "F64"
    /// A signed integer of 64 bits.
    case int64 = "I64"
    /// An unsigned integer of 64 bits.
    case uint64 = "U64"

    /// Bytes an element takes.
    public var byteCount: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .int16, .uint16, .float16, .bfloat16: 2
        case .int32, .uint32, .float32: 4
        case .float64, .int64, .uint64: 8
        }
    }

    /// The bytes that an array of a shape takes; nil if a size is negative or the product overflows.
    ///
    /// A size of zero anywhere makes it zero, but the other sizes must still be numbers that a product can hold.
    package func byteCount(shape: [Int]) -> Int? {
        var total = byteCount
        for size in shape {
            let (product, overflows) = total.multipliedReportingOverflow(by: size)
            guard size >= 0, !overflows else { return nil }
            total = product
        }
        return total
    }

    /// The position in the order in which the data of different types is laid out.
    package var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
