import MartletGraph

/// No choice of what to compute again brings a plan under the limit of memory.
package struct MemoryLimitError: Error, CustomStringConvertible {
    /// A temporary that is there where the plan is fullest.
    package struct Large: Sendable {
        package let type: TensorType
        package let byteCount: Int
        /// What makes it, and the layers that recorded that.
        package let work: String
        package let origins: [Origin]
    }

    /// Bytes that were allowed, and the least that the search found the plan to do with.
    package let limit: Int
    package let least: Int
    /// Bytes of the temporaries among the least; the rest is what the plan reads and what it gives back.
    package let temporaries: Int
    package let largest: [Large]

    /// Tensors that the error names.
    static let listed = 8

    package var description: String {
        let tensors = largest.map { large in
            let origins = large.origins.map(\.description).joined(separator: ", ")
            return "\(MemorySize.text(large.byteCount)) \(large.type.shape) \(large.type.dtype) of \(large.work)"
                + (origins.isEmpty ? "" : " in \(origins)")
        }
        return "memory limit: \(MemorySize.text(limit)) are allowed, and the least that was found to do is "
            + "\(MemorySize.text(least)), \(MemorySize.text(temporaries)) of them for temporaries; the largest where it is "
            + "fullest: \(tensors.joined(separator: "; "))"
    }
}

/// Bytes as people write them: 1500K, 64M, 2G, with 1024 bytes a K.
package enum MemorySize {
    private static let units: [(letter: Character, byteCount: Int)] = [("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)]

    /// The bytes that the text says; nil where it says none.
    package static func byteCount(_ text: String) -> Int? {
        let unit = units.first { text.uppercased().hasSuffix(String($0.letter)) }
        let digits = unit == nil ? text[...] : text.dropLast()
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
            let number = Double(digits)
        else { return nil }
        let bytes = number * Double(unit?.byteCount ?? 1)
        return bytes >= 1 && bytes < 0x1p62 ? Int(bytes) : nil
    }

    /// "12.5M".
    package static func text(_ byteCount: Int) -> String {
        guard let unit = units.first(where: { byteCount >= $0.byteCount }) else { return "\(byteCount) bytes" }
        let tenths = (byteCount * 10 + unit.byteCount / 2) / unit.byteCount
        return "\(tenths / 10).\(tenths % 10)\(unit.letter)"
    }
}
