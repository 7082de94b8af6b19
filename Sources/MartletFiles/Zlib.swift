/// The zlib format (RFC 1950): Deflate with two bytes before it and an Adler-32 behind it, as PNG uses it.
package enum Zlib {
    /// Decompresses a stream and checks its checksum.
    ///
    /// - Parameters:
    ///   - bytes: the compressed bytes; nothing may follow the stream.
    ///   - file: the name for error messages.
    ///   - sizeHint: the expected number of bytes.
    ///   - limit: the largest number of bytes to accept.
    package static func decompress(
        _ bytes: UnsafeRawBufferPointer, file: String, sizeHint: Int, limit: Int
    ) throws(FileError) -> [UInt8] {
        var reader = ByteReader(bytes, file: file)
        let header = try reader.big(UInt16.self, "zlib header")
        guard header % 31 == 0, header >> 8 & 15 == 8, header >> 12 <= 7 else {
            throw .malformed(
                file, "zlib header", expected: "method 8, a window of 32 KiB at most and a multiple of 31",
                found: String(header, radix: 16))
        }
        guard header & 0x20 == 0 else {
            throw .unsupported(file, "zlib header", expected: "no preset dictionary", found: "one")
        }
        let output = try Inflate.decompress(&reader, sizeHint: sizeHint, limit: limit)
        let stated = try reader.big(UInt32.self, "Adler-32")
        let actual = output.withUnsafeBytes { Adler32.checksum($0) }
        guard stated == actual else {
            throw .malformed(
                file, "Adler-32", expected: String(stated, radix: 16), found: String(actual, radix: 16))
        }
        guard reader.remaining == 0 else {
            throw .malformed(file, "trailing data", expected: "the end", found: "\(reader.remaining) bytes")
        }
        return output
    }

    /// Compresses bytes into one zlib stream.
    package static func compress(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        // 78 01: a window of 32 KiB, the fastest level.
        var output: [UInt8] = [0x78, 0x01]
        Deflate.compress(bytes, appendingTo: &output)
        output.append(big: Adler32.checksum(bytes))
        return output
    }
}
