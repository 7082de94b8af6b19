import MartletData
import MartletOptim
import MartletTraining

/// How long a recipe trains, what it keeps, and what holds its weights and gradients in bounds.
///
///     training: {epochs: 15, batch_size: 128, accumulate_batches: 4, workers: 1, checkpoint_seconds: 30}
///     regularization: {clip_norm: 1, average: {kind: exponential, decay: 0.999}}
///     callbacks: {early_stopping: {patience: 5, monitor: validation_f1_macro}, statistics: {every: 100}}
///     precision: bfloat16
public struct TrainingRecipe: Sendable {
    /// The trainer's own settings.
    public let settings: TrainingSettings
    /// Samples in a step.
    public let batchSize: Int
    /// Threads that read ahead.
    public let workers: Int
    /// The steps from one look at the layers' activations and gradients to the next; nil for none.
    public let statistics: Int?
    /// The figure of the best epoch, whose weights are kept; nil for none.
    public let best: MonitoredFigure?
    /// The figures that callbacks go by, and where they are named.
    let monitored: [NamedFigure]
    /// True where an epoch's last batch is left out if it is not full.
    public let dropsLast: Bool
    /// Where the batch size is written.
    let batchSizePlace: RecipePlace

    /// - Parameters:
    ///   - optimizer: what the settings must go with.
    ///   - monitored: the names of figures that early stopping may go by.
    init(_ root: RecipeMap, _ optimizer: OptimizerRecipe, monitored: [String]) throws {
        var settings = TrainingSettings()
        var batchSizePlace = RecipePlace.nowhere
        (batchSize, workers, dropsLast) = try root.section("training") { map in
            settings.epochs = try map.count("epochs", default: 10, atLeast: 1)
            let batchSize = try map.count("batch_size", default: 64, atLeast: 1)
            if let place = map.value("batch_size")?.place { batchSizePlace = place }
            settings.accumulatedBatches = try map.count("accumulate_batches", default: 1, atLeast: 1)
            let workers = try map.count("workers", default: 0)
            let dropsLast = try map.flag("drop_last")
            settings.checkpointSteps = try map.optionalCount("checkpoint_steps", atLeast: 1)
            settings.checkpointSeconds = try map.number("checkpoint_seconds", default: 30, in: .positive)
            settings.keptCheckpoints = try map.count("keep", default: 3, atLeast: 1)
            settings.stopsAtNonFiniteLoss = try map.flag("stop_at_non_finite_loss", default: true)
            return (batchSize, workers, dropsLast)
        }
        self.batchSizePlace = batchSizePlace
        try Self.readRegularization(root, optimizer, &settings)
        settings.precision = try root.choice("precision", default: TrainingPrecision.float32)
        if settings.precision == .float16, optimizer.evaluatesRepeatedly {
            throw root.error(
                "precision",
                "float32 or bfloat16 beside \(optimizer.kind == .lbfgs ? "lbfgs" : "sam"), which takes several "
                    + "gradients for a step", root.value("precision"))
        }
        var (figure, kept): (NamedFigure?, NamedFigure?)
        (settings.earlyStopping, statistics, best) = try root.section("callbacks") { map in
            let stopping = try map.optionalSection("early_stopping", shorthand: "patience") { part in
                let patience = try part.count("patience", atLeast: 1)
                figure = try part.monitor(among: monitored)
                return EarlyStopping(
                    patience: patience, goal: figure?.figure.goal ?? .lowest,
                    minimumChange: try part.number("minimum_change", default: 0, in: .notNegative))
            }
            let every = try map.optionalSection("statistics", shorthand: "every") { part in
                try part.count("every", default: 100, atLeast: 1)
            }
            let best = try map.optionalSection("keep_best", shorthand: "monitor") { part in
                try part.monitor(
                    among: monitored, default: monitored.contains("validation_loss") ? "validation_loss" : "train_loss")
            }
            kept = best ?? nil
            return (stopping, every, kept?.figure)
        }
        settings.stoppingFigure = figure?.figure
        self.monitored = [figure, kept].compactMap(\.self)
        self.settings = settings
    }

    private static func readRegularization(
        _ root: RecipeMap, _ optimizer: OptimizerRecipe, _ settings: inout TrainingSettings
    ) throws {
        try root.section("regularization") { map in
            let clipping = ["clip_norm", "clip_value", "adaptive_clipping", "gradient_noise"]
            if optimizer.kind == .lbfgs, let key = clipping.first(where: map.has) {
                throw map.error(key, "none beside lbfgs, which needs gradients as they are", map.value(key))
            }
            if optimizer.averagesWeights, map.has("average") {
                throw map.error(
                    "average", "none beside \(optimizer.kind.rawValue), which averages the weights itself",
                    map.value("average"))
            }
            settings.gradientNormLimit = try map.optionalNumber("clip_norm", in: .positive)
            settings.gradientValueLimit = try map.optionalNumber("clip_value", in: .positive)
            settings.adaptiveClipping = try map.optionalNumber("adaptive_clipping", in: .positive)
            settings.gradientNoise = try map.optionalSection("gradient_noise", shorthand: "variance") { part in
                GradientNoise(
                    variance: try part.number("variance", default: 0.01, in: .notNegative),
                    power: try part.number("power", default: 0.55, in: .notNegative))
            }
            settings.average = try map.optionalSection("average", shorthand: "kind") { part in
                switch try part.choice("kind", default: AverageSettings.Kind.exponential) {
                case .exponential:
                    .exponential(
                        decay: try part.number("decay", default: 0.999, in: 0...1),
                        warmsUp: try part.flag("warms_up", default: true))
                case .equal: .equal(fromEpoch: try part.count("start_epoch", default: 1, atLeast: 1))
                }
            }
        }
    }
}
