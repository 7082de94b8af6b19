/// Writes safetensors files, bit by bit the same for the same tensors and metadata, however they are ordered.
///
/// Tensors are laid out as the reference writer does it: wide element types first, then by name, behind a header that spaces
/// fill up to a multiple of 8 bytes. So every tensor is aligned to its element size.
public enum SafetensorsWriter {
    /// What to write: a name, an element type and a shape.
    public struct Tensor: Sendable, Equatable {
        /// The tensor's name in the header.
        public let name: String
        /// The type of its elements.
        public let type: StoredType
        /// Sizes along each axis; empty for a single number.
        public let shape: [Int]

        /// A tensor of this name, type and shape.
        public init(name: String, type: StoredType, shape: [Int]) {
            self.name = name
            self.type = type
            self.shape = shape
        }
    }

    /// Writes a file, asking for one tensor's bytes after the other, so that they need not be in memory together.
    ///
    /// The file is replaced whole or not at all, as `AtomicFile` does it.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - tensors: the tensors, in any order.
    ///   - metadata: texts for the header's `__metadata__`.
    ///   - bytes: calls its second argument with a tensor's bytes, lowest byte of each element first, as often as
    ///     there are pieces.
    /// - Throws: `FileError` for names that occur twice or are reserved, shapes that overflow, bytes that do not fit
    ///   the shape, and what `AtomicFile` throws.
    public static func write(
        to path: String, tensors: [Tensor], metadata: [String: String] = [:],
        bytes: (Tensor, (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let sorted = tensors.sorted(by: precedes)
        let header = try header(sorted, metadata: metadata, file: path)
        try AtomicFile.write(to: path) { writer in
            try writer.write(header)
            for tensor in sorted {
                let size = tensor.type.byteCount(shape: tensor.shape) ?? 0
                var written = 0
                try bytes(tensor) { piece in
                    try writer.write(piece)
                    written += piece.count
                }
                guard written == size else {
                    throw FileError.malformed(
                        path, tensor.name, expected: "\(size) bytes for \(tensor.type.rawValue) of \(tensor.shape)",
                        found: "\(written)")
                }
            }
        }
    }

    /// Writes a file from bytes in memory, by name.
    public static func write(
        to path: String, _ contents: [(tensor: Tensor, bytes: [UInt8])], metadata: [String: String] = [:]
    ) throws {
        let byName = Dictionary(contents.map { ($0.tensor.name, $0.bytes) }) { first, _ in first }
        try write(to: path, tensors: contents.map(\.tensor), metadata: metadata) { tensor, write in
            try byName[tensor.name]?.withUnsafeBytes(write)
        }
    }

    // Names are compared byte by byte: the order of strings in Swift depends on Unicode's tables.
    private static func precedes(_ first: Tensor, _ second: Tensor) -> Bool {
        if first.type != second.type { return first.type.rank > second.type.rank }
        return first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
    }

    private static func header(
        _ tensors: [Tensor], metadata: [String: String], file: String
    ) throws(FileError) -> [UInt8] {
        var fields: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { "\(jsonString($0.key)):\(jsonString($0.value))" }
            fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var names: Set<String> = []
        var offset = 0
        for tensor in tensors {
            guard tensor.name != "__metadata__", names.insert(tensor.name).inserted else {
                throw .malformed(
                    file, tensor.name, expected: "names that differ and are not __metadata__", found: "this one")
            }
            guard let size = tensor.type.byteCount(shape: tensor.shape),
                case (let end, let overflows) = offset.addingReportingOverflow(size), !overflows
            else {
                throw .malformed(
                    file, "\(tensor.name): shape", expected: "sizes whose product fits in 63 bits",
                    found: "\(tensor.shape)")
            }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            fields.append(
                "\(jsonString(tensor.name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var text = Array("{\(fields.joined(separator: ","))}".utf8)
        text += [UInt8](repeating: UInt8(ascii: " "), count: -text.count & 7)
        guard text.count <= SafetensorsFile.longestHeader else {
            throw .unsupported(
                file, "header length", expected: "at most \(SafetensorsFile.longestHeader) bytes",
                found: "\(text.count)")
        }
        var bytes: [UInt8] = []
        bytes.append(little: UInt64(text.count))
        return bytes + text
    }
}
