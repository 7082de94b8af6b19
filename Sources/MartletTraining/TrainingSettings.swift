/// How long a run goes on and what it keeps.
public struct TrainingSettings: Codable, Equatable, Sendable {
    /// Times that the training data is gone through.
    public var epochs: Int
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
    /// Ends the run when it gets no better.
    public var earlyStopping: EarlyStopping?

    /// Settings; the defaults train ten epochs with a checkpoint after each, and another every 30 seconds.
    public init(
        epochs: Int = 10, checkpointSteps: Int? = nil, checkpointSeconds: Double? = 30, keptCheckpoints: Int = 3,
        stopsAtNonFiniteLoss: Bool = true, gradientNormLimit: Double? = nil, earlyStopping: EarlyStopping? = nil
    ) {
        self.epochs = epochs
        self.checkpointSteps = checkpointSteps
        self.checkpointSeconds = checkpointSeconds
        self.keptCheckpoints = keptCheckpoints
        self.stopsAtNonFiniteLoss = stopsAtNonFiniteLoss
        self.gradientNormLimit = gradientNormLimit
        self.earlyStopping = earlyStopping
    }
}

/// Ends a run after so many epochs without a better loss.
///
/// What it watches is the validation loss where there is one, else the training loss: never the test data. It decides by
/// the record of the epochs alone, so that a resumed run ends where the other would have.
public struct EarlyStopping: Codable, Equatable, Sendable {
    /// Epochs without a better loss.
    public var patience: Int
    /// A loss is better if it is lower by more than this.
    public var minimumGain: Double

    /// Ends after `patience` epochs in a row without a loss lower by more than `minimumGain`.
    public init(patience: Int, minimumGain: Double = 0) {
        self.patience = patience
        self.minimumGain = minimumGain
    }

    /// Whether the run ends after these epochs.
    public func isDue(after history: [MetricsRecord]) -> Bool {
        var (best, waited) = (Double.infinity, 0)
        for record in history {
            let loss = record.validationLoss ?? record.trainLoss
            if loss < best - minimumGain { (best, waited) = (loss, 0) } else { waited += 1 }
        }
        return waited >= patience
    }
}
