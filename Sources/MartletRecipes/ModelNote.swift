import Foundation
import MartletData
import MartletFiles
import MartletGraph
import MartletNN
import MartletTraining

/// What a model's file says about where it comes from: enough to build the network again.
public struct ModelNote: Sendable {
    /// The recipe that it was trained by.
    public let recipe: Recipe
    /// The shape of one sample.
    public let input: Shape
    /// What inputs are scaled by before the network sees them, and labels that are numbers.
    public let scaler: AnyScaler?, labelScaler: AnyScaler?

    private static let scalerKey = "martlet.scaler", labelScalerKey = "martlet.label_scaler"
    private static let recipeKey = "martlet.recipe"
    private static let inputKey = "martlet.input"

    /// A note of a recipe and what its data taught.
    public init(recipe: Recipe, data: RecipeData) {
        self.init(recipe: recipe, input: data.sampleShape, scaler: data.scaler, labelScaler: data.labelScaler)
    }

    private init(recipe: Recipe, input: Shape, scaler: AnyScaler?, labelScaler: AnyScaler?) {
        (self.recipe, self.input, self.scaler, self.labelScaler) = (recipe, input, scaler, labelScaler)
    }

    /// The note as a file's header holds it.
    public var metadata: [String: String] {
        get throws {
            var texts = [
                Self.recipeKey: try recipe.effectiveText,
                Self.inputKey: input.sizes.map(String.init).joined(separator: ","),
            ]
            texts[Self.scalerKey] = scaler?.json
            texts[Self.labelScalerKey] = labelScaler?.json
            return texts
        }
    }

    /// The note in a file's header; nil where it has none.
    ///
    /// - Throws: `FileError` of kind `malformed`, or `RecipeError`, where there is one that cannot be read.
    public init?(of path: String) throws {
        let metadata = try SafetensorsFile(path).metadata
        guard let text = metadata[Self.recipeKey] else { return nil }
        let sizes = (metadata[Self.inputKey] ?? "").split(separator: ",").map { Int($0) }
        guard !sizes.isEmpty, sizes.allSatisfy({ ($0 ?? 0) > 0 }) else {
            throw FileError(
                .malformed, file: path, field: Self.inputKey, expected: "the sizes of a sample, such as 1,28,28",
                found: metadata[Self.inputKey] ?? "none")
        }
        func scaler(_ key: String) throws -> AnyScaler? {
            try metadata[key].map { try AnyScaler(json: $0, name: "\(path): \(key)") }
        }
        self.init(
            recipe: try Recipe(text, file: path), input: Shape(sizes.compactMap { $0 }),
            scaler: try scaler(Self.scalerKey), labelScaler: try scaler(Self.labelScalerKey))
    }

    /// The test data of the recipe, scaled as the training data were; nil where it has none.
    ///
    /// - Parameters:
    ///   - directory: where images are looked for; nil for where the recipe says.
    ///   - progress: told how far a download has come.
    /// - Throws: what reading the data throws.
    public func testData(
        directory: String? = nil, progress: ((DownloadProgress) -> Void)? = nil
    ) throws -> (any Dataset)? {
        let overrides = directory.map { ["data.directory=\($0)"] } ?? []
        let recipe = try Recipe(recipe.effectiveText, file: recipe.file, overrides: overrides + ["data.use_test=true"])
        return try RecipeData(recipe, scalers: (scaler, labelScaler), progress: progress).test
    }

    /// The network of a file, in evaluation mode, with the file's note.
    ///
    /// - Parameters:
    ///   - path: a model's file, or a run's folder.
    ///   - network: what the file holds, where it does not say.
    /// - Throws: `FileError`, `RecipeError`.
    public static func load(
        _ path: String, as network: NamedNetwork? = nil
    ) throws -> (layer: any Layer, note: ModelNote?) {
        var isFolder: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        let file = exists && isFolder.boolValue ? try RunFolder.open(path).modelPath : path
        let note = try ModelNote(of: file)
        let layer: any Layer
        if let network {
            layer = network.make()
        } else if let note {
            layer = try note.recipe.model.make(input: note.input)
        } else {
            throw FileError(
                .malformed, file: file, field: recipeKey, expected: "the recipe it was trained by, or a network's name",
                found: "neither")
        }
        try layer.load(from: file)
        layer.eval()
        return (layer, note)
    }
}
