import MartletData
import MartletFiles
import MartletGraph
import MartletTensor
import MartletVision

/// What a recipe learns from, chooses by and is judged by: read before a run has a folder, so that where it cannot be read
/// none is left behind.
public struct RecipeData: Sendable {
    /// What a network learns from.
    public let train: any Dataset
    /// What is held out of it to choose by.
    public let validation: (any Dataset)?
    /// What a network is judged by; nil where the recipe leaves it alone.
    public let test: (any Dataset)?
    /// The shape of one sample's inputs.
    public let sampleShape: Shape
    /// The test images as they were read, where they are images.
    public let testImages: (any RecordDataset)?

    /// Reads what a recipe names.
    ///
    /// - Parameter progress: told how far a download has come.
    /// - Throws: `FileError` or `DataError`; `RecipeError` where more is held out than there is.
    public init(_ recipe: Recipe, progress: ((DownloadProgress) -> Void)? = nil) throws {
        let source = recipe.data
        let all = try source.kind.load(.train, directory: source.directory, progress: progress)
        let images =
            source.usesTest ? try source.kind.load(.test, directory: source.directory, progress: progress) : nil
        (test, testImages) = (images, images)
        sampleShape = all.records.sample(at: 0).inputs.shape
        (train, validation) = try Self.parts(of: all, source, file: recipe.file)
    }

    /// The training part as it is, or limited, or without what is held out of it at random.
    private static func parts(
        of all: some Dataset, _ source: DataRecipe, file: String
    ) throws -> (train: any Dataset, validation: (any Dataset)?) {
        let used = min(source.limit ?? all.count, all.count)
        guard source.validation < used else {
            throw RecipeError(
                file: file, place: .nowhere, key: "data.validation", expected: "fewer than \(used) samples",
                found: "\(source.validation)")
        }
        guard source.validation > 0 else { return (used < all.count ? all.subset(0..<used) : all, nil) }
        var random = RandomStream(seed: UInt64(source.splitSeed))
        let order = random.permutation(of: used).map { Int($0) }
        return (all.subset(order.dropFirst(source.validation)), all.subset(order.prefix(source.validation)))
    }
}
