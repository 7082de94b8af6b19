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
    /// What was learnt of the training part to scale inputs by, and labels that are numbers.
    public let scaler: AnyScaler?, labelScaler: AnyScaler?
    /// The test images as they were read, where they are images.
    public let testImages: (any RecordDataset)?

    /// Reads what a recipe names.
    ///
    /// - Parameters:
    ///   - scalers: what an earlier training part taught; nil learns anew.
    ///   - progress: told how far a download has come.
    /// - Throws: `FileError`, `TableError` or `DataError`; `RecipeError` where more is held out than there is.
    public init(
        _ recipe: Recipe, scalers known: (inputs: AnyScaler?, labels: AnyScaler?)? = nil,
        progress: ((DownloadProgress) -> Void)? = nil
    ) throws {
        let source = recipe.data
        guard let images = source.images else {
            let whole = try source.loadWhole()
            let parts = try recipe.split.parts(of: Self.limited(whole, source.limit), file: recipe.file)
            testImages = nil
            let test = source.usesTest ? parts.test : nil
            let scalers = try known ?? Self.scalers(parts.train, recipe.scaling, areImages: false)
            (scaler, labelScaler) = scalers
            train = Self.scaled(parts.train, scalers)
            validation = parts.validation.map { Self.scaled($0, scalers) }
            self.test = test.map { Self.scaled($0, scalers) }
            sampleShape = whole.records.sample(at: 0).inputs.shape
            return
        }
        let all = try images.load(.train, directory: source.directory, progress: progress)
        testImages = source.usesTest ? try images.load(.test, directory: source.directory, progress: progress) : nil
        sampleShape = all.records.sample(at: 0).inputs.shape
        let limited = Self.limited(all, source.limit)
        let parts = try recipe.split.parts(of: limited, file: recipe.file)
        let scalers = try known ?? Self.scalers(parts.train, recipe.scaling, areImages: true)
        (scaler, labelScaler) = scalers
        validation = parts.validation.map { Self.scaled($0, scalers) }
        test = testImages.map { Self.scaled($0, scalers) }
        guard let augmentation = recipe.augmentation else {
            train = Self.scaled(parts.train, scalers)
            return
        }
        // The same split of the same images, as bytes: the parts have the same members.
        let stored = Self.limited(StoredImages(all), source.limit)
        let pictures = try recipe.split.parts(of: stored, file: recipe.file).train
        train = Self.scaled(Self.augmented(pictures, augmentation, images.scaling), scalers)
    }

    private static func limited(_ data: some Dataset, _ limit: Int?) -> any Dataset {
        guard let limit, limit < data.count else { return data }
        return data.subset(0..<limit)
    }

    private static func scalers(
        _ train: some Dataset, _ recipe: ScalingRecipe, areImages: Bool
    ) throws -> (inputs: AnyScaler?, labels: AnyScaler?) {
        (try recipe.inputs(train, areImages: areImages), try recipe.labels(train))
    }

    private static func scaled(
        _ data: some Dataset, _ scalers: (inputs: AnyScaler?, labels: AnyScaler?)
    ) -> any Dataset {
        switch scalers {
        case (let inputs?, let labels?): data.map(inputs).map(labels)
        case (let inputs?, nil): data.map(inputs)
        case (nil, let labels?): data.map(labels)
        case (nil, nil): data
        }
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
