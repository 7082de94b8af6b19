/// A safetensors file, opened without reading the tensors: their bytes are mapped and loaded when they are touched.
///
/// The format: 8 bytes with the header's length, lowest first; the header, a JSON object; the tensors' bytes. The header is checked
/// as strictly as the format's reference does it: no duplicate names, sizes that match the shapes, and data that
/// covers the rest of the file without holes or overlaps.
///
/// Source: <https://github.com/huggingface/safetensors>
public final class SafetensorsFile: Sendable {
    /// What the header says about a tensor.
    public struct Entry: Sendable, Equatable {
        /// The tensor's name.
        public let name: String
        /// The element type.
        public let type: StoredType
        /// The sizes; none for a scalar.
        public let shape: [Int]
        /// Where the bytes are in the data that follows the header.
        public let range: Range<Int>
    }

    /// The longest header accepted, in bytes, as the reference has it.
    public static let longestHeader = 100_000_000

    /// The path as it was given.
    public let path: String
    /// The header's `__metadata__`, empty where there is none.
    public let metadata: [String: String]
    /// The tensors in the order of their data.
    public let entries: [Entry]
    private let contents: MappedFile
    private let dataStart: Int
    private let indices: [String: Int]

    /// Opens a file and checks its header.
    ///
    /// - Throws: `FileError` that names the field: `header length`, `header`, or a tensor's name with `dtype`, `shape`
    ///   or `data_offsets`.
    public init(_ path: String) throws(FileError) {
        let contents = try MappedFile(path)
        let header = try contents.withBytes { bytes throws(FileError) in
            try SafetensorsHeader(bytes, file: path)
        }
        self.path = path
        self.contents = contents
        metadata = header.metadata
        entries = header.entries
        dataStart = header.dataStart
        var indices: [String: Int] = [:]
        for (index, entry) in header.entries.enumerated() { indices[entry.name] = index }
        self.indices = indices
    }

    /// The entry of a name, if the file has it.
    public subscript(name: String) -> Entry? { indices[name].map { entries[$0] } }

    /// The entry of a name.
    ///
    /// - Throws: `FileError` of kind `missing` that names the tensor.
    public func entry(named name: String) throws(FileError) -> Entry {
        guard let entry = self[name] else {
            throw FileError(.missing, file: path, field: name, expected: "a tensor of this name", found: "none")
        }
        return entry
    }

    /// An entry's bytes, lowest byte of each element first, without a copy; valid while this object is alive.
    ///
    /// The bytes may start at any address: load elements with `loadUnaligned` or copy them.
    ///
    /// - Parameter entry: an entry of this file.
    public func bytes(of entry: Entry) -> UnsafeRawBufferPointer {
        let start = dataStart + entry.range.lowerBound
        return UnsafeRawBufferPointer(rebasing: contents.bytes[start..<start + entry.range.count])
    }

    /// Calls `body` with an entry's bytes, which must not leave it.
    public func withBytes<Result, Failure: Error>(
        of entry: Entry, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(bytes(of: entry))
    }
}
