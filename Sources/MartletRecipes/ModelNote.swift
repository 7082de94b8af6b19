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
    /// What every sample goes through before the network sees it.
    public let preparation: DataPreparation

    private static let recipeKey = "martlet.recipe", inputKey = "martlet.input"

    /// A note of a recipe and what its data taught.
    public init(recipe: Recipe, data: RecipeData) {
        self.init(recipe: recipe, input: data.sampleShape, preparation: data.preparation)
    }

    private init(recipe: Recipe, input: Shape, preparation: DataPreparation) {
        (self.recipe, self.input, self.preparation) = (recipe, input, preparation)
    }

    /// The note as a file's header holds it.
    public var metadata: [String: String] {
        get throws {
            let texts = [
                Self.recipeKey: try recipe.effectiveText,
                Self.inputKey: input.sizes.map(String.init).joined(separator: ","),
            ]
            return texts.merging(preparation.metadata) { $1 }
        }
    }

    /// The note in a file's header; nil where it has none.
    ///
    /// - Throws: `FileError` of kind `malformed`, `DataError`, or `RecipeError`, where there is one that cannot be read.
    public init?(of path: String) throws {
        let metadata = try SafetensorsFile(path).metadata
        guard let text = metadata[Self.recipeKey] else { return nil }
        let sizes = (metadata[Self.inputKey] ?? "").split(separator: ",").map { Int($0) }
        guard !sizes.isEmpty, sizes.allSatisfy({ ($0 ?? 0) > 0 }) else {
            throw FileError(
                .malformed, file: path, field: Self.inputKey, expected: "the sizes of a sample, such as 1,28,28",
                found: metadata[Self.inputKey] ?? "none")
        }
        self.init(
            recipe: try Recipe(text, file: path), input: Shape(sizes.compactMap { $0 }),
            preparation: try DataPreparation(metadata, of: path))
    }

    /// The test data of the recipe, prepared as the training data were; nil where it has none.
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
        return try RecipeData(recipe, preparation: preparation, progress: progress).test
    }

    /// The network of a file, in evaluation mode, with the file's note.
    ///
    /// - Parameters:
    ///   - path: a model's file, a checkpoint, or a run's folder: its model, or where it has none yet its newest checkpoint.
    ///   - network: what the file holds, where it does not say.
    /// - Throws: `FileError`, `RecipeError`.
    public static func load(
        _ path: String, as network: NamedNetwork? = nil
    ) throws -> (layer: any Layer, note: ModelNote?) {
        let file = try modelFile(of: path)
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
        if try Checkpoint.isOne(file) {
            // An equal average has no running statistics of its own before the run's end.
            let isEqual = note?.recipe.training.settings.average?.kind == .equal
            let averaged = !isEqual || !layer.hasRunningStatistics
            try Checkpoint(contentsOf: file).load(into: layer, averaged: averaged, name: file)
        } else {
            try layer.load(from: file)
        }
        layer.eval()
        return (layer, note)
    }

    /// The file that a path stands for.
    private static func modelFile(of path: String) throws -> String {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return path
        }
        let folder = try RunFolder.open(path)
        if FileManager.default.fileExists(atPath: folder.modelPath) { return folder.modelPath }
        if FileManager.default.fileExists(atPath: folder.foldPath(1)) {
            throw FileError(
                .missing, file: path, field: "model", expected: "the folder of one fold, such as \(folder.foldPath(1))",
                found: "that of all folds")
        }
        return folder.checkpoints().last?.path ?? folder.modelPath
    }
}
