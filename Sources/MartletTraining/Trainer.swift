import MartletData
import MartletNN
import MartletOptim
import MartletTensor

/// Trains a model: epochs, measurements, checkpoints, and exact continuation.
///
///     let trainer = Trainer(model, Adam(model.parameters, learningRate: 1e-3))
///     let outcome = try trainer.fit(loader, test: testLoader, in: folder)
///
/// A step is traced once and runs as a fixed plan. Nothing is read back on the way but for observers, and every
/// ``lossCheckInterval`` steps to see whether the loss is still a number.
///
/// A run that was killed at any moment and resumed in its folder ends with the same parameters, bit by bit, as one that
/// was not: a checkpoint holds everything that the future depends on, and where one is taken changes no number.
public final class Trainer {
    /// Steps between two looks at the loss.
    public static let lossCheckInterval = 64

    /// What is trained.
    public let model: any Layer
    /// What renews its parameters.
    public let optimizer: Optimizer
    /// What of the optimizer follows schedules: the learning rate (unless a plateau sets it), the momentum, the weight decay.
    public let schedules: ScheduledSettings
    /// The learning rate by how the validation loss goes, else the training loss.
    public let plateau: ReduceOnPlateau?
    /// How long to train, and what to keep.
    public let settings: TrainingSettings
    /// Texts that go into each checkpoint's header: what it takes to use the model.
    public var notes: [String: String] = [:]
    /// Who follows the run.
    public var observers: [any TrainingObserver] = []
    /// Maps outputs and labels to the mean loss of a batch.
    public let loss: (Tensor, Tensor) -> Tensor
    /// What looks at the layers every so many steps; nil for nothing.
    public let statistics: LayerStatistics?
    /// What is measured of held-out data after each epoch besides loss and accuracy; nil for nothing.
    public var metrics: HeldOutMetrics?
    /// What keeps the weights of the best epoch; nil for nothing.
    public var best: BestEpoch?
    let totals = EpochTotals()
    let scaler: LossScaler?
    let average: WeightAverage?
    private let computation: StepComputation
    /// The learning rates that groups began with: a plateau keeps their ratios.
    private let initialRates: [Double]

    /// A trainer of a model.
    ///
    /// - Parameters:
    ///   - schedule: the learning rate by step; nil leaves the optimizer's own.
    ///   - loss: maps outputs and labels to the mean loss of a batch.
    public convenience init(
        _ model: any Layer, _ optimizer: Optimizer, schedule: (any Schedule)? = nil,
        settings: TrainingSettings = TrainingSettings(),
        loss: @escaping (Tensor, Tensor) -> Tensor = { crossEntropy($0, $1) }
    ) {
        self.init(
            model, optimizer, schedules: ScheduledSettings(learningRate: schedule), settings: settings, loss: loss)
    }

    /// A trainer of a model whose optimizer follows schedules.
    ///
    /// - Parameters:
    ///   - plateau: the learning rate by how the loss goes, in place of the schedules' own.
    ///   - statistics: what looks at the model's layers every so many steps; observers are told.
    ///   - loss: maps outputs and labels to the mean loss of a batch.
    public init(
        _ model: any Layer, _ optimizer: Optimizer, schedules: ScheduledSettings, plateau: ReduceOnPlateau? = nil,
        statistics: LayerStatistics? = nil, settings: TrainingSettings = TrainingSettings(),
        loss: @escaping (Tensor, Tensor) -> Tensor = { crossEntropy($0, $1) }
    ) {
        var schedules = schedules
        if plateau != nil { schedules.learningRates = [] }
        (self.model, self.optimizer, self.schedules, self.plateau) = (model, optimizer, schedules, plateau)
        (self.settings, self.loss, self.statistics) = (settings, loss, statistics)
        Self.check(optimizer, settings)
        average = settings.average.map { WeightAverage(of: model, $0.form) }
        scaler = settings.precision == .float16 ? LossScaler(optimizer) : nil
        initialRates = optimizer.groups.map(\.learningRate)
        computation = StepComputation(
            model, optimizer, settings, statistics, totals: totals, average: average, scaler: scaler, loss: loss)
    }

    /// Stops where settings do not go with the optimizer.
    private static func check(_ optimizer: Optimizer, _ settings: TrainingSettings) {
        if settings.accumulatedBatches < 1 {
            stop("Trainer: a step needs at least 1 batch, accumulatedBatches is \(settings.accumulatedBatches)")
        }
        if optimizer is LBFGS, settings.changesGradients {
            stop("Trainer: LBFGS needs gradients that belong to their losses; leave out clipping and noise")
        }
        if optimizer.hasEvaluationWeights, settings.average != nil {
            stop("Trainer: \(type(of: optimizer)) has an average of the weights itself; leave out the other one")
        }
    }

    /// Sets what schedules and noise say for the step after `count` steps.
    private func prepareStep(after count: Int) {
        schedules.apply(to: optimizer, step: count)
        if let noise = settings.gradientNoise { computation.noise.current = noise.deviation(count) }
    }

    /// Takes one step for these batches; `count` steps were taken before.
    ///
    /// - Throws: what went wrong where it cannot be computed; ``PersistentOverflow``, or `DataError` for inputs that are no
    ///   numbers, where float16 passes over steps for good.
    func takeStep(_ batches: [Batch], after count: Int) throws {
        prepareStep(after: count)
        try computation.run(batches)
        if let scaler {
            let scale = scaler.scale
            guard scaler.update() else {
                statistics?.discard()
                return try examineOverflow(batches, step: count + 1, scale: scale)
            }
            try computation.renewAverage()
        }
        if let report = statistics?.advance(step: count + 1) {
            for observer in observers { observer.layersWereMeasured(report) }
        }
    }

    /// Sets the rate of each group for a rate that fell on plateaus, keeping their ratios.
    func follow(_ rate: Double, from first: Double) {
        guard let common = initialRates.first, initialRates.contains(where: { $0 != common }) else {
            optimizer.learningRate = rate
            return
        }
        for (group, initial) in zip(optimizer.groups, initialRates) { group.learningRate = initial * (rate / first) }
    }

    /// How a run ended.
    public struct Outcome: Sendable {
        /// The reasons for an end.
        public enum End: Sendable, Equatable {
            /// All epochs are done.
            case finished
            /// ``EarlyStopping`` ended it.
            case stoppedEarly
            /// Someone wanted it to end; the checkpoint is on the disk where there is a run folder.
            case interrupted
        }
        /// Why it ended.
        public let end: End
        /// The optimizer's steps since the run began.
        public let steps: Int
        /// Every epoch's figures, those before a resumption too.
        public let history: [MetricsRecord]
        /// The last measurement of the test data, of this process.
        public let test: Evaluation?
    }

    /// Trains for the epochs of the settings.
    ///
    /// - Parameters:
    ///   - train: what to learn from.
    ///   - validation: what to choose by, measured after each epoch.
    ///   - test: what to be judged by, measured after each epoch.
    ///   - folder: where metrics and checkpoints go; nil keeps nothing.
    ///   - resumes: goes on from the folder's newest checkpoint; from the start where it has none.
    ///   - isInterrupted: asked after each step: true saves and ends the run.
    /// - Throws: `NonFiniteLoss` or `PersistentOverflow`; what a loader throws, and `DataError` where its batches cannot be
    ///   trained on; `FileError` where the folder cannot be written or its
    ///   checkpoint belongs to something else; what went wrong where a step cannot be computed: then the folder's
    ///   checkpoints are as the last save left them.
    public func fit(
        _ train: DataLoader, validation: DataLoader? = nil, test: DataLoader? = nil, in folder: RunFolder? = nil,
        resumes: Bool = false, isInterrupted: () -> Bool = { false }
    ) throws -> Outcome {
        let run = try TrainingRun(self, train, validation: validation, test: test, folder: folder, resumes: resumes)
        return try run.run(isInterrupted: isInterrupted)
    }
}
