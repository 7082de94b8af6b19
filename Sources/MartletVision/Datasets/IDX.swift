import MartletFiles

/// An array in the IDX format of the MNIST files: a magic number, the sizes, the elements.
///
/// The format: two zero bytes, a byte for the element type, a byte for the number of dimensions, a 32-bit size for
/// each, the elements in row-major order; all numbers have their highest byte first.
///
/// Source: <http://yann.lecun.com/exdb/mnist/>
public struct IDX: Sendable, Equatable {
    /// The element type.
    public let type: StoredType
    /// The sizes, the slowest first.
    public let shape: [Int]
    /// The elements, row-major, each with its lowest byte first.
    public let bytes: [UInt8]

    /// Reads a file, plain or compressed by gzip.
    ///
    /// - Throws: `FileError` that names the field: `magic`, `type`, `dimensions`, `count`, `data`, or one of gzip's.
    public init(contentsOf path: String) throws(FileError) {
        let file = try MappedFile(path)
        let isCompressed = file.withBytes { Gzip.isGzip($0) }
        guard isCompressed else {
            self = try file.withBytes { bytes throws(FileError) in try IDX([UInt8](bytes), file: path) }
            return
        }
        self = try IDX(Gzip.decompress(contentsOf: path), file: path)
    }

    /// Reads a file's bytes, which are not compressed.
    ///
    /// - Parameters:
    ///   - contents: header and elements.
    ///   - file: the name for error messages.
    public init(_ contents: consuming [UInt8], file: String) throws(FileError) {
        var failure: FileError?
        var header: Header?
        contents.withUnsafeBytes { bytes in
            do throws(FileError) { header = try Header(bytes, file: file) } catch { failure = error }
        }
        if let failure { throw failure }
        guard let header else { preconditionFailure("a header or a failure was set above") }
        // The elements move to the front of the same memory: a training set takes 47 MB.
        contents.removeFirst(header.byteCount)
        if header.type.byteCount > 1 { swapBytes(&contents, width: header.type.byteCount) }
        type = header.type
        shape = header.shape
        bytes = contents
    }
}

/// The part of an IDX file before its elements.
private struct Header {
    let type: StoredType
    let shape: [Int]
    let byteCount: Int

    init(_ bytes: UnsafeRawBufferPointer, file: String) throws(FileError) {
        var reader = ByteReader(bytes, file: file)
        let magic = try reader.big(UInt32.self, "magic")
        guard magic >> 16 == 0 else {
            throw .malformed(file, "magic", expected: "two zero bytes first", found: String(magic, radix: 16))
        }
        let types: [UInt32: StoredType] = [
            0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64,
        ]
        guard let type = types[magic >> 8] else {
            throw .malformed(
                file, "type", expected: "08, 09, 0b, 0c, 0d or 0e", found: hexadecimal([UInt8(magic >> 8 & 0xFF)]))
        }
        let dimensions = Int(magic & 0xFF)
        guard dimensions > 0 else {
            throw .malformed(file, "dimensions", expected: "at least one", found: "0")
        }
        var shape: [Int] = []
        for index in 0..<dimensions {
            shape.append(Int(try reader.big(UInt32.self, index == 0 ? "count" : "size \(index)")))
        }
        guard let size = type.byteCount(shape: shape) else {
            throw .malformed(file, "count", expected: "sizes whose product fits in 63 bits", found: "\(shape)")
        }
        guard size == reader.remaining else {
            throw .malformed(
                file, "data", expected: "\(size) bytes for \(type.rawValue) of shape \(shape)",
                found: "\(reader.remaining)")
        }
        self.type = type
        self.shape = shape
        byteCount = reader.position
    }
}
