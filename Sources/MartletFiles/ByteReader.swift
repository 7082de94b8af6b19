/// A bounds-checked walk over bytes in memory, for headers: every read that would pass the end throws, naming the field.
///
/// The bytes must outlive the reader.
package struct ByteReader {
    /// The name that errors give to the bytes.
    package let file: String
    package let bytes: UnsafeRawBufferPointer
    /// The offset of the next byte.
    package private(set) var position: Int

    package init(_ bytes: UnsafeRawBufferPointer, file: String, position: Int = 0) {
        self.bytes = bytes
        self.file = file
        self.position = min(max(position, 0), bytes.count)
    }

    /// Bytes not read yet.
    package var remaining: Int { bytes.count - position }

    /// The next `count` bytes, without a copy.
    package mutating func take(_ count: Int, _ field: String) throws(FileError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else {
            throw .truncated(file, field, needed: count, available: remaining)
        }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    /// Passes over `count` bytes.
    package mutating func skip(_ count: Int, _ field: String) throws(FileError) {
        _ = try take(count, field)
    }

    /// The next integer in the Intel order, lowest byte first.
    package mutating func little<Number: FixedWidthInteger>(
        _ type: Number.Type, _ field: String
    ) throws(FileError) -> Number {
        let field = try take(MemoryLayout<Number>.size, field)
        return Number(littleEndian: field.loadUnaligned(as: Number.self))
    }

    /// The next integer in network order, highest byte first.
    package mutating func big<Number: FixedWidthInteger>(
        _ type: Number.Type, _ field: String
    ) throws(FileError) -> Number {
        let field = try take(MemoryLayout<Number>.size, field)
        return Number(bigEndian: field.loadUnaligned(as: Number.self))
    }
}

extension Array where Element == UInt8 {
    /// Appends an integer, lowest byte first.
    package mutating func append<Number: FixedWidthInteger>(little number: Number) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    /// Appends an integer, highest byte first.
    package mutating func append<Number: FixedWidthInteger>(big number: Number) {
        Swift.withUnsafeBytes(of: number.bigEndian) { append(contentsOf: $0) }
    }
}

/// Bytes as lower-case hexadecimal digits, for error messages and checksums.
package func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes {
        text.append(byte < 16 ? "0" : "")
        text += String(byte, radix: 16)
    }
    return text
}
