/// The element types that files hold, named as safetensors names them.
public enum StoredType: String, Sendable, CaseIterable, Hashable {
    // In the order in which the reference writer sorts types before it lays out the data.
    case bool = "BOOL"
    case uint8 = "U8"
    case int8 = "I8"
    case int16 = "I16"
    case uint16 = "U16"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case int32 = "I32"
    case uint32 = "U32"
    case float32 = "F32"
    case float64 = "F64"
    case int64 = "I64"
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
