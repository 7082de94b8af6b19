import MartletTensor

/// A figure of a model's answers that is gathered batch by batch.
///
///     var f1 = FScore(classes: 10, average: .macro)
///     for batch in loader { try f1.update(logits: model(batch.inputs), labels: batch.labels) }
///     print(f1.value)
///
/// What is kept are counts, exact sums or the scores themselves, so that a figure has the same bits however the examples
/// are cut into batches, in whatever order they come, and however many workers gathered parts of it. The one exception are
/// the logits themselves: a network may round them otherwise in a batch of another size.
///
/// A figure is not a number where its definition has no answer: before the first example, or an area under a curve with
/// examples of one class only.
public protocol Metric: Sendable, Equatable {
    /// Takes in a batch.
    ///
    /// - Throws: ``MetricError`` where the batch's numbers do not suit the metric; then nothing is taken in.
    mutating func update(_ batch: MetricBatch) throws(MetricError)
    /// Takes in what another worker gathered.
    mutating func merge(_ other: Self)
    /// The figure over all examples so far.
    var value: Double { get }
}

extension Metric {
    /// Takes in a model's logits and classes.
    ///
    /// ## Shapes
    /// - logits: `[batch, classes]`; `[batch]` or `[batch, 1]` for the logit of class 1 of two
    /// - labels: `[batch]`
    public mutating func update(logits: Tensor, labels: Tensor) throws {
        try update(MetricBatch(logits: logits, labels: labels))
    }

    /// Takes in probabilities and classes, with the shapes of ``update(logits:labels:)``.
    public mutating func update(probabilities: Tensor, labels: Tensor) throws {
        try update(MetricBatch(probabilities: probabilities, labels: labels))
    }

    /// Takes in numbers and what they should have been, both `[batch]` or `[batch, columns]`.
    public mutating func update(values: Tensor, targets: Tensor) throws {
        try update(MetricBatch(values: values, targets: targets))
    }

    /// Takes in classes and what they should have been.
    public mutating func update(predicted: [Int], labels: [Int]) throws(MetricError) {
        try update(MetricBatch(predicted: predicted, labels: labels))
    }

    /// Takes in numbers and what they should have been.
    public mutating func update(values: [Double], targets: [Double]) throws(MetricError) {
        try update(MetricBatch(values: values, targets: targets))
    }
}

/// A batch whose numbers a metric cannot take.
public struct MetricError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field: `labels`, `outputs`.
    public let field: String
    /// The example of the batch, from 0 on, where one is to blame.
    public let index: Int?
    /// What would have been right.
    public let expected: String
    /// What was there instead.
    public let found: String

    package init(_ field: String, at index: Int? = nil, expected: String, found: String) {
        (self.field, self.index, self.expected, self.found) = (field, index, expected, found)
    }

    /// One line: field, example, expectation, finding.
    public var description: String {
        "metric: \(field)\(index.map { " of example \($0)" } ?? ""): expected \(expected), found \(found)"
    }
}
