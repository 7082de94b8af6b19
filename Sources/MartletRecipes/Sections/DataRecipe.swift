import MartletData
import MartletFiles
import MartletGraph
import MartletTensor
import MartletVision

/// Where a recipe's samples come from.
///
///     data: mnist
///     data: {kind: mnist, directory: data/mnist, limit: 1000}
///     data: {kind: csv, file: wine.csv, header: false, target: 13, target_kind: classes}
public struct DataRecipe: Sendable {
    /// What kind of data it is.
    public let kind: Kind
    /// Where the files of images are looked for; nil for the usual places.
    public let directory: String?
    /// Samples that are learnt from; nil for all.
    public let limit: Int?
    /// Whether test data are read at all: a search for settings leaves them alone.
    public let usesTest: Bool
    let table: TableRecipe?
    private let drawn: DrawnRecipe?

    /// Images by name, a table, or what a program draws.
    public enum Kind: String, CaseIterable, Sendable, Codable {
        case mnist
        case fashionMNIST = "fashion-mnist"
        case digits, csv, spirals, recall

        /// As it is written.
        public var title: String {
            switch self {
            case .mnist: "MNIST"
            case .fashionMNIST: "Fashion-MNIST"
            case .digits: "Digits"
            case .csv: "a table"
            case .spirals: "spirals"
            case .recall: "sequences"
            }
        }
    }

    init(_ map: RecipeMap) throws {
        kind = try map.choice("kind", default: Kind.mnist)
        directory = ImageSet(kind) == nil ? nil : try map.optionalText("directory")
        table = kind == .csv ? try TableRecipe(map) : nil
        switch kind {
        case .spirals: drawn = try .spirals(map)
        case .recall: drawn = try .recall(map)
        default: drawn = nil
        }
        limit = try map.optionalCount("limit", atLeast: 1)
        usesTest = try map.flag("use_test", default: true)
    }

    /// True where rows with missing cells are left out of training.
    public var dropsIncompleteRows: Bool { table?.dropsIncomplete ?? false }

    /// The images that the recipe names; nil where it names none.
    public var images: ImageSet? { ImageSet(kind) }

    /// All samples that are drawn, and come without a test part of their own.
    func loadDrawn() throws -> TensorDataset {
        guard let drawn else { stop("DataRecipe.loadDrawn: \(kind) is not drawn") }
        return try drawn.load()
    }
}

/// A set of images that comes with a test part of its own.
public enum ImageSet: String, CaseIterable, Sendable {
    case mnist
    case fashionMNIST = "fashion-mnist"
    case digits

    /// The set of a kind of data; nil where that is no set of images.
    public init?(_ kind: DataRecipe.Kind) { self.init(rawValue: kind.rawValue) }

    /// The kind of data.
    public var kind: DataRecipe.Kind { DataRecipe.Kind(rawValue: rawValue) ?? .mnist }

    /// As it is written.
    public var title: String { kind.title }

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
        _ part: ImagePart, directory: String?, progress: ((DownloadProgress) -> Void)? = nil
    ) throws -> any RecordDataset {
        switch self {
        case .mnist: return try MNIST(part, directory: directory, progress: progress)
        case .fashionMNIST: return try FashionMNIST(part, directory: directory, progress: progress)
        case .digits: return Digits(part)
        }
    }
}
