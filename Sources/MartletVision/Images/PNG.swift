import MartletFiles

/// Reads and writes the Portable Network Graphics format.
///
/// Source: <https://www.w3.org/TR/png/>
public enum PNG {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Reads a file.
    ///
    /// - Throws: `FileError`, as `decode(_:file:)` does and for a file that cannot be read.
    public static func read(_ path: String) throws(FileError) -> Image {
        try MappedFile(path).withBytes { bytes throws(FileError) in try decode(bytes, file: path) }
    }

    /// Decodes a picture of any colour type, depth and interlacing into 8-bit samples.
    ///
    /// Samples of 1, 2 and 4 bits are stretched to 0 to 255, of 16 bits the upper half is kept; palettes become red,
    /// green and blue; a transparent colour or palette becomes an alpha channel. Gamma and colour profiles are not
    /// applied.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: the name for error messages.
    /// - Throws: `FileError` that names the field: `signature`, a chunk such as `IHDR` or `PLTE`, `image data` or a
    ///   field of zlib's.
    public static func decode(_ bytes: UnsafeRawBufferPointer, file: String) throws(FileError) -> Image {
        let chunks = try PNGChunks(bytes, file: file)
        let header = chunks.header
        // Refused before any memory is asked for: Deflate expands 1032 times at most.
        guard header.rawSize <= chunks.data.count * 1032 else {
            throw .malformed(
                file, "IHDR", expected: "a size that \(chunks.data.count) bytes of IDAT can fill",
                found: "\(header.width) x \(header.height)")
        }
        let data = chunks.data
        let raw = try Self.inflate(data, size: header.rawSize, file: file)
        guard raw.count == header.rawSize else {
            throw .malformed(file, "image data", expected: "\(header.rawSize) bytes", found: "\(raw.count)")
        }
        return try PNGDecoder(chunks: chunks, file: file).decode(raw)
    }

    private static func inflate(_ data: [UInt8], size: Int, file: String) throws(FileError) -> [UInt8] {
        // Array's own method cannot pass typed errors on.
        let result = data.withUnsafeBytes { bytes -> Result<[UInt8], FileError> in
            do throws(FileError) {
                return .success(try Zlib.decompress(bytes, file: file, sizeHint: size, limit: size))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Writes a picture of 1 to 4 channels, atomically.
    public static func write(_ image: Image, to path: String) throws {
        try AtomicFile.write(encode(image), to: path)
    }

    /// Encodes a picture of 1 to 4 channels, losslessly: grey, grey with alpha, RGB or RGBA of 8 bits.
    public static func encode(_ image: Image) -> [UInt8] {
        let colorTypes: [UInt8] = [0, 4, 2, 6]
        var header: [UInt8] = []
        header.append(big: UInt32(image.width))
        header.append(big: UInt32(image.height))
        header += [8, colorTypes[image.channels - 1], 0, 0, 0]
        let filtered = PNGFilter.encode(
            image.pixels, rowSize: image.width * image.channels, pixelSize: image.channels)
        var output = signature
        append("IHDR", header, to: &output)
        append("IDAT", filtered.withUnsafeBytes { Zlib.compress($0) }, to: &output)
        append("IEND", [], to: &output)
        return output
    }

    private static func append(_ type: String, _ body: [UInt8], to output: inout [UInt8]) {
        output.append(big: UInt32(body.count))
        let start = output.count
        output += Array(type.utf8) + body
        let checksum = output.withUnsafeBytes { CRC32.checksum(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        output.append(big: checksum)
    }
}
