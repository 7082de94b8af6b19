import MartletTensor

/// Sums over the batches of an epoch, kept where the step leaves them: reading is up to whoever wants a figure.
final class EpochTotals: StateHolder {
    /// Σ loss · batch size, float64: a sum over an epoch of float32 would lose digits.
    private let loss = StateSlot()
    /// The examples that were right, float64.
    private let correct = StateSlot()

    init() { clear() }

    var stateSlots: [StateSlot] { [loss, correct] }
    var stateNumbers: [StateNumber] { [] }

    /// Starts an epoch.
    func clear() {
        loss.tensor = onNoDevice { Tensor.zeros([], dtype: .float64) }
        correct.tensor = onNoDevice { Tensor.zeros([], dtype: .float64) }
    }

    /// Adds a batch.
    ///
    /// ## Shapes
    /// - batchLoss: `[]`, the mean over the batch
    /// - outputs: `[batch, classes]`, or `[batch, 1]` for the logit of the second of two; where labels are no classes nothing is
    ///   counted as right
    /// - labels: `[batch]` for classes
    func add(_ batchLoss: Tensor, outputs: Tensor, labels: Tensor) {
        withoutGradient {
            guard let lossSoFar = loss.tensor, let correctSoFar = correct.tensor else {
                stop("EpochTotals.add: there are no sums")
            }
            loss.tensor = lossSoFar + batchLoss.detached().to(dtype: .float64) * Double(labels.shape[0])
            guard let classes = Self.classes(labels, outputs) else { return }
            let hits = predictedClasses(outputs.detached()) .== classes
            correct.tensor = correctSoFar + hits.sum().to(dtype: .float64)
        }
    }

    /// The labels' classes; of mixed labels, the class that weighs most. Nil where they are none.
    private static func classes(_ labels: Tensor, _ outputs: Tensor) -> Tensor? {
        if isClasses(labels, outputs) { return labels.to(dtype: .int64) }
        guard labels.dtype.isFloatingPoint, labels.rank == 2, labels.shape[1] > 1, labels.shape == outputs.shape
        else { return nil }
        return labels.argmax(axis: 1).to(dtype: .int64)
    }

    /// The sums now: waits for the steps that were handed in, and throws where they cannot be computed.
    var sums: (loss: Double, correct: Double) {
        get throws {
            (
                try loss.tensor?.checkedItem(as: Double.self) ?? .nan,
                try correct.tensor?.checkedItem(as: Double.self) ?? .nan
            )
        }
    }

    /// The sums as a checkpoint keeps them.
    var state: [String: Tensor] {
        get { ["loss": loss, "correct": correct].compactMapValues(\.tensor) }
        set { (loss.tensor, correct.tensor) = (newValue["loss"], newValue["correct"]) }
    }
}

/// Whether labels name one class for each row of the outputs.
func isClasses(_ labels: Tensor, _ outputs: Tensor) -> Bool {
    labels.rank == 1 && !labels.dtype.isFloatingPoint && outputs.rank == 2
}

/// The class that each row of the outputs stands for: of one column the sign of a logit says it, of several the largest.
func predictedClasses(_ outputs: Tensor) -> Tensor {
    outputs.shape[1] == 1
        ? (outputs.squeeze(axis: 1) .> 0).to(dtype: .int64) : outputs.argmax(axis: 1).to(dtype: .int64)
}

/// How many classes the rows of the outputs tell apart.
func classCount(of outputs: Tensor) -> Int { max(2, outputs.shape[1]) }
