import MartletData
import MartletNN
import MartletTensor

/// How well a model answers on held-out data.
public struct Evaluation: Sendable {
    /// An example that was taken for another class.
    public struct Mistake: Equatable, Sendable {
        /// The example's index in the data.
        public let index: Int
        /// The class that its label says.
        public let actual: Int
        /// The class that the model took it for.
        public let predicted: Int
        /// The probability that the model gave to `predicted`.
        public let probability: Double
    }

    /// The mean loss over the examples.
    public var loss: Double
    /// Examples measured.
    public var count: Int
    /// Counts by class; nil where labels are no classes.
    public var confusion: ConfusionMatrix?
    /// The mistakes, the most confident first, ties by index.
    public var mistakes: [Mistake]

    /// The figures of the metrics that were asked for.
    public var metrics: [MetricName: Double] = [:]

    /// The share that was right; nil where labels are no classes.
    public var accuracy: Double? { confusion?.accuracy }
}

extension Layer {
    /// Measures the model on data, in evaluation mode; its mode is the former one afterwards.
    ///
    /// - Parameters:
    ///   - loader: the data, gone through once.
    ///   - loss: maps outputs and labels to the mean loss of a batch.
    ///   - metrics: what is measured besides; nil for nothing.
    ///   - didMeasure: called after each batch.
    /// - Throws: what `DataLoader.finish()` throws, and what went wrong where a batch cannot be computed; ``MetricError``
    ///   where metrics do not suit the data.
    public func evaluate(
        on loader: DataLoader, loss: (Tensor, Tensor) -> Tensor = { crossEntropy($0, $1) },
        metrics: HeldOutMetrics? = nil, didMeasure: () -> Void = {}
    ) throws -> Evaluation {
        let modes = modeSwitches.map { ($0, $0.isTraining) }
        eval()
        defer { for (mode, isTraining) in modes { mode.isTraining = isTraining } }
        var tally = EvaluationTally(classes: loader.dataset.classCount)
        var gathered = try metrics?.start(classes: loader.dataset.classCount)
        for batch in loader {
            try withoutGradient {
                let outputs = self(batch.inputs)
                try tally.add(batch, outputs: outputs, loss)
                try gathered?.update(outputs: outputs, labels: batch.labels)
            }
            didMeasure()
        }
        try loader.finish()
        var evaluation = tally.evaluation
        evaluation.metrics = gathered?.values ?? [:]
        return evaluation
    }
}

/// Sums over batches; a batch's figures are read together, once.
private struct EvaluationTally {
    private var loss = 0.0
    private var count = 0
    /// The classes of the data; nil where it has none.
    private let classes: Int?
    private var confusion: ConfusionMatrix?
    private var mistakes: [Evaluation.Mistake] = []

    init(classes: Int?) { self.classes = classes }

    mutating func add(_ batch: Batch, outputs: Tensor, _ loss: (Tensor, Tensor) -> Tensor) throws {
        let batchLoss = loss(outputs, batch.labels)
        count += batch.count
        guard let classes, isClasses(batch.labels, outputs) else {
            self.loss += try batchLoss.checkedItem(as: Double.self) * Double(batch.count)
            return
        }
        // A model may know more classes than the data has.
        var matrix = confusion ?? ConfusionMatrix(classes: max(classes, classCount(of: outputs)))
        defer { confusion = matrix }
        let answers = predictedClasses(outputs)
        let best =
            outputs.shape[1] == 1 ? outputs.squeeze(axis: 1).abs().sigmoid() : outputs.softmax(axis: 1).max(axis: 1)
        self.loss += try batchLoss.checkedItem(as: Double.self) * Double(batch.count)
        let (shares, predicted) = (try best.checkedArray(as: Double.self), try answers.checkedArray(as: Int.self))
        let actual = try batch.labels.checkedArray(as: Int.self)
        for (row, index) in batch.indices.enumerated() {
            matrix.add(predicted: predicted[row], actual: actual[row])
            guard predicted[row] != actual[row] else { continue }
            mistakes.append(
                Evaluation.Mistake(
                    index: index, actual: actual[row], predicted: predicted[row], probability: shares[row]))
        }
    }

    var evaluation: Evaluation {
        Evaluation(
            loss: loss / Double(count), count: count,
            confusion: confusion ?? classes.map { ConfusionMatrix(classes: $0) },
            mistakes: mistakes.sorted { ($1.probability, $0.index) < ($0.probability, $1.index) })
    }
}
