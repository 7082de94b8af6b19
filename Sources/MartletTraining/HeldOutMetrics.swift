import MartletData
import MartletNN
import MartletTensor

/// Metrics that held-out data are measured by after each epoch, besides loss and accuracy.
public struct HeldOutMetrics: Sendable {
    /// Their names.
    public let names: [MetricName]
    private let prepare: Preparation?

    /// What is made of a batch's outputs and labels before they are measured.
    public typealias Preparation =
        @Sendable (_ outputs: Tensor, _ labels: Tensor) -> (outputs: Tensor, labels: Tensor)

    /// Metrics by name.
    ///
    /// - Parameter prepare: brings outputs and labels to the units that figures are to be in; nil leaves them.
    public init(_ names: [MetricName], preparing prepare: Preparation? = nil) {
        (self.names, self.prepare) = (names, prepare)
    }

    /// Figures without an example yet.
    func start(classes: Int?) throws(MetricError) -> Tally {
        Tally(metrics: try MetricSet(names, classes: classes), prepare: prepare)
    }

    /// Figures under way.
    struct Tally {
        fileprivate var metrics: MetricSet
        fileprivate let prepare: Preparation?

        mutating func update(outputs: Tensor, labels: Tensor) throws {
            let prepared = prepare?(outputs, labels) ?? (outputs: outputs, labels: labels)
            try metrics.update(outputs: prepared.outputs, labels: prepared.labels)
        }

        var values: [MetricName: Double] {
            Dictionary(uniqueKeysWithValues: metrics.values.map { ($0.name, $0.value) })
        }
    }
}
