import MartletNN
import MartletOptim
import MartletTensor

/// How long a run goes on and what it keeps.
public struct TrainingSettings: Codable, Equatable, Sendable {
    /// Times that the training data is gone through.
    public var epochs: Int
    /// Batches whose gradients one step averages, each example weighing the same; an epoch's last step has what is left.
    public var accumulatedBatches: Int
    /// A checkpoint after so many steps, besides the one after each epoch; nil for none.
    public var checkpointSteps: Int?
    /// A checkpoint when so many seconds went by since the last one; nil for none.
    public var checkpointSeconds: Double?
    /// The newest checkpoints that are kept.
    public var keptCheckpoints: Int
    /// Ends the run with ``NonFiniteLoss`` where the loss is infinite or not a number; otherwise it goes on.
    public var stopsAtNonFiniteLoss: Bool
    /// Gradients are scaled so that their common norm is at most this; nil leaves them.
    public var gradientNormLimit: Double?
    /// Every element of the gradients is moved into [-limit, limit]; nil leaves them.
    public var gradientValueLimit: Double?
    /// Each unit's gradient is at most this times the unit's weights, in norm; nil leaves them.
    public var adaptiveClipping: Double?
    /// Noise on the gradients, after clipping.
    public var gradientNoise: GradientNoise?
    /// Ends the run when the validation loss, or the training loss where there is no other, gets no better: never by the test
    /// data.
    public var earlyStopping: EarlyStopping?
    /// The figure that ends the run early, in place of that loss; which figures are better follows from it.
    public var stoppingFigure: MonitoredFigure?
    /// The figure that a plateau of the trainer goes by, in place of that loss.
    public var plateauFigure: MonitoredFigure?
    /// The average of the weights that is measured, and left in the model at the end.
    public var average: AverageSettings?
    /// The type that products are computed in.
    public var precision: TrainingPrecision

    /// Settings; the defaults train ten epochs with a checkpoint after each, and another every 30 seconds.
    public init(
        epochs: Int = 10, checkpointSteps: Int? = nil, checkpointSeconds: Double? = 30, keptCheckpoints: Int = 3,
        stopsAtNonFiniteLoss: Bool = true, gradientNormLimit: Double? = nil, gradientValueLimit: Double? = nil,
        adaptiveClipping: Double? = nil, gradientNoise: GradientNoise? = nil, earlyStopping: EarlyStopping? = nil,
        average: AverageSettings? = nil, precision: TrainingPrecision = .float32, accumulatedBatches: Int = 1
    ) {
        self.epochs = epochs
        self.accumulatedBatches = max(1, accumulatedBatches)
        self.checkpointSteps = checkpointSteps
        self.checkpointSeconds = checkpointSeconds
        self.keptCheckpoints = keptCheckpoints
        self.stopsAtNonFiniteLoss = stopsAtNonFiniteLoss
        self.gradientNormLimit = gradientNormLimit
        self.gradientValueLimit = gradientValueLimit
        self.adaptiveClipping = adaptiveClipping
        self.gradientNoise = gradientNoise
        self.earlyStopping = earlyStopping
        self.average = average
        self.precision = precision
    }
}

extension TrainingSettings {
    /// Whether gradients are clipped or made noisy between `backward()` and the optimizer's step.
    var changesGradients: Bool {
        gradientNormLimit != nil || gradientValueLimit != nil || adaptiveClipping != nil || gradientNoise != nil
    }
}

/// An average of the weights, beside the weights that are trained.
public struct AverageSettings: Codable, Equatable, Sendable {
    /// Which average.
    public enum Kind: String, Codable, CaseIterable, Sendable {
        /// After each step, the latest weights the most: EMA.
        case exponential
        /// After each epoch, all alike, with the batch normalisations' statistics gathered anew at the end: SWA.
        case equal
    }
    /// Which average.
    public var kind: Kind
    /// The part of an exponential average that a step keeps.
    public var decay: Double
    /// Whether the first steps are forgotten sooner.
    public var warmsUp: Bool
    /// The first epoch, from 1 on, whose weights join an equal average.
    public var startEpoch: Int

    /// The latest weights the most.
    public static func exponential(decay: Double = 0.999, warmsUp: Bool = true) -> AverageSettings {
        AverageSettings(kind: .exponential, decay: decay, warmsUp: warmsUp, startEpoch: 1)
    }

    /// All epochs alike, from one on.
    public static func equal(fromEpoch start: Int) -> AverageSettings {
        AverageSettings(kind: .equal, decay: 0, warmsUp: false, startEpoch: start)
    }

    package var form: WeightAverage.Form {
        kind == .equal ? .equal : .exponential(decay: decay, warmsUp: warmsUp)
    }
}

/// The type that a run's products are computed in; parameters stay in float32.
public enum TrainingPrecision: String, Codable, CaseIterable, Sendable {
    /// As the parameters are.
    case float32
    /// Half the bits with float32's range.
    case bfloat16
    /// Half the bits with more digits and less range: losses are scaled, and a step that overflows is left out.
    case float16

    /// Runs a model under ``autocast(_:isEnabled:_:)`` where it says so.
    package func running<Result>(_ body: () throws -> Result) rethrows -> Result {
        switch self {
        case .float32: try body()
        case .bfloat16: try autocast(.bfloat16, body)
        case .float16: try autocast(.float16, body)
        }
    }
}

extension TrainingSettings {
    /// Clips gradients as the settings say: first each element, then each unit, then all together.
    package func clipGradients(of parameters: [Parameter]) {
        if let limit = gradientValueLimit { clipGradientValue(parameters, to: limit) }
        if let limit = adaptiveClipping { clipGradientsAdaptively(parameters, to: limit) }
        if let limit = gradientNormLimit { clipGradientNorm(parameters, to: limit) }
    }
}

extension EarlyStopping {
    /// Whether a run ends after these epochs, by a figure, else by its validation loss or, without one, its training loss.
    public func isDue(after history: [MetricsRecord], by figure: MonitoredFigure? = nil) -> Bool {
        var watch = EarlyStopping(patience: patience, goal: figure?.goal ?? .lowest, minimumChange: minimumChange)
        for record in history { _ = watch.observe(record.watched(figure)) }
        return watch.shouldStop
    }
}
