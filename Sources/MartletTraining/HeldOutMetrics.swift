import MartletTensor

/// Metrics that held-out data are measured by after each epoch, besides loss and accuracy.
public struct HeldOutMetrics: Sendable {
    /// Their names.
    public let names: [MetricName]
    private let inUnits: (@Sendable (Tensor) -> Tensor)?

    /// Metrics by name.
    ///
    /// - Parameter inUnits: brings outputs and labels to the units that figures are to be in; nil leaves them.
    public init(_ names: [MetricName], inUnits: (@Sendable (Tensor) -> Tensor)? = nil) {
        (self.names, self.inUnits) = (names, inUnits)
    }

    /// Figures without an example yet.
    func start(classes: Int?) throws(MetricError) -> Tally {
        Tally(metrics: try MetricSet(names, classes: classes), inUnits: inUnits)
    }

    /// Figures under way.
    struct Tally {
        fileprivate var metrics: MetricSet
        fileprivate let inUnits: (@Sendable (Tensor) -> Tensor)?

        mutating func update(outputs: Tensor, labels: Tensor) throws {
            guard let inUnits else { return try metrics.update(outputs: outputs, labels: labels) }
            try metrics.update(outputs: inUnits(outputs), labels: inUnits(labels))
        }

        var values: [MetricName: Double] {
            Dictionary(uniqueKeysWithValues: metrics.values.map { ($0.name, $0.value) })
        }
    }
}
