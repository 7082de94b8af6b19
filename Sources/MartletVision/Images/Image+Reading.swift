import MartletFiles

extension Image {
    /// Reads a PNG, JPEG or BMP file, whichever its first bytes say it is.
    ///
    /// - Throws: `FileError`: with the field `magic` for another kind of file, else as ``PNG``, ``JPEG`` or ``BMP`` throws it.
    public init(contentsOf path: String) throws(FileError) {
        self = try MappedFile(path).withBytes { bytes throws(FileError) in try Image.decode(bytes, file: path) }
    }

    /// Decodes a PNG, JPEG or BMP file.
    public static func decode(_ bytes: UnsafeRawBufferPointer, file: String) throws(FileError) -> Image {
        if bytes.starts(with: PNG.signature) { return try PNG.decode(bytes, file: file) }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return try JPEG.decode(bytes, file: file) }
        if bytes.starts(with: "BM".utf8) { return try BMP.decode(bytes, file: file) }
        throw .malformed(
            file, "magic", expected: "a PNG, JPEG or BMP file",
            found: hexadecimal(UnsafeRawBufferPointer(rebasing: bytes.prefix(4))))
    }
}
