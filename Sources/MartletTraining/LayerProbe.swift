import MartletNN
import MartletTensor

/// Follows a training run by ``LayerStatistics`` of one batch, always the same, so that reports can be compared.
///
///     trainer.observers.append(
///         LayerProbe(of: model, inputs: x, labels: y) { print($0.lines(for: .standardOutput).joined(separator: "\n")) })
///
/// Every so many steps the batch goes through the model and back in training mode. Parameters, gradients, running statistics
/// and the random generator are afterwards as they were, bit by bit: the run is the same as without.
public final class LayerProbe: TrainingObserver {
    private let model: any Layer
    private let statistics: LayerStatistics
    private let (inputs, labels): (Tensor, Tensor)
    private let every: Int
    private let loss: (Tensor, Tensor) -> Tensor
    private let report: (LayerReport) -> Void

    /// A probe of a model.
    ///
    /// - Parameters:
    ///   - model: what is trained.
    ///   - inputs: the batch.
    ///   - labels: its labels.
    ///   - every: training steps from one report to the next.
    ///   - limits: when a layer is warned of.
    ///   - warn: called with what a report has to warn of; by default it goes to standard error.
    ///   - loss: maps outputs and labels to the mean loss of a batch.
    ///   - report: called with each report.
    public init(
        of model: any Layer, inputs: Tensor, labels: Tensor, every: Int = 100,
        limits: LayerStatistics.Limits = LayerStatistics.Limits(),
        warn: @escaping (LayerReport.Warning) -> Void = { Terminal.standardError.write("martlet: warning: \($0)\n") },
        loss: @escaping (Tensor, Tensor) -> Tensor = { crossEntropy($0, $1) },
        report: @escaping (LayerReport) -> Void = { _ in }
    ) {
        guard every > 0 else { stop("LayerProbe: every must be at least 1, it is \(every)") }
        statistics = LayerStatistics(of: model, every: 1, limits: limits, warn: warn)
        (self.model, self.inputs, self.labels, self.every) = (model, inputs, labels, every)
        (self.loss, self.report) = (loss, report)
    }

    /// Looks at the layers where a report is due.
    public func stepDidEnd(_ step: TrainingStep) {
        guard step.step % every == 0 else { return }
        let snapshot = StateSnapshot([model], modes: model.modeSwitches)
        defer { snapshot.restore() }
        model.train()
        model.zeroGradients()
        let batchLoss = statistics.watch { loss(model(inputs), labels) }
        batchLoss.backward()
        statistics.collect()
        if let found = statistics.advance(step: step.step) { report(found) }
    }
}
