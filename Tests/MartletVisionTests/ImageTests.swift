import Foundation
import MartletFiles
import MartletTesting
import MartletVision
import Testing

@Suite struct ImageTests {
    private static let goldens = Repository.root + "/Tests/Goldens/images.safetensors"

    /// A golden file's bytes and the image that Pillow decoded from them.
    private static func cases(_ format: String) throws -> [(name: String, file: [UInt8], image: Image)] {
        let file = try SafetensorsFile(goldens)
        return try file.entries.filter { $0.name.hasPrefix(format) && $0.name.hasSuffix(".file") }.map { entry in
            let name = String(entry.name.dropLast(5))
            let pixels = try file.entry(named: name + ".pixels")
            let image = Image(
                width: pixels.shape[1], height: pixels.shape[0], channels: pixels.shape[2],
                pixels: Array(file.bytes(of: pixels)))
            return (name, Array(file.bytes(of: entry)), image)
        }
    }

    @Test func `PNG of every colour type, depth and interlacing decodes to Pillow's pixels`() throws {
        let cases = try Self.cases("png.")
        #expect(cases.count >= 33)
        for (name, file, image) in cases {
            let decoded = try file.withUnsafeBytes { try PNG.decode($0, file: name) }
            #expect(decoded == image, "\(name)")
        }
    }

    @Test func `BMP decodes to Pillow's pixels`() throws {
        let cases = try Self.cases("bmp.")
        #expect(cases.count == 4)
        for (name, file, image) in cases {
            let decoded = try file.withUnsafeBytes { try BMP.decode($0, file: name) }
            #expect(decoded == image, "\(name)")
        }
    }

    @Test func `An image written as PNG is read back`() throws {
        for channels in 1...4 {
            let pixels = (0..<(7 * 5 * channels)).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            let image = Image(width: 7, height: 5, channels: channels, pixels: pixels)
            let decoded = try PNG.encode(image).withUnsafeBytes { try PNG.decode($0, file: "image") }
            #expect(decoded == image)
        }
    }

    @Test func `Every truncation of an image is an error, and no changed byte a crash`() throws {
        for format in ["png.color3.depth4.interlace1", "png.color6.depth8.interlace0", "bmp.P"] {
            let (name, file, image) = try #require(try Self.cases(format).first)
            for length in 0..<file.count {
                #expect(throws: FileError.self, "\(name) cut to \(length)") { try decode(Array(file[..<length])) }
            }
            for position in file.indices {
                for change in [UInt8(0xFF), 0x01, 0x80] {
                    var broken = file
                    broken[position] ^= change
                    // A PNG's checksums find every change; a BMP has none, and its pixels may differ.
                    let outcome = Result { try decode(broken) }
                    if format.hasPrefix("png"), case .success(let decoded) = outcome { #expect(decoded == image) }
                    if case .failure(let error) = outcome { #expect(error is FileError) }
                }
            }
        }
    }

    private func decode(_ file: [UInt8]) throws -> Image {
        try file.withUnsafeBytes { bytes in
            file.starts(with: "BM".utf8) ? try BMP.decode(bytes, file: "x") : try PNG.decode(bytes, file: "x")
        }
    }
}
