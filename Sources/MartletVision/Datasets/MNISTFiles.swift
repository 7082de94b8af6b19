import Foundation
import MartletFiles

/// The images and labels of one part of MNIST or of a set that is made like it.
public struct MNISTFiles: Sendable, Equatable {
    /// Which set: handwritten digits, or Zalando's pieces of clothing in the same format.
    public enum Variant: String, Sendable, CaseIterable {
        /// MNIST: handwritten digits.
        case digits = "mnist"
        /// FashionMNIST: pieces of clothing.
        case fashion = "fashion-mnist"
    }

    /// Which part of the set.
    public enum Part: String, Sendable, CaseIterable {
        /// 60,000 images.
        case training = "train"
        /// 10,000 images.
        case test = "t10k"
    }

    /// The images one after the other, row by row, a byte for each pixel: 0 for the background, 255 for full ink.
    ///
    /// ## Shapes
    /// `[count, rows, columns]`
    public let images: [UInt8]
    /// The number of images, and of labels.
    public let count: Int
    /// Each image's height in pixels: 28 in the published sets.
    public let rows: Int
    /// Each image's width in pixels: 28 in the published sets.
    public let columns: Int
    /// Each image's class, 0 to 9.
    public let labels: [UInt8]

    /// Reads two files, plain or compressed by gzip, and checks that they belong together.
    ///
    /// - Throws: `FileError` that names the file and the field: those of `IDX`, `type`, `dimensions`, `count` where the
    ///   files disagree, and `label` for one above 9.
    public init(images imagePath: String, labels labelPath: String) throws(FileError) {
        let labels = try Self.read(labelPath, dimensions: 1)
        let images = try Self.read(imagePath, dimensions: 3)
        guard labels.shape[0] == images.shape[0] else {
            throw .malformed(
                labelPath, "count", expected: "\(images.shape[0]), the count of \(imagePath)",
                found: "\(labels.shape[0])")
        }
        guard images.shape[1] > 0, images.shape[2] > 0 else {
            throw .malformed(imagePath, "rows and columns", expected: "at least 1", found: "\(images.shape)")
        }
        if let index = labels.bytes.firstIndex(where: { $0 > 9 }) {
            throw .malformed(
                labelPath, "label", expected: "0 to 9", found: "\(labels.bytes[index]) at index \(index)")
        }
        self.images = images.bytes
        count = images.shape[0]
        rows = images.shape[1]
        columns = images.shape[2]
        self.labels = labels.bytes
    }

    /// Finds and reads one part of a set.
    ///
    /// The files are looked for in `directory` if one is given; else in the folder that the environment variable
    /// `MARTLET_DATA` names, if it has them; else they are fetched into the cache, once, and checked.
    ///
    /// - Parameters:
    ///   - variant: digits or fashion.
    ///   - part: training or test.
    ///   - directory: a folder that holds the files, or a folder `mnist` or `fashion-mnist` that does.
    ///   - cache: where fetched files are kept.
    ///   - progress: told how far a download has come.
    /// - Throws: `FileError`; kind `missing` if `directory` lacks a file, and all of `DataCache.fetch(_:progress:)`.
    public static func load(
        _ variant: Variant, _ part: Part, directory: String? = nil, cache: DataCache = .standard,
        progress: ((DownloadProgress) -> Void)? = nil
    ) throws(FileError) -> MNISTFiles {
        let location = MNISTLocation(
            variant: variant, directory: directory,
            dataFolder: ProcessInfo.processInfo.environment["MARTLET_DATA"], cache: cache)
        let images = try location.path(part, .images, progress: progress)
        let labels = try location.path(part, .labels, progress: progress)
        return try MNISTFiles(images: images, labels: labels)
    }

    private static func read(_ path: String, dimensions: Int) throws(FileError) -> IDX {
        let array = try IDX(contentsOf: path)
        guard array.type == .uint8 else {
            throw .malformed(path, "type", expected: "08, unsigned bytes", found: array.type.rawValue)
        }
        guard array.shape.count == dimensions else {
            throw .malformed(path, "dimensions", expected: "\(dimensions)", found: "\(array.shape.count)")
        }
        return array
    }
}
