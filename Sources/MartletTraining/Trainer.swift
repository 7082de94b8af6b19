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
    /// The learning rate by step; nil leaves the optimizer's own.
    public let schedule: (any Schedule)?
    /// How long to train, and what to keep.
    public let settings: TrainingSettings
    /// Who follows the run.
    public var observers: [any TrainingObserver] = []
    let loss: (Tensor, Tensor) -> Tensor
    let totals = EpochTotals()
    let step: CompiledFunction<Tensor, Tensor, Tensor>

    /// A trainer of a model.
    ///
    /// - Parameters:
    ///   - loss: maps outputs and labels to the mean loss of a batch.
    public init(
        _ model: any Layer, _ optimizer: Optimizer, schedule: (any Schedule)? = nil,
        settings: TrainingSettings = TrainingSettings(),
        loss: @escaping (Tensor, Tensor) -> Tensor = { crossEntropy($0, $1) }
    ) {
        (self.model, self.optimizer, self.schedule) = (model, optimizer, schedule)
        (self.settings, self.loss) = (settings, loss)
        let totals = totals
        step = compile(updating: TrainedState(holders: [model, optimizer, totals])) {
            (inputs: Tensor, labels: Tensor) in
            optimizer.zeroGradients()
            let outputs = model(inputs)
            let batchLoss = loss(outputs, labels)
            batchLoss.backward()
            if let limit = settings.gradientNormLimit { clipGradientNorm(model.parameters, to: limit) }
            optimizer.step()
            totals.add(batchLoss, outputs: outputs, labels: labels)
            return batchLoss.detached()
        }
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
    var stateSlots: [StateSlot] { holders.flatMap(\.stateSlots) }
    var stateNumbers: [StateNumber] { holders.flatMap(\.stateNumbers) }
}
