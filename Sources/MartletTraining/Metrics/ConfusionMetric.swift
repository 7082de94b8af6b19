import MartletTensor

/// A metric that is a figure of the confusion matrix.
public protocol ConfusionMetric: Metric {
    /// The counts so far.
    var matrix: ConfusionMatrix { get set }
}

extension ConfusionMetric {
    public mutating func update(_ batch: MetricBatch) throws(MetricError) { try matrix.add(batch) }
    public mutating func merge(_ other: Self) { matrix.add(other.matrix) }
}

extension ConfusionMatrix {
    /// Counts the examples of a batch.
    ///
    /// - Throws: ``MetricError`` where the batch is of other classes; then nothing is counted.
    public mutating func add(_ batch: MetricBatch) throws(MetricError) {
        try batch.expectClasses(classes)
        for (predicted, actual) in zip(batch.predicted, batch.labels) { add(predicted: predicted, actual: actual) }
    }
}

/// The share of the examples that are right.
///
/// As scikit-learn's `accuracy_score`.
public struct Accuracy: Metric {
    /// The examples that were right.
    public private(set) var correct = 0
    /// All examples.
    public private(set) var count = 0

    /// Without an example yet.
    public init() {}

    public mutating func update(_ batch: MetricBatch) throws(MetricError) {
        guard batch.form != .values else {
            throw MetricError("outputs", expected: "answers about classes", found: "values")
        }
        correct += zip(batch.predicted, batch.labels).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
        count += batch.count
    }

    public mutating func merge(_ other: Accuracy) {
        correct += other.correct
        count += other.count
    }

    public var value: Double { Double(correct) / Double(count) }
}

/// The share of the examples whose class is among the k with the largest numbers; of equal numbers the higher class comes
/// first, where ``Accuracy`` takes the lower one.
///
/// As scikit-learn's `top_k_accuracy_score`.
public struct TopKAccuracy: Metric {
    /// How many classes an example may name.
    public let k: Int
    /// The examples that were right.
    public private(set) var correct = 0
    /// All examples.
    public private(set) var count = 0

    /// Without an example yet.
    public init(k: Int) {
        guard k > 0 else { stop("TopKAccuracy: k must be at least 1, it is \(k)") }
        self.k = k
    }

    public mutating func update(_ batch: MetricBatch) throws(MetricError) {
        let classes = try batch.expectScores(of: "the top \(k)")
        // One number for two classes: the first choice or both.
        let scores = batch.width == 1 ? batch.probabilities : batch.outputs
        for (index, label) in batch.labels.enumerated() {
            let row = scores[(index * classes)..<((index + 1) * classes)]
            let own = row[row.startIndex + label]
            let ahead = row.enumerated().reduce(0) { $0 + (isAhead($1, of: own, label) ? 1 : 0) }
            if !own.isNaN, ahead < k { correct += 1 }
        }
        count += batch.count
    }

    private func isAhead(_ other: (offset: Int, element: Double), of own: Double, _ label: Int) -> Bool {
        !(other.element <= own) || (other.element == own && other.offset > label)
    }

    public mutating func merge(_ other: TopKAccuracy) {
        guard other.k == k else { stop("TopKAccuracy.merge: the top \(other.k) are not the top \(k)") }
        correct += other.correct
        count += other.count
    }

    public var value: Double { Double(correct) / Double(count) }
}
