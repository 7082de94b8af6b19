/// The gzip format (RFC 1952): Deflate with a header and a checksum, one or more members in a file.
public enum Gzip {
    /// True if the bytes begin as gzip does.
    public static func isGzip(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B
    }

    /// Decompresses a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: the largest number of decompressed bytes to accept.
    /// - Throws: `FileError` as `decompress(_:file:limit:)` does, and for a file that cannot be read.
    public static func decompress(contentsOf path: String, limit: Int = 1 << 32) throws(FileError) -> [UInt8] {
        let file = try MappedFile(path)
        return try file.withBytes { bytes throws(FileError) in try decompress(bytes, file: path, limit: limit) }
    }

    /// Decompresses all members and checks each one's CRC-32 and length.
    ///
    /// Zero bytes behind the last member, as tapes leave them, are passed over.
    ///
    /// - Parameters:
    ///   - bytes: the compressed bytes.
    ///   - file: the name for error messages.
    ///   - limit: the largest number of decompressed bytes to accept.
    /// - Throws: `FileError` with the fields `magic`, `method`, `flags`, `header checksum`, `compressed data`,
    ///   `decompressed size`, `CRC-32`, `length` or `trailing data`.
    public static func decompress(
        _ bytes: UnsafeRawBufferPointer, file: String, limit: Int = 1 << 32
    ) throws(FileError) -> [UInt8] {
        var reader = ByteReader(bytes, file: file)
        var output: [UInt8] = []
        repeat {
            try readHeader(&reader)
            // Deflate cannot expand more than 1032 times, whatever the file says.
            let hint = min(lengthAtEnd(bytes), reader.remaining &* 1032)
            let member = try Inflate.decompress(&reader, sizeHint: hint, limit: limit - output.count)
            try checkTrailer(&reader, member)
            if output.isEmpty { output = member } else { output += member }
        } while !isOnlyZeros(reader)
        return output
    }

    /// The last four bytes: the last member's length modulo 2^32, if the file is whole.
    private static func lengthAtEnd(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count >= 18 else { return 0 }
        return Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: bytes.count - 4, as: UInt32.self)))
    }

    private static func readHeader(_ reader: inout ByteReader) throws(FileError) {
        let start = reader.position
        let magic = try reader.take(2, start == 0 ? "magic" : "trailing data")
        guard magic[0] == 0x1F, magic[1] == 0x8B else {
            throw .malformed(
                reader.file, start == 0 ? "magic" : "trailing data", expected: "1f8b", found: hexadecimal(magic))
        }
        let method = try reader.little(UInt8.self, "method")
        guard method == 8 else {
            throw .unsupported(reader.file, "method", expected: "8 (Deflate)", found: "\(method)")
        }
        let flags = try reader.little(UInt8.self, "flags")
        guard flags & 0xE0 == 0 else {
            throw .malformed(reader.file, "flags", expected: "zero in the reserved bits", found: "\(flags)")
        }
        try reader.skip(6, "modification time")
        if flags & 4 != 0 { try reader.skip(Int(reader.little(UInt16.self, "extra length")), "extra field") }
        if flags & 8 != 0 { try skipText(&reader, "file name") }
        if flags & 16 != 0 { try skipText(&reader, "comment") }
        if flags & 2 != 0 {
            let header = UnsafeRawBufferPointer(rebasing: reader.bytes[start..<reader.position])
            let actual = UInt16(truncatingIfNeeded: CRC32.checksum(header))
            let stated = try reader.little(UInt16.self, "header checksum")
            guard actual == stated else {
                throw .malformed(reader.file, "header checksum", expected: "\(stated)", found: "\(actual)")
            }
        }
    }

    private static func skipText(_ reader: inout ByteReader, _ field: String) throws(FileError) {
        while try reader.little(UInt8.self, field) != 0 {}
    }

    private static func checkTrailer(_ reader: inout ByteReader, _ member: [UInt8]) throws(FileError) {
        let statedChecksum = try reader.little(UInt32.self, "CRC-32")
        let statedLength = try reader.little(UInt32.self, "length")
        let actualLength = UInt32(truncatingIfNeeded: member.count)
        guard statedLength == actualLength else {
            throw .malformed(reader.file, "length", expected: "\(statedLength) bytes", found: "\(actualLength)")
        }
        let actualChecksum = member.withUnsafeBytes { CRC32.checksum($0) }
        guard statedChecksum == actualChecksum else {
            throw .malformed(
                reader.file, "CRC-32", expected: String(statedChecksum, radix: 16),
                found: String(actualChecksum, radix: 16))
        }
    }

    private static func isOnlyZeros(_ reader: ByteReader) -> Bool {
        reader.bytes[reader.position...].allSatisfy { $0 == 0 }
    }
}
