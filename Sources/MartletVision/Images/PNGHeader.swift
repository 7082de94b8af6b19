import MartletFiles

/// The first chunk of a PNG file: size, kind of samples, interlacing.
struct PNGHeader {
    enum ColorType: UInt8 {
        case gray = 0
        case rgb = 2
        case palette = 3
        case grayAlpha = 4
        case rgba = 6

        /// Samples that a pixel has in the file.
        var samples: Int {
            switch self {
            case .gray, .palette: 1
            case .grayAlpha: 2
            case .rgb: 3
            case .rgba: 4
            }
        }

        var depths: [Int] {
            switch self {
            case .gray: [1, 2, 4, 8, 16]
            case .palette: [1, 2, 4, 8]
            case .rgb, .grayAlpha, .rgba: [8, 16]
            }
        }
    }

    /// A part of the picture that is stored as a picture of its own.
    struct Pass {
        let width: Int
        let height: Int
        let firstColumn: Int
        let columnStep: Int
        let firstRow: Int
        let rowStep: Int
    }

    let width: Int
    let height: Int
    let depth: Int
    let colorType: ColorType
    let isInterlaced: Bool

    /// The largest picture accepted: its samples take a gigabyte, and a small file can claim any size.
    static let mostPixels = 1 << 28

    init(_ body: UnsafeRawBufferPointer, file: String) throws(FileError) {
        var reader = ByteReader(body, file: file)
        let (width, height) = (try reader.big(UInt32.self, "IHDR"), try reader.big(UInt32.self, "IHDR"))
        let (depth, color) = (try reader.big(UInt8.self, "IHDR"), try reader.big(UInt8.self, "IHDR"))
        let (compression, filter) = (try reader.big(UInt8.self, "IHDR"), try reader.big(UInt8.self, "IHDR"))
        let interlace = try reader.big(UInt8.self, "IHDR")
        guard reader.remaining == 0 else {
            throw .malformed(file, "IHDR", expected: "13 bytes", found: "\(body.count)")
        }
        guard 1...0x7FFF_FFFF ~= width, 1...0x7FFF_FFFF ~= height else {
            throw .malformed(file, "IHDR", expected: "1 to 2^31 - 1 rows and columns", found: "\(width) x \(height)")
        }
        guard let colorType = ColorType(rawValue: color), colorType.depths.contains(Int(depth)) else {
            throw .malformed(
                file, "IHDR", expected: "a colour type and a depth that go together",
                found: "colour type \(color), depth \(depth)")
        }
        guard compression == 0, filter == 0, interlace <= 1 else {
            throw .malformed(
                file, "IHDR", expected: "compression 0, filter 0, interlace 0 or 1",
                found: "\(compression), \(filter), \(interlace)")
        }
        (self.width, self.height, self.depth) = (Int(width), Int(height), Int(depth))
        (self.colorType, isInterlaced) = (colorType, interlace == 1)
        let pixels = Int(width) * Int(height)
        guard pixels <= Self.mostPixels else {
            throw .unsupported(
                file, "IHDR", expected: "at most \(Self.mostPixels) pixels", found: "\(width) x \(height)")
        }
    }

    /// Bytes of all filtered rows together.
    var rawSize: Int { passes.reduce(0) { $0 + $1.height * (1 + rowSize($1.width)) } }

    /// The one pass of a plain picture, or the seven of Adam7, without the empty ones.
    var passes: [Pass] {
        guard isInterlaced else {
            return [Pass(width: width, height: height, firstColumn: 0, columnStep: 1, firstRow: 0, rowStep: 1)]
        }
        let grid = [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)]
        return grid.compactMap { firstColumn, columnStep, firstRow, rowStep in
            guard width > firstColumn, height > firstRow else { return nil }
            return Pass(
                width: (width - firstColumn + columnStep - 1) / columnStep,
                height: (height - firstRow + rowStep - 1) / rowStep, firstColumn: firstColumn, columnStep: columnStep,
                firstRow: firstRow, rowStep: rowStep)
        }
    }

    /// Bytes of a row of so many pixels, without its filter byte.
    func rowSize(_ pixels: Int) -> Int { (pixels * depth * colorType.samples + 7) / 8 }

    /// Bytes from a sample to the same sample of the pixel before it, at least one: the filters' distance.
    var pixelSize: Int { max(1, depth * colorType.samples / 8) }
}
