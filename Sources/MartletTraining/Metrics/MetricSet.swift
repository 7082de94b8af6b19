import MartletData
import MartletNN
import MartletTensor

/// Several metrics by their names, gathered together.
///
///     var metrics = try MetricSet([.accuracy, .top5, .f1Macro], classes: 1000)
///     for batch in loader { try metrics.update(outputs: model(batch.inputs), labels: batch.labels) }
///     print(metrics.values)
///
/// A batch is read once for all of them.
public struct MetricSet: Sendable {
    /// The names, in the order that was asked for.
    public let names: [MetricName]
    /// What they are about.
    public let task: MetricName.Task
    private var metrics: [any Metric]

    /// Metrics without an example yet.
    ///
    /// - Parameters:
    ///   - names: classification or regression, not both; a name twice counts once.
    ///   - classes: the classes that there are; nil for regression.
    /// - Throws: ``MetricError`` where names do not go together, or need another number of classes.
    public init(_ names: [MetricName], classes: Int? = nil) throws(MetricError) {
        var met = Set<MetricName>()
        self.names = names.filter { met.insert($0).inserted }
        task = names.first?.task ?? .classification
        if let other = names.first(where: { $0.task != names[0].task }) {
            throw MetricError(
                "metrics", expected: "all of \(task.rawValue), as \(names[0].rawValue) is",
                found: "\(other.rawValue), of \(other.task.rawValue)")
        }
        metrics = []
        for name in self.names { metrics.append(try name.makeMetric(classes: classes)) }
    }

    /// Takes in a model's outputs: logits where the metrics are about classes, numbers otherwise.
    ///
    /// ## Shapes
    /// - outputs: `[batch, classes]`, `[batch, 1]` or `[batch]`
    /// - labels: `[batch]` for classes, else like the outputs
    public mutating func update(outputs: Tensor, labels: Tensor) throws {
        switch task {
        case .classification: try update(MetricBatch(logits: outputs, labels: labels))
        case .regression: try update(MetricBatch(values: outputs, targets: labels.reshape(outputs.shape)))
        }
    }

    /// Takes in a batch.
    ///
    /// - Throws: ``MetricError`` where it does not suit a metric; then none has taken it in.
    public mutating func update(_ batch: MetricBatch) throws(MetricError) {
        var updated = metrics
        for index in updated.indices { try updated[index].update(batch) }
        metrics = updated
    }

    /// Takes in what another worker gathered under the same names.
    public mutating func merge(_ other: MetricSet) {
        guard other.names == names else {
            stop(
                "MetricSet.merge: \(other.names.map(\.rawValue)) are not the metrics \(names.map(\.rawValue))")
        }
        for (index, each) in other.metrics.enumerated() { metrics[index] = merged(metrics[index], each) }
    }

    /// The figures by name, in the order of ``names``.
    public var values: [(name: MetricName, value: Double)] { zip(names, metrics).map { ($0, $1.value) } }

    /// The figure of a name; nil where it is not among them.
    public subscript(_ name: MetricName) -> Double? {
        names.firstIndex(of: name).map { metrics[$0].value }
    }
}

private func merged<Kind: Metric>(_ metric: Kind, _ other: any Metric) -> any Metric {
    guard let other = other as? Kind else { stop("MetricSet.merge: \(type(of: other)) is no \(Kind.self)") }
    var sum = metric
    sum.merge(other)
    return sum
}

extension Layer {
    /// Measures the model on data by several metrics, in evaluation mode; its mode is the former one afterwards.
    ///
    /// - Parameters:
    ///   - metrics: by name, of classification or of regression.
    ///   - loader: the data, gone through once.
    /// - Throws: ``MetricError`` where the metrics do not suit the data; what `DataLoader.finish()` throws, and what went
    ///   wrong where a batch cannot be computed.
    public func measure(_ metrics: [MetricName], on loader: DataLoader) throws -> MetricSet {
        let modes = modeSwitches.map { ($0, $0.isTraining) }
        eval()
        defer { for (mode, isTraining) in modes { mode.isTraining = isTraining } }
        var gathered = try MetricSet(metrics, classes: loader.dataset.classCount)
        for batch in loader {
            try withoutGradient { try gathered.update(outputs: self(batch.inputs), labels: batch.labels) }
        }
        try loader.finish()
        return gathered
    }
}
