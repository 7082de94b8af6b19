import Foundation
import MartletFiles

/// A small grey or colour picture for a report.
public struct ReportImage: Equatable, Sendable {
    /// Pixels in a row.
    public let width: Int
    /// Rows.
    public let height: Int
    /// 1 for grey, 3 for red, green and blue, 4 with opacity.
    public let channels: Int
    private let pixels: [UInt8]

    /// - Parameter pixels: row by row from the top, the channels of a pixel together; `height · width · channels` bytes.
    public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
        guard [1, 3, 4].contains(channels), width > 0, height > 0, pixels.count == width * height * channels else {
            fatalError(
                "ReportImage: \(pixels.count) bytes do not make \(width) by \(height) pixels of \(channels) channels "
                    + "(1, 3 or 4)")
        }
        (self.width, self.height, self.channels, self.pixels) = (width, height, channels, pixels)
    }

    /// A picture from planes of numbers, one channel behind the other, 0 black and 1 full; what lies beyond is cut.
    public init(width: Int, height: Int, channels: Int, planes: [Float]) {
        let area = width * height
        let interleaved = planes.indices.map { index -> UInt8 in
            let value = planes[index % channels * area + index / channels]
            return value.isNaN ? 0 : UInt8(min(1, max(0, value)) * 255 + 0.5)
        }
        self.init(width: width, height: height, channels: channels, pixels: interleaved)
    }

    /// The picture as PNG (ISO/IEC 15948).
    public var png: [UInt8] {
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        let colorType: UInt8 = channels == 1 ? 0 : channels == 3 ? 2 : 6
        let header = Self.bytes(UInt32(width)) + Self.bytes(UInt32(height)) + [8, colorType, 0, 0, 0]
        let stride = width * channels
        // Each row begins with its filter: none.
        let rows = (0..<height).flatMap { [0] + pixels[$0 * stride..<($0 + 1) * stride] }
        file += Self.chunk("IHDR", header) + Self.chunk("IDAT", rows.withUnsafeBytes { Zlib.compress($0) })
        return file + Self.chunk("IEND", [])
    }

    /// The picture as an address that holds it.
    public var dataURI: String { "data:image/png;base64," + Data(png).base64EncodedString() }

    private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + data
        return bytes(UInt32(data.count)) + body + bytes(body.withUnsafeBytes { CRC32.checksum($0) })
    }

    private static func bytes(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
}
