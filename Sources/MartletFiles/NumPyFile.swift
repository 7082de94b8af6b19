/// Reads and writes NumPy's files: one array in `.npy`, several under names in `.npz`.
///
/// Source: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>
public enum NumPyFile {
    /// Reads a `.npy` file of version 1, 2 or 3.
    ///
    /// Arrays with the highest byte first or in column-major order are converted; records, texts, complex numbers and
    /// pickled objects are not read.
    ///
    /// - Throws: `FileError` that names the field: `magic`, `version`, `header length`, `header`, `descr`,
    ///   `fortran_order`, `shape` or `data`.
    public static func read(_ path: String) throws(FileError) -> NumPyArray {
        try MappedFile(path).withBytes { bytes throws(FileError) in try decode(bytes, file: path) }
    }

    /// Writes a `.npy` file of version 1, or 2 where the header is too long for that, atomically.
    ///
    /// - Throws: `FileError`; `unsupported` for bfloat16, which NumPy does not have.
    public static func write(_ array: NumPyArray, to path: String) throws {
        let header = try NumPyHeader.encode(array.type, shape: array.shape, file: path)
        try AtomicFile.write(to: path) { writer in
            try writer.write(header)
            try writer.write(array.bytes)
        }
    }

    /// Reads all arrays of a `.npz` file, by name without `.npy`.
    ///
    /// - Throws: `FileError` of the archive or, with `path/name` as the file, of an array.
    public static func readArchive(_ path: String) throws(FileError) -> [String: NumPyArray] {
        let archive = try ZipArchive(path)
        var arrays: [String: NumPyArray] = [:]
        for member in archive.members {
            guard member.name.hasSuffix(".npy") else {
                throw .unsupported(path, member.name, expected: "members that end in .npy", found: "another")
            }
            arrays[String(member.name.dropLast(4))] = try archive.withBytes(of: member) { bytes throws(FileError) in
                try decode(bytes, file: "\(path)/\(member.name)")
            }
        }
        return arrays
    }

    /// Writes arrays into a `.npz` file, uncompressed, sorted by name, atomically.
    ///
    /// - Throws: `FileError`; `unsupported` for bfloat16 and for arrays of 4 GiB and more.
    public static func writeArchive(_ arrays: [String: NumPyArray], to path: String) throws {
        var members: [(name: String, pieces: [[UInt8]])] = []
        for (name, array) in arrays.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            let header = try NumPyHeader.encode(array.type, shape: array.shape, file: path)
            members.append((name + ".npy", [header, array.bytes]))
        }
        try ZipWriter.write(members, to: path)
    }

    /// Reads the bytes of a `.npy` file.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: the name for error messages.
    public static func decode(_ bytes: UnsafeRawBufferPointer, file: String) throws(FileError) -> NumPyArray {
        var reader = ByteReader(bytes, file: file)
        let header = try NumPyHeader(&reader)
        guard let size = header.type.byteCount(shape: header.shape) else {
            throw .malformed(file, "shape", expected: "sizes whose product fits in 63 bits", found: "\(header.shape)")
        }
        guard size == reader.remaining else {
            throw .malformed(
                file, "data", expected: "\(size) bytes for \(header.type.rawValue) of shape \(header.shape)",
                found: "\(reader.remaining)")
        }
        var data = [UInt8](try reader.take(size, "data"))
        let width = header.type.byteCount
        if header.isBigEndian { swapBytes(&data, width: width) }
        if header.isColumnMajor { data = NumPyArray.rowMajor(data, shape: header.shape, width: width) }
        return NumPyArray(type: header.type, shape: header.shape, bytes: data)
    }

    /// The bytes of a `.npy` file.
    public static func encode(_ array: NumPyArray, file: String = "array") throws(FileError) -> [UInt8] {
        try NumPyHeader.encode(array.type, shape: array.shape, file: file) + array.bytes
    }
}
