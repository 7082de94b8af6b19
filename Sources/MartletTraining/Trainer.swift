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
    /// What of the optimizer follows schedules: the learning rate, the momentum, the weight decay.
    public let schedules: ScheduledSettings
    /// The learning rate by how the validation loss goes, else the training loss; the schedules' rate does not count then.
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
    let totals = EpochTotals()
    let scaler: LossScaler?
    let average: WeightAverage?
    private let noiseDeviation: StateNumber
    let step: CompiledFunction<Tensor, Tensor, Tensor>

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
    ///   - plateau: the learning rate by how the loss goes, in place of a schedule.
    ///   - statistics: what looks at the model's layers every so many steps; observers are told.
    ///   - loss: maps outputs and labels to the mean loss of a batch.
    public init(
        _ model: any Layer, _ optimizer: Optimizer, schedules: ScheduledSettings, plateau: ReduceOnPlateau? = nil,
        statistics: LayerStatistics? = nil, settings: TrainingSettings = TrainingSettings(),
        loss: @escaping (Tensor, Tensor) -> Tensor = { crossEntropy($0, $1) }
    ) {
        (self.model, self.optimizer, self.schedules, self.plateau) = (model, optimizer, schedules, plateau)
        (self.settings, self.loss) = (settings, loss)
        let average = settings.average.map { WeightAverage(of: model, $0.form) }
        let noise = StateNumber(0)
        let totals = totals
        (self.average, noiseDeviation, self.statistics) = (average, noise, statistics)
        let scaler = settings.precision == .float16 ? LossScaler(optimizer) : nil
        self.scaler = scaler
        let holders: [(any StateHolder)?] = [model, optimizer, totals, average, scaler, statistics]
        let state = TrainedState(holders: holders.compactMap(\.self), numbers: [noise])
        step = compile(updating: state) { (inputs: Tensor, labels: Tensor) in
            optimizer.zeroGradients()
            let forward = { settings.precision.running { model(inputs) } }
            let outputs = statistics?.watch(forward) ?? forward()
            let batchLoss = settings.precision.running { loss(outputs, labels) }
            if let scaler { scaler.backward(batchLoss) } else { batchLoss.backward() }
            scaler?.unscale()
            statistics?.collect()
            settings.limitGradients(of: model.parameters)
            if settings.gradientNoise != nil {
                GradientNoise.add(to: model.parameters, deviation: Tensor(noise.value()))
            }
            if let scaler { scaler.step() } else { optimizer.step() }
            if settings.average?.kind == .exponential { average?.update() }
            // A step that overflowed float16 was not taken: its loss says nothing of the run.
            let counted =
                scaler == nil ? batchLoss : `where`(batchLoss.isFinite(), batchLoss, Tensor.zeros(like: batchLoss))
            totals.add(counted, outputs: outputs, labels: labels)
            return batchLoss.detached()
        }
    }

    /// Sets what schedules and noise say for the step after `count` steps.
    func prepareStep(after count: Int) {
        schedules.apply(to: optimizer, step: count)
        if let noise = settings.gradientNoise { noiseDeviation.current = noise.deviation(count) }
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
    /// - Throws: `NonFiniteLoss`; what a loader throws; `FileError` where the folder cannot be written or its
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

/// Several holders of state as one.
private struct TrainedState: StateHolder {
    let holders: [any StateHolder]
    let numbers: [StateNumber]
    var stateSlots: [StateSlot] { holders.flatMap(\.stateSlots) }
    var stateNumbers: [StateNumber] { numbers + holders.flatMap(\.stateNumbers) }
}

extension TrainingSettings {
    /// Clips as the settings say: first each element, then each unit, then all together.
    fileprivate func limitGradients(of parameters: [Parameter]) {
        if let gradientValueLimit { clipGradientValue(parameters, to: gradientValueLimit) }
        if let adaptiveClipping { clipGradientsAdaptively(parameters, to: adaptiveClipping) }
        if let gradientNormLimit { clipGradientNorm(parameters, to: gradientNormLimit) }
    }
}
