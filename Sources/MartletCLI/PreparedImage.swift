import Foundation
import Martlet

/// An image as the networks here want it: grey, 28 by 28, light on dark, 0 to 1.
struct PreparedImage {
    /// The file, and the position in it where it holds several.
    let name: String
    private let pixels: [Float]
    private static let side = 28

    /// What the network reads.
    ///
    /// ## Shapes
    /// `[1, 1, 28, 28]`
    func tensor(_ scaling: PixelScaling) -> Tensor {
        Tensor(pixels.map { scaling($0) }, shape: [1, 1, Self.side, Self.side])
    }

    /// The images of a file, told apart by its first bytes.
    ///
    /// - Throws: `FileError`; of kind `unsupported` for a file of another kind.
    static func read(_ path: String, limit: Int) throws -> [PreparedImage] {
        let start = [UInt8](try MappedFile(path).withBytes { Data($0.prefix(8)) })
        if start.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return [PreparedImage(try PNG.read(path), name: path)] }
        if start.starts(with: [0x42, 0x4D]) { return [PreparedImage(try BMP.read(path), name: path)] }
        guard start.starts(with: [0, 0]) || start.starts(with: [0x1F, 0x8B]) else {
            throw FileError(
                .unsupported, file: path, field: "first bytes", expected: "those of PNG, BMP or IDX",
                found: start.map { String($0, radix: 16) }.joined(separator: " "))
        }
        return try read(IDX(contentsOf: path), path, limit)
    }

    private static func read(_ idx: IDX, _ path: String, _ limit: Int) throws -> [PreparedImage] {
        guard idx.type == .uint8, idx.shape.count == 3, idx.shape[1] > 0, idx.shape[2] > 0 else {
            throw FileError(
                .unsupported, file: path, field: "shape", expected: "bytes of [count, rows, columns]",
                found: "\(idx.type.rawValue) of \(idx.shape)")
        }
        let (rows, columns) = (idx.shape[1], idx.shape[2])
        return (0..<min(limit, idx.shape[0])).map { index in
            let bytes = Array(idx.bytes[index * rows * columns..<(index + 1) * rows * columns])
            // These are what networks are trained on: nothing is guessed about them.
            return PreparedImage(
                GrayPicture(width: columns, height: rows, values: bytes.map { Float($0) / 255 }),
                name: "\(path)[\(index)]")
        }
    }

    private init(_ image: Image, name: String) {
        let picture = GrayPicture(image)
        self.init(picture.borderMean > 0.5 ? picture.inverted : picture, name: name)
    }

    private init(_ picture: GrayPicture, name: String) {
        self.name = name
        pixels = picture.resized(to: Self.side).values
    }
}

/// A picture of one number a pixel, 0 black and 1 white.
private struct GrayPicture {
    let width: Int
    let height: Int
    let values: [Float]

    init(width: Int, height: Int, values: [Float]) {
        (self.width, self.height, self.values) = (width, height, values)
    }

    /// Brightness by ITU-R BT.601's weights; what is transparent shows white paper.
    init(_ image: Image) {
        (width, height) = (image.width, image.height)
        let channels = image.channels
        values = (0..<width * height).map { pixel in
            let samples = image.pixels[pixel * channels..<(pixel + 1) * channels].map { Float($0) / 255 }
            let gray = channels < 3 ? samples[0] : 0.299 * samples[0] + 0.587 * samples[1] + 0.114 * samples[2]
            let opacity = channels % 2 == 0 ? samples[channels - 1] : 1
            return gray * opacity + (1 - opacity)
        }
    }

    /// The mean of the outermost pixels: the background's brightness.
    var borderMean: Float {
        var (sum, count) = (Float(0), Float(0))
        for row in 0..<height {
            for column in 0..<width where row == 0 || column == 0 || row == height - 1 || column == width - 1 {
                sum += values[row * width + column]
                count += 1
            }
        }
        return sum / count
    }

    var inverted: GrayPicture { GrayPicture(width: width, height: height, values: values.map { 1 - $0 }) }

    /// The picture in a square, each pixel the mean of the area that it covers; a longer side keeps its proportion, and
    /// the shorter one is filled up with the background on both sides.
    func resized(to side: Int) -> GrayPicture {
        if width == side, height == side { return self }
        let scale = Float(max(width, height)) / Float(side)
        let (left, top) = ((Float(side) * scale - Float(width)) / 2, (Float(side) * scale - Float(height)) / 2)
        var output = [Float](repeating: 0, count: side * side)
        for row in 0..<side {
            let rows = Self.cover(Float(row) * scale - top, scale, height)
            for column in 0..<side {
                var sum: Float = 0
                let columns = Self.cover(Float(column) * scale - left, scale, width)
                for (y, rowShare) in rows {
                    for (x, share) in columns { sum += values[y * width + x] * rowShare * share }
                }
                output[row * side + column] = sum / (scale * scale)
            }
        }
        return GrayPicture(width: side, height: side, values: output)
    }

    /// The pixels that an interval touches, and how much of each.
    private static func cover(_ start: Float, _ length: Float, _ limit: Int) -> [(Int, Float)] {
        let end = start + length
        let (first, last) = (max(0, Int(start.rounded(.down))), min(limit, Int(end.rounded(.up))))
        guard first < last else { return [] }
        return (first..<last).map { ($0, min(end, Float($0 + 1)) - max(start, Float($0))) }.filter { $0.1 > 0 }
    }
}
