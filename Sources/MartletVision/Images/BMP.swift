import MartletFiles

/// Reads uncompressed Windows bitmaps of 8 bits with a palette, 24 bits and 32 bits.
public enum BMP {
    /// Reads a file.
    ///
    /// - Throws: `FileError`, as `decode(_:file:)` does and for a file that cannot be read.
    public static func read(_ path: String) throws(FileError) -> Image {
        try MappedFile(path).withBytes { bytes throws(FileError) in try decode(bytes, file: path) }
    }

    /// Decodes a bitmap: grey if all colours of its palette are, red, green and blue otherwise; the fourth byte of a
    /// 32-bit pixel, which most writers leave at zero, is dropped.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: the name for error messages.
    /// - Throws: `FileError` that names the field: `magic`, `header`, `size`, `bits`, `compression`, `palette` or
    ///   `pixels`.
    public static func decode(_ bytes: UnsafeRawBufferPointer, file: String) throws(FileError) -> Image {
        let header = try BMPHeader(bytes, file: file)
        let rowSize = (header.width * header.bits + 31) / 32 * 4
        let (size, overflows) = rowSize.multipliedReportingOverflow(by: header.height)
        guard !overflows, header.pixelOffset <= bytes.count, size <= bytes.count - header.pixelOffset else {
            throw .truncated(
                file, "pixels", needed: overflows ? .max : size, available: max(0, bytes.count - header.pixelOffset))
        }
        let channels = header.palette.isEmpty || !header.isGray ? 3 : 1
        var pixels = [UInt8](repeating: 0, count: header.width * header.height * channels)
        for row in 0..<header.height {
            let line = header.isTopDown ? row : header.height - 1 - row
            let start = header.pixelOffset + line * rowSize
            let source = UnsafeRawBufferPointer(rebasing: bytes[start..<start + rowSize])
            let isInPalette = pixels.withUnsafeMutableBufferPointer {
                expand(source, header, channels, into: $0, from: row * header.width * channels)
            }
            guard isInPalette else {
                throw .malformed(file, "pixels", expected: "indices of the palette's colours", found: "a larger one")
            }
        }
        return Image(width: header.width, height: header.height, channels: channels, pixels: pixels)
    }

    private static func expand(
        _ source: UnsafeRawBufferPointer, _ header: BMPHeader, _ channels: Int,
        into pixels: UnsafeMutableBufferPointer<UInt8>, from start: Int
    ) -> Bool {
        let step = header.bits / 8
        for column in 0..<header.width {
            let target = start + column * channels
            if step == 1 {
                let color = Int(source[column]) * 3
                guard color < header.palette.count else { return false }
                for channel in 0..<channels { pixels[target + channel] = header.palette[color + channel] }
            } else {
                for channel in 0..<3 { pixels[target + channel] = source[column * step + 2 - channel] }
            }
        }
        return true
    }
}

/// The headers and the palette of a bitmap.
private struct BMPHeader {
    let width: Int
    let height: Int
    let isTopDown: Bool
    let bits: Int
    let pixelOffset: Int
    /// Red, green and blue of each entry.
    let palette: [UInt8]

    var isGray: Bool {
        for entry in stride(from: 0, to: palette.count, by: 3) {
            let red = palette[entry]
            guard palette[entry + 1] == red, palette[entry + 2] == red else { return false }
        }
        return true
    }

    init(_ bytes: UnsafeRawBufferPointer, file: String) throws(FileError) {
        var reader = ByteReader(bytes, file: file)
        let magic = try reader.take(2, "magic")
        guard magic.elementsEqual("BM".utf8) else {
            throw .malformed(file, "magic", expected: "424d", found: hexadecimal(magic))
        }
        try reader.skip(8, "header")
        pixelOffset = Int(try reader.little(UInt32.self, "header"))
        let headerSize = Int(try reader.little(UInt32.self, "header"))
        guard headerSize >= 40 else {
            throw .unsupported(file, "header", expected: "40 bytes or more", found: "\(headerSize)")
        }
        let width = Int(try reader.little(Int32.self, "size"))
        let height = Int(try reader.little(Int32.self, "size"))
        guard width > 0, height != 0 else {
            throw .malformed(file, "size", expected: "at least 1 x 1", found: "\(width) x \(height)")
        }
        (self.width, self.height, isTopDown) = (width, abs(height), height < 0)
        try reader.skip(2, "header")
        bits = Int(try reader.little(UInt16.self, "bits"))
        guard [8, 24, 32].contains(bits) else {
            throw .unsupported(file, "bits", expected: "8, 24 or 32", found: "\(bits)")
        }
        let compression = try reader.little(UInt32.self, "compression")
        try reader.skip(12, "header")
        let colors = Int(try reader.little(UInt32.self, "palette"))
        try reader.skip(4, "header")
        try Self.checkCompression(compression, bits, &reader)
        palette = bits == 8 ? try Self.readPalette(bytes, file, at: 14 + headerSize, count: colors) : []
    }

    /// Plain pixels, or plain pixels of 32 bits whose masks say what is usual.
    private static func checkCompression(
        _ compression: UInt32, _ bits: Int, _ reader: inout ByteReader
    ) throws(FileError) {
        if compression == 0 { return }
        guard compression == 3, bits == 32 else {
            throw .unsupported(reader.file, "compression", expected: "0 or 3 (none)", found: "\(compression)")
        }
        let masks = try reader.take(12, "compression")
        let usual: [UInt8] = [0, 0, 0xFF, 0, 0, 0xFF, 0, 0, 0xFF, 0, 0, 0]
        guard masks.elementsEqual(usual) else {
            throw .unsupported(
                reader.file, "compression", expected: "the masks \(hexadecimal(usual))", found: hexadecimal(masks))
        }
    }

    private static func readPalette(
        _ bytes: UnsafeRawBufferPointer, _ file: String, at offset: Int, count: Int
    ) throws(FileError) -> [UInt8] {
        guard count <= 256 else {
            throw .malformed(file, "palette", expected: "at most 256 colours", found: "\(count)")
        }
        var reader = ByteReader(bytes, file: file, position: offset)
        var palette: [UInt8] = []
        for _ in 0..<(count == 0 ? 256 : count) {
            let color = try reader.take(4, "palette")
            palette += [color[2], color[1], color[0]]
        }
        return palette
    }
}
