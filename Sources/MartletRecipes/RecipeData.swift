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
    /// What was learnt of the training part.
    public let preparation: DataPreparation
    /// What labels that are numbers are scaled by; nil where they stay as they are.
    public var labelScaler: AnyScaler? { preparation.labelScaler }
    /// The test images as they were read, where they are images.
    public let testImages: (any RecordDataset)?

    /// Reads what a recipe names.
    ///
    /// - Parameters:
    ///   - known: what an earlier training part taught; nil learns anew.
    ///   - progress: told how far a download has come.
    /// - Throws: `FileError`, `TableError` or `DataError`; `RecipeError` where more is held out than there is.
    public init(
        _ recipe: Recipe, preparation known: DataPreparation? = nil, progress: ((DownloadProgress) -> Void)? = nil
    ) throws {
        try self.init(recipe, of: RecipeSource(recipe, progress: progress), preparation: known)
    }

    /// The parts of what was read already, by a recipe of the same data: the folds of one differ in their parts alone.
    public init(_ recipe: Recipe, of read: RecipeSource, preparation known: DataPreparation? = nil) throws {
        let source = recipe.data
        guard case .images(let all, let judged, let scaling) = read.contents else {
            let (parts, table) = try Self.unpictured(recipe, read, known?.table)
            testImages = nil
            preparation = try known ?? DataPreparation(parts.train, recipe.scaling, areImages: false, table: table)
            train = preparation.scaled(parts.train)
            validation = parts.validation.map(preparation.scaled)
            test = source.usesTest ? parts.test.map(preparation.scaled) : nil
            sampleShape = try parts.train[0].inputs.shape
            return
        }
        sampleShape = all.records.sample(at: 0).inputs.shape
        let limited = Self.limited(all, source.limit)
        let parts = try recipe.split.parts(of: limited, file: recipe.file)
        testImages = !source.usesTest ? nil : recipe.split.folds != nil ? parts.test as? any RecordDataset : judged
        preparation = try known ?? DataPreparation(parts.train, recipe.scaling, areImages: true)
        validation = parts.validation.map(preparation.scaled)
        test = testImages.map(preparation.scaled)
        guard let augmentation = recipe.augmentation else {
            train = preparation.scaled(parts.train)
            return
        }
        // The same split of the same images, as bytes: the parts have the same members.
        let stored = Self.limited(StoredImages(all), source.limit)
        let pictures = try recipe.split.parts(of: stored, file: recipe.file).train
        train = preparation.scaled(Self.augmented(pictures, augmentation, scaling))
    }

    /// The parts of a table, or of what is drawn, and what the table's training rows taught.
    private static func unpictured(
        _ recipe: Recipe, _ read: RecipeSource, _ known: TablePreparation?
    ) throws -> (parts: SplitRecipe.Parts, table: TablePreparation?) {
        switch read.contents {
        case .table(let rows, let target):
            guard let table = recipe.data.table else { break }
            return try table.parts(
                of: rows, target, recipe.split, limit: recipe.data.limit, known: known, file: recipe.file)
        case .drawn(let drawn):
            return (try recipe.split.parts(of: limited(drawn, recipe.data.limit), file: recipe.file), nil)
        case .images: break
        }
        stop("RecipeData: the recipe's data are not those that were read")
    }

    private static func limited(_ data: some Dataset, _ limit: Int?) -> any Dataset {
        guard let limit, limit < data.count else { return data }
        return data.subset(0..<limit)
    }

    /// Pictures changed at random, then as numbers that are scaled as the others are.
    private static func augmented(
        _ pictures: some Dataset, _ augmentation: Compose, _ scaling: PixelScaling
    ) -> any Dataset {
        let numbers = Compose([
            ToDtype(scale: true), Normalize(mean: [scaling.mean], std: [scaling.deviation]),
        ])
        return pictures.map(augmentation).map(numbers)
    }
}
