import MartletData
import MartletFiles
import MartletTensor

/// Handwritten digits: 60,000 images to train with and 10,000 to test with, 28 by 28, of ten classes.
///
///     let train = try MNIST(.train), test = try MNIST(.test)
///     let loader = DataLoader(train, batchSize: 64, shuffle: true)
///
/// The files are looked for in `directory` if one is given; else in the folder that the environment variable
/// `MARTLET_DATA` names; else they are fetched into the cache, once, and checked.
///
/// Pixels are standardised: of mean 0 and variance 1 over the training images. `scaling: .unit` leaves them in [0, 1], 0 for
/// the background and 1 for full ink.
///
/// ## Shapes
/// Inputs `[1, 28, 28]` float32; label `[]` int64 in `0..<10`.
///
/// Source: LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition".
public struct MNIST: RecordDataset {
    /// Which part of the set.
    public typealias Part = ImagePart

    /// The images and labels, in the order of the files.
    public let records: Records
    /// "0" to "9".
    public let classNames = (0..<10).map(String.init)

    /// Reads a part of the set.
    ///
    /// - Parameters:
    ///   - part: what to read.
    ///   - scaling: what a pixel's byte becomes.
    ///   - directory: a folder that holds the files, or a folder `mnist` that does.
    ///   - cache: where fetched files are kept.
    ///   - progress: told how far a download has come.
    /// - Throws: `FileError`: what is wrong with a file, or why there is none.
    public init(
        _ part: Part, scaling: PixelScaling = .mnist, directory: String? = nil, cache: DataCache = .standard,
        progress: ((DownloadProgress) -> Void)? = nil
    ) throws(FileError) {
        let files = try MNISTFiles.load(.digits, part.files, directory: directory, cache: cache, progress: progress)
        records = Records(images: files, scaling)
    }
}

/// Zalando's pieces of clothing in MNIST's format: the same sizes and counts, harder to tell apart.
///
/// Found, fetched and scaled as `MNIST` is.
///
/// ## Shapes
/// Inputs `[1, 28, 28]` float32; label `[]` int64 in `0..<10`.
///
/// Source: Xiao, Rasul, Vollgraf 2017, <https://arxiv.org/abs/1708.07747>
public struct FashionMNIST: RecordDataset {
    /// Which part of the set.
    public typealias Part = ImagePart

    /// The images and labels, in the order of the files.
    public let records: Records
    /// What the ten classes are.
    public static let names = [
        "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    ]
    /// What the ten classes are, in the order of their labels.
    public let classNames = FashionMNIST.names

    /// Reads a part of the set; parameters and errors are those of `MNIST.init`.
    public init(
        _ part: Part, scaling: PixelScaling = .fashionMNIST, directory: String? = nil, cache: DataCache = .standard,
        progress: ((DownloadProgress) -> Void)? = nil
    ) throws(FileError) {
        let files = try MNISTFiles.load(.fashion, part.files, directory: directory, cache: cache, progress: progress)
        records = Records(images: files, scaling)
    }
}

/// The two parts that image sets come in.
public enum ImagePart: String, Sendable, CaseIterable {
    /// What a network learns from.
    case train
    /// What it is judged by.
    case test

    var files: MNISTFiles.Part {
        switch self {
        case .train: .training
        case .test: .test
        }
    }
}

extension Records {
    /// Grey images with classes 0 to 9: one channel.
    convenience init(images files: MNISTFiles, _ scaling: PixelScaling) {
        self.init(
            images: files.images, shape: [files.count, 1, files.rows, files.columns], labels: files.labels,
            scaling: scaling, name: "images")
    }

    /// Images in bytes, row by row, with classes 0 to 9 that were checked.
    convenience init(images: [UInt8], shape: Shape, labels: [UInt8], scaling: PixelScaling, name: String) {
        do {
            try self.init(
                inputs: Tensor(images, shape: shape), labels: Tensor(labels), classCount: 10,
                subtracting: 255 * scaling.mean, dividingBy: 255 * scaling.deviation, name: name)
        } catch {
            stop("\(error)")
        }
    }
}
