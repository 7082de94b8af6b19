import Foundation
import MartletFiles
import MartletTraining
import MartletVision

/// A training run in words: data, network, loss, optimizer, schedule, regularisation, precision, and how long.
///
///     name: mnist-lenet
///     seed: 0
///     data: mnist
///     split: {validation: 5000}
///     model: lenet5
///     optimizer: {kind: adamw, lr: 2e-3, weight_decay: 0.05}
///     schedule: cosine
///     training: {epochs: 10, batch_size: 128}
///
/// Every name has a default; one that is unknown or of the wrong type is an error that names the line and the nearest
/// valid name.
public struct Recipe: Sendable {
    /// The file it came from, for errors.
    public let file: String
    /// What the run is called; nil for what is trained on what.
    public let name: String?
    /// Of weights, order, augmentation, dropout.
    public let seed: UInt64
    /// Where to compute: `best` or `cpu`.
    public let device: String
    /// Where samples come from.
    public let data: DataRecipe
    /// What is held out of them.
    public let split: SplitRecipe
    /// How inputs are scaled.
    public let scaling: ScalingRecipe
    /// What is done to each training image at random; nil for nothing.
    public let augmentation: Compose?
    /// What is done to each training batch at random; nil for nothing.
    public let batchAugmentation: BatchCompose?
    /// The network.
    public let model: ModelRecipe
    /// What its weights start from.
    public let initialization: InitializationRecipe
    /// What is made small.
    public let loss: LossRecipe
    /// What renews the parameters.
    public let optimizer: OptimizerRecipe
    /// How the learning rate changes.
    public let schedule: ScheduleRecipe
    /// How long, and within which bounds.
    public let training: TrainingRecipe
    /// What the network is measured by besides its loss: on the validation data after each epoch, on the test data at the end.
    public let metrics: [MetricName]
    /// Where the metrics are written.
    var metricsPlace: RecipePlace { effective["metrics"]?.place ?? .nowhere }
    /// The whole recipe with every default written out.
    public let effective: RecipeNode

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: a YAML file.
    ///   - overrides: values in place of the file's, such as `optimizer.lr=0.01`.
    /// - Throws: `RecipeError`; `FileError` where there is no such file.
    public init(contentsOf path: String, overrides: [String] = []) throws {
        try self.init(try Self.tree(contentsOf: path, overrides: overrides), file: path)
    }

    /// Reads a text; `file` is its name in errors.
    public init(_ text: String, file: String = "recipe", overrides: [String] = []) throws {
        try self.init(try Self.tree(text, file: file, overrides: overrides), file: file)
    }

    /// The tree of a file, with overrides in their places.
    package static func tree(contentsOf path: String, overrides: [String]) throws -> RecipeNode {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw FileError.system(ENOENT, file: path, step: "open")
        }
        guard let text = String(data: bytes, encoding: .utf8) else {
            throw RecipeError(file: path, place: .nowhere, key: "", expected: "a text in UTF-8", found: "other bytes")
        }
        return try tree(text, file: path, overrides: overrides)
    }

    private static func tree(_ text: String, file: String, overrides: [String]) throws -> RecipeNode {
        try overrides.reduce(try RecipeText.parse(text, file: file)) { tree, override in
            try RecipeOverride(override, file: file).applied(to: tree)
        }
    }

    private init(_ tree: RecipeNode, file: String) throws {
        let root = try RecipeMap(tree, file: file)
        self.file = file
        name = try root.optionalText("name")
        seed = UInt64(try root.count("seed", default: 0))
        device = try root.name("device", among: ["best", "cpu"], default: "best")
        data = try root.section("data", shorthand: "kind", DataRecipe.init)
        let hasTest = data.images != nil
        split = try root.section("split") { try SplitRecipe($0, hasTest: hasTest) }
        scaling = try root.section("scaling", shorthand: "kind", ScalingRecipe.init)
        augmentation = try root.decoded(Compose.self, "augmentation")
        batchAugmentation = try root.decoded(BatchCompose.self, "batch_augmentation")
        if augmentation != nil, data.images == nil {
            throw root.error("augmentation", "images, which \(data.kind.rawValue) has not", root.value("augmentation"))
        }
        model = try root.section("model", shorthand: "kind", ModelRecipe.init)
        initialization = try root.section("initialization", shorthand: "weights", InitializationRecipe.init)
        loss = try root.section("loss", shorthand: "kind", LossRecipe.init)
        optimizer = try root.section("optimizer", shorthand: "kind", OptimizerRecipe.init)
        metrics = try root.decoded([MetricName].self, "metrics") ?? []
        let hasValidation = split.hasValidation
        let figures = Self.figuresToGoBy(metrics).filter { $0.part == .train || hasValidation }.map(\.name)
        schedule = try ScheduleRecipe(root, optimizer, monitored: figures)
        training = try TrainingRecipe(root, optimizer, monitored: figures)
        // What `martlet tune` varies is nothing to one run.
        _ = root.has("tune")
        try root.finish()
        effective = .map(root.effective)
    }

    /// The figures that a run which measures these metrics may go by: those of the training and the validation data, never
    /// the test data's.
    package static func figuresToGoBy(_ metrics: [MetricName]) -> [MonitoredFigure] {
        [.loss(.train), .metric(.accuracy, .train), .loss(.validation), .metric(.accuracy, .validation)]
            + metrics.filter { $0 != .accuracy }.map { .metric($0, .validation) }
    }

    /// The recipe with every default written out, as YAML: it makes the same run.
    public var effectiveText: String { get throws { try RecipeText.write(effective) } }

    /// What is trained on what, or the recipe's name.
    public var title: String { name ?? "\(model.title) on \(data.kind.title)" }

    /// Every setting as one line, by its path, in the order of the recipe.
    public var settings: [(key: String, value: String)] { Self.lines(of: effective, under: "") }

    private static func lines(of node: RecipeNode, under path: String) -> [(key: String, value: String)] {
        func inside(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
        switch node.content {
        case .null: return [(path, "none")]
        case .scalar(let text, _): return [(path, text)]
        case .map(let entries): return entries.flatMap { lines(of: $0.value, under: inside($0.key)) }
        case .list(let items):
            let texts = items.map { item -> String in
                if case .scalar(let text, _) = item.content { return text }
                return lines(of: item, under: "").map { $0.key.isEmpty ? $0.value : "\($0.key) \($0.value)" }
                    .joined(separator: ", ")
            }
            return [(path, texts.joined(separator: "; "))]
        }
    }
}
