import Foundation
import MartletRecipes
import MartletTraining

/// A recipe with the settings to vary: what `martlet tune` reads.
///
///     tune:
///       algorithm: tpe
///       trials: 30
///       parallel: 2
///       metric: validation_loss
///       pruning: {reduction: 3, min_epochs: 1}
///       space:
///         optimizer.lr: {log: [1e-4, 1e-1]}
///
/// The rest of the file is the recipe that every trial begins from.
public struct StudyPlan: Sendable {
    /// How the next trial's settings are chosen.
    public enum Algorithm: String, CaseIterable, Sendable {
        /// Where good trials were dense and bad ones were not: a tree of Parzen estimators.
        case tpe
        /// Anywhere.
        case random
        /// Every point of a grid, once.
        case grid
    }

    /// The recipe's file.
    public let file: String
    /// The recipe as it was written, with overrides from the command line, as a text without the `tune` section.
    public let recipeText: String
    /// How settings are chosen.
    public let algorithm: Algorithm
    /// Trials in all.
    public let trials: Int
    /// Trials at the same time.
    public let parallel: Int
    /// Of the choices.
    public let seed: UInt64
    /// What a trial is judged by after each epoch: of the training or the validation data, and measured by the recipe.
    public let metric: MonitoredFigure
    /// What ends a hopeless trial early; nil where none is.
    public let pruning: SuccessiveHalving?
    /// What is varied.
    public let space: SearchSpace

    /// Reads a file.
    ///
    /// - Throws: `RecipeError`; `FileError` where there is no such file.
    public init(contentsOf path: String, overrides: [String] = []) throws {
        let tree = try Recipe.tree(contentsOf: path, overrides: overrides)
        file = path
        let root = try RecipeMap(tree, file: path)
        guard root.has("tune") else { throw root.error("tune", "a section with the settings to vary", nil) }
        let recipe = RecipeNode(.map(tree.entries.filter { $0.key != "tune" }), at: tree.place)
        recipeText = try RecipeText.write(recipe)
        let measured = try root.decoded([MetricName].self, "metrics") ?? []
        let parts = try root.section("tune") { try Parts($0, figures: Recipe.figuresToGoBy(measured)) }
        (algorithm, trials, parallel, seed) = (parts.algorithm, parts.trials, parts.parallel, parts.seed)
        (metric, pruning, space) = (parts.metric, parts.pruning, parts.space)
        // What a trial would stumble over is said before the first begins.
        for place in [0.0, 1.0] {
            let recipe = try self.recipe(at: space.dimensions.map { _ in place })
            guard recipe.split.folds == nil || recipe.split.fold != nil else {
                throw root.error(
                    "split", "a trial's one split: no folds, or one of them by split.fold", root.value("split"))
            }
            guard metric.part == .train || recipe.split.hasValidation else {
                throw root.error("split", "a validation part, by which \(metric.name) is measured", nil)
            }
        }
    }

    /// The recipe of the trial at a point.
    func recipe(at point: [Double]) throws -> Recipe {
        try Recipe(recipeText, file: file, overrides: Self.overrides(space.settings(at: point)))
    }

    /// Settings as overrides in the order of their keys: a section before what is inside it.
    static func overrides(_ settings: [String: String]) -> [String] {
        settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }

    private struct Parts {
        let algorithm: Algorithm, trials: Int, parallel: Int, seed: UInt64, metric: MonitoredFigure
        let pruning: SuccessiveHalving?, space: SearchSpace

        init(_ map: RecipeMap, figures: [MonitoredFigure]) throws {
            algorithm = try map.choice("algorithm", default: .tpe)
            let wanted = try map.optionalCount("trials", atLeast: 1)
            parallel = try map.count("parallel", default: 1, atLeast: 1)
            seed = UInt64(try map.count("seed", default: 0))
            let usual = MonitoredFigure.loss(.validation)
            metric =
                MonitoredFigure(named: try map.name("metric", among: figures.map(\.name), default: usual.name)) ?? usual
            pruning = try map.optionalSection("pruning") { part in
                SuccessiveHalving(
                    reduction: try part.count("reduction", default: 3, atLeast: 2),
                    firstEpochs: try part.count("min_epochs", default: 1, atLeast: 1))
            }
            let keys = map.value("space")?.entries.map(\.key) ?? []
            guard !keys.isEmpty else { throw map.error("space", "at least one setting to vary", map.value("space")) }
            space = try map.section("space") { try SearchSpace($0, keys: keys) }
            trials = wanted ?? (algorithm == .grid ? space.gridCount : 30)
        }
    }
}
