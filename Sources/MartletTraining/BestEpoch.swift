/// Keeps the weights of the epoch with the best figure so far, beside those of the end.
///
///     trainer.best = BestEpoch(.loss(.validation)) { folder in try model.save(to: folder.bestModelPath) }
public struct BestEpoch {
    /// The figure that epochs are compared by.
    public let figure: MonitoredFigure
    /// Called after an epoch that is better than all before, with the weights that were measured in the model.
    public let save: (RunFolder) throws -> Void

    /// What is kept of the best epoch by a figure.
    public init(_ figure: MonitoredFigure, save: @escaping (RunFolder) throws -> Void) {
        (self.figure, self.save) = (figure, save)
    }

    /// Whether an epoch is better than all before it.
    func isReached(by record: MetricsRecord, after history: [MetricsRecord]) -> Bool {
        guard let value = record.figure(figure), !value.isNaN else { return false }
        return history.compactMap { $0.figure(figure) }.allSatisfy { other in
            other.isNaN || (figure.goal == .lowest ? value < other : value > other)
        }
    }
}
