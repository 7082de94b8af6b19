import Foundation
import MartletFiles
import MartletTesting
import MartletVision
import Testing

/// JPEG by TurboJPEG, where it is installed.
@Suite(.enabled(if: JPEG.isAvailable, "no TurboJPEG: apt-get install libturbojpeg0")) struct JPEGTests {
    private let photo: Image

    init() throws {
        let golden = try AugmentationGolden()
        photo = Image(try golden.photo(golden.cases("resize")[0]).image)
    }

    @Test func `A picture of good quality comes back nearly as it was`() throws {
        let file = try JPEG.encode(photo, quality: 95)
        let decoded = try file.withUnsafeBytes { try Image.decode($0, file: "photo") }
        #expect(decoded.width == photo.width && decoded.channels == 3)
        let errors = zip(decoded.pixels, photo.pixels).map { abs(Int($0) - Int($1)) }
        #expect(Double(errors.reduce(0, +)) / Double(errors.count) < 8)
        let small = try JPEG.encode(photo, quality: 5)
        #expect(small.count < file.count * 2 / 3)
        let gray = Image(width: 8, height: 8, channels: 1, pixels: [UInt8](repeating: 77, count: 64))
        #expect(try JPEG.encode(gray).withUnsafeBytes { try JPEG.decode($0, file: "gray") } == gray)
    }

    @Test func `Artefacts are those of a file of that quality`() throws {
        let planar = PlanarImage(photo)
        let artefacts = try JPEGTransform(quality: 30...30)(planar)
        let decoded = try JPEG.encode(photo, quality: 30).withUnsafeBytes { try JPEG.decode($0, file: "photo") }
        #expect(Image(artefacts) == decoded)
        let batch = try PlanarImage(batch: [planar, planar]).jpegCompressed(quality: 30)
        #expect(batch[picture: 1] == artefacts)
    }

    @Test func `Truncated files are errors, and no changed byte a crash`() throws {
        let file = try JPEG.encode(photo, quality: 50)
        for length in stride(from: 0, to: file.count - 2, by: 7) {
            #expect(throws: FileError.self, "cut to \(length)") {
                try Array(file[..<length]).withUnsafeBytes { try Image.decode($0, file: "x") }
            }
        }
        for position in stride(from: 0, to: file.count, by: 3) {
            var broken = file
            broken[position] ^= 0xFF
            let outcome = Result { try broken.withUnsafeBytes { try JPEG.decode($0, file: "x") } }
            if case .failure(let error) = outcome { #expect(error is FileError) }
        }
    }

    @Test(
        .enabled(if: RealData.photos != nil, "no photos: set MARTLET_DATA or put them in ../shared/data/imagenet"))
    func `The photos are read, grey ones too`() throws {
        let folder = try #require(RealData.photos)
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".JPEG") }
        #expect(files.count > 20)
        var channels: Set<Int> = []
        for file in files.sorted().prefix(8) {
            let image = try Image(contentsOf: folder + "/" + file)
            #expect(image.width > 60 && image.height > 60)
            channels.insert(image.channels)
        }
        #expect(channels.contains(3))
    }
}

/// What needs no codec.
@Suite struct ImageReadingTests {
    @Test func `A file's first bytes say how it is read`() throws {
        let image = Image(width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6])
        #expect(try PNG.encode(image).withUnsafeBytes { try Image.decode($0, file: "x") } == image)
        let text: [UInt8] = Array("GIF89a".utf8)
        let error = #expect(throws: FileError.self) { try text.withUnsafeBytes { try Image.decode($0, file: "x.gif") } }
        #expect(
            error.map { "\($0)" }?.contains("x.gif: magic: expected a PNG, JPEG or BMP file") ?? false,
            "\(error as Any)")
    }

    @Test func `Without TurboJPEG the error says what to install`() async {
        await #expect(processExitsWith: .success) {
            setenv("MARTLET_TURBOJPEG", "none", 1)
            do {
                _ = try JPEG.encode(Image(width: 1, height: 1, channels: 1, pixels: [0]))
                exit(1)
            } catch {
                exit(
                    "\(error)".contains("apt-get install libturbojpeg0") && "\(error)".contains("switched off") ? 0 : 1)
            }
        }
    }

    @Test func `A contact sheet shows every picture in its cell`() {
        let colors = PlanarImage(channels: 3, size: ImageSize(height: 2, width: 3), repeating: 10)
        let gray = PlanarImage(channels: 1, size: ImageSize(2), repeating: 20)
        let sheet = ContactSheet(columns: 2).image(of: [colors, gray, PlanarImage(batch: [gray, gray])])
        #expect(sheet.width == 8 && sheet.height == 6 && sheet.channels == 3)
        func red(_ row: Int, _ column: Int) -> UInt8 { sheet.pixels[3 * (row * 8 + column)] }
        #expect(red(0, 0) == 10 && red(1, 2) == 10 && red(0, 3) == 255 && red(2, 0) == 255)
        #expect(red(0, 5) == 20 && red(0, 7) == 255 && red(4, 0) == 20 && red(5, 6) == 20)
        #expect(ContactSheet(columns: 9).image(of: [gray]).channels == 1)
    }
}

extension RealData {
    /// The folder of the photos.
    static let photos: String? = {
        let environment = ProcessInfo.processInfo.environment["MARTLET_DATA"]
        let folders = [environment, Repository.root + "/../shared/data"].compactMap { $0 }
        return folders.map { $0 + "/imagenet/jpeg" }.first { FileManager.default.fileExists(atPath: $0) }
    }()
}
