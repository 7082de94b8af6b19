/// Decompresses Deflate streams (RFC 1951).
package enum Inflate {
    /// Decompresses the stream that begins at `reader`'s position and moves the reader behind it.
    ///
    /// - Parameters:
    ///   - reader: the compressed bytes.
    ///   - sizeHint: the expected number of bytes; with a good guess nothing is copied.
    ///   - limit: the largest number of bytes to accept, against small files that grow without bounds.
    /// - Throws: `FileError` of kind `malformed`, field `compressed data`, for broken or truncated streams, and field
    ///   `decompressed size` beyond the limit.
    package static func decompress(
        _ reader: inout ByteReader, sizeHint: Int, limit: Int
    ) throws(FileError) -> [UInt8] {
        var inflater = Inflater(reader.bytes, position: reader.position)
        var output: [UInt8] = []
        // The slack lets the fast loop, which writes in words, run to the end.
        var capacity = min(max(sizeHint, 0), limit) + Inflater.slack
        var progress = Inflater.Progress.outputFull
        while progress == .outputFull {
            let previous = output
            output = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                previous.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
                count = previous.count
                progress = inflater.run(into: UnsafeMutableRawBufferPointer(buffer), count: &count)
            }
            guard output.count <= limit else {
                throw .malformed(
                    reader.file, "decompressed size", expected: "at most \(limit) bytes", found: "more")
            }
            capacity = max(2 * capacity, 1 << 16)
        }
        if case .failed(let failure) = progress {
            throw .malformed(
                reader.file, "compressed data", expected: failure.expected,
                found: "\(failure.found) near byte \(inflater.position)")
        }
        try reader.skip(inflater.position - reader.position, "compressed data")
        return output
    }
}

/// Reasons why a stream is not Deflate.
enum InflateFailure: Equatable {
    case truncated, blockType, storedLength, codeLengths, code, distance

    var expected: String {
        switch self {
        case .truncated: "an end-of-block code"
        case .blockType: "block type 0, 1 or 2"
        case .storedLength: "a stored block's length and its complement"
        case .codeLengths: "complete prefix codes"
        case .code: "a code of the block's table"
        case .distance: "a distance inside the window"
        }
    }

    var found: String {
        switch self {
        case .truncated: "the end of the data"
        case .blockType: "type 3"
        case .storedLength: "numbers that disagree"
        case .codeLengths: "code lengths that give none"
        case .code: "an unused code"
        case .distance: "a reference before the first byte"
        }
    }
}
