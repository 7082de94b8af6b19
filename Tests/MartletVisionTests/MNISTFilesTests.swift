import Foundation
import MartletFiles
import MartletTesting
import MartletVision
import Testing

/// Writes small files in MNIST's format, some with a fault, and reads them.
@Suite struct MNISTFilesTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mnist-\(UUID().uuidString)")

    private let header: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]
    private let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 2, 7, 9]
    private var images: [UInt8] { header + (0..<12) }

    private func read(_ images: [UInt8], _ labels: [UInt8]) throws -> MNISTFiles {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let paths = ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"].map { folder.path + "/" + $0 }
        try Data(images).write(to: URL(fileURLWithPath: paths[0]))
        try Data(labels).write(to: URL(fileURLWithPath: paths[1]))
        return try MNISTFiles.load(.digits, .test, directory: folder.path)
    }

    /// The error that reading must give, checked for its file and field.
    private func expect(
        _ field: String, in file: String, _ images: [UInt8], _ labels: [UInt8],
        _ location: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: FileError.self, sourceLocation: location) { try read(images, labels) }
        #expect(error?.kind == .malformed, sourceLocation: location)
        #expect(error?.field == field, sourceLocation: location)
        #expect(error?.file.contains(file) == true, sourceLocation: location)
    }

    @Test func `Plain and compressed files give the same images and labels`() throws {
        let plain = try read(images, labels)
        #expect(plain.images == Array(0..<12))
        #expect(plain.count == 2 && plain.rows == 2 && plain.columns == 3)
        #expect(plain.labels == [7, 9])
        #expect(try read(gzip(images), gzip(labels)) == plain)
    }

    @Test func `A wrong magic number, type or number of dimensions is named`() {
        expect("magic", in: "images", [1] + images.dropFirst(), labels)
        expect("type", in: "images", [0, 0, 7] + images.dropFirst(3), labels)
        expect("dimensions", in: "labels", images, images)
    }

    @Test func `Counts that disagree are named, with the labels' file`() {
        expect("count", in: "labels", images, [0, 0, 8, 1, 0, 0, 0, 3, 7, 9, 1])
    }

    @Test func `A header that promises other sizes than the file has is named`() {
        expect("data", in: "images", Array(images.dropLast()), labels)
        expect("data", in: "images", images + [0], labels)
        expect("count", in: "images", [0, 0, 8, 3] + [UInt8](repeating: 0xFF, count: 12), labels)
        expect("count", in: "labels", images, Array(labels.prefix(6)))
    }

    @Test func `A label above nine is named with its index`() {
        let error = #expect(throws: FileError.self) { try read(images, labels.dropLast() + [10]) }
        #expect(error?.field == "label")
        #expect(error?.found == "10 at index 1")
    }

    @Test func `Every truncation of a compressed file is an error`() throws {
        let whole = gzip(images)
        for length in 2..<whole.count {
            #expect(throws: FileError.self, "cut to \(length)") { try read(Array(whole.prefix(length)), labels) }
        }
    }

    @Test func `A changed byte of compressed data is found by its checksum`() {
        var broken = gzip(images)
        broken[broken.count - 8] ^= 1
        expect("CRC-32", in: "images", broken, labels)
    }

    @Test func `A folder without the files is an error that says what was looked for`() {
        let error = #expect(throws: FileError.self) {
            try MNISTFiles.load(.fashion, .training, directory: "/nonexistent/folder")
        }
        #expect(error?.kind == .missing)
        #expect(error?.file == "/nonexistent/folder/train-images-idx3-ubyte")
    }

    /// The bytes as one gzip member with a stored block.
    private func gzip(_ bytes: [UInt8]) -> [UInt8] {
        func little(_ value: UInt32, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
        }
        let length = UInt32(bytes.count)
        return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255, 1] + little(length, 2) + little(~length, 2) + bytes
            + little(bytes.withUnsafeBytes { CRC32.checksum($0) }, 4) + little(length, 4)
    }
}
