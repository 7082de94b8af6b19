import MartletData
import MartletFiles
import MartletGraph
import MartletTensor
import MartletVision

/// Where a recipe's samples come from, and how they are dealt out.
///
///     data: mnist
///     data: {kind: mnist, directory: data/mnist, validation: 5000}
public struct DataRecipe: Sendable {
    /// The data set's name.
    public let kind: Kind
    /// Where its files are looked for; nil for the usual places.
    public let directory: String?
    /// Samples held out of the training part to choose by.
    public let validation: Int
    /// Samples of the training part that are used; nil for all.
    public let limit: Int?
    /// Whether the test part is read at all: a search for settings leaves it alone.
    public let usesTest: Bool
    /// Of the order in which samples are held out.
    public let splitSeed: Int

    /// The data sets known by name.
    public enum Kind: String, CaseIterable, Sendable, Codable {
        case mnist
        case fashionMNIST = "fashion-mnist"
        case digits

        /// As it is written.
        public var title: String {
            switch self {
            case .mnist: "MNIST"
            case .fashionMNIST: "Fashion-MNIST"
            case .digits: "Digits"
            }
        }

        /// How its pixels become a network's inputs.
        public var scaling: PixelScaling {
            switch self {
            case .mnist: .mnist
            case .fashionMNIST: .fashionMNIST
            case .digits: .digits
            }
        }

        /// Reads a part; files are looked for in `directory`, else where `MARTLET_DATA` says, else fetched.
        public func load(
            _ part: ImagePart, scaling: PixelScaling? = nil, directory: String?,
            progress: ((DownloadProgress) -> Void)? = nil
        ) throws -> any RecordDataset {
            let scaling = scaling ?? self.scaling
            switch self {
            case .mnist: return try MNIST(part, scaling: scaling, directory: directory, progress: progress)
            case .fashionMNIST:
                return try FashionMNIST(part, scaling: scaling, directory: directory, progress: progress)
            case .digits: return Digits(part, scaling: scaling)
            }
        }
    }

    init(_ map: RecipeMap) throws {
        kind = try map.choice("kind", default: Kind.mnist)
        directory = try map.optionalText("directory")
        validation = try map.count("validation", default: 0)
        limit = try map.optionalCount("limit", atLeast: 1)
        usesTest = try map.flag("test", default: true)
        splitSeed = try map.count("split_seed", default: 0)
    }
}
