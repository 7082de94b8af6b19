import MartletTensor

/// Follows a training run: progress bars, logs, plots. Every method has an empty default.
///
/// An observer changes nothing: what ends a run early is in ``TrainingSettings``, where a resumption finds it again.
public protocol TrainingObserver: AnyObject {
    /// Epoch `epoch`, from 1 on, begins; `batch` of its batches were done before a resumption.
    func epochWillBegin(_ epoch: Int, batch: Int)
    /// A step was handed in.
    func stepDidEnd(_ step: TrainingStep)
    /// The epoch's steps are done, and held-out data is measured.
    func measuringWillBegin(batches: Int)
    /// A batch of held-out data was measured.
    func measuredBatch()
    /// An epoch and its measurements are done.
    func epochDidEnd(_ record: MetricsRecord)
    /// A checkpoint is safely on the disk.
    func checkpointWasWritten(_ path: String)
    /// The layers were looked at in a step.
    func layersWereMeasured(_ report: LayerReport)
}

extension TrainingObserver {
    /// Does nothing.
    public func epochWillBegin(_ epoch: Int, batch: Int) {}
    /// Does nothing.
    public func stepDidEnd(_ step: TrainingStep) {}
    /// Does nothing.
    public func measuringWillBegin(batches: Int) {}
    /// Does nothing.
    public func measuredBatch() {}
    /// Does nothing.
    public func epochDidEnd(_ record: MetricsRecord) {}
    /// Does nothing.
    public func checkpointWasWritten(_ path: String) {}
    /// Does nothing.
    public func layersWereMeasured(_ report: LayerReport) {}
}

/// A step as observers see it.
public struct TrainingStep {
    /// The optimizer's steps since the run began.
    public let step: Int
    /// The epoch, from 1 on.
    public let epoch: Int
    /// Batches in this step.
    public let batches: Int
    /// Images in this step.
    public let images: Int
    /// Images of the epoch so far.
    public let epochImages: Int
    /// The rate of this step.
    public let learningRate: Double
    let totals: EpochTotals

    /// The epoch's mean loss and accuracy so far.
    ///
    /// Reading them waits for the device: ask as often as a person can read, not in each step.
    public func means() -> (loss: Double, accuracy: Double) {
        do {
            let (loss, correct) = try totals.sums
            return (loss / Double(epochImages), correct / Double(epochImages))
        } catch { stop("TrainingStep.means(): \(error)") }
    }
}

/// Shows a run by a ``ProgressBar``.
public final class ProgressObserver: TrainingObserver {
    private var bar: ProgressBar

    /// An observer that draws on a bar.
    public init(_ bar: ProgressBar) { self.bar = bar }

    /// Starts the bar of an epoch.
    public func epochWillBegin(_ epoch: Int, batch: Int) { bar.beginEpoch(epoch, batch: batch) }

    /// Moves the bar on; reads loss and accuracy only when the bar is drawn anew.
    public func stepDidEnd(_ step: TrainingStep) {
        let means = bar.isDue ? step.means() : nil
        bar.finishStep(batches: step.batches, images: step.images, loss: means?.loss, accuracy: means?.accuracy)
    }

    /// Turns the bar to measuring.
    public func measuringWillBegin(batches: Int) { bar.beginTesting(batches: batches) }
    /// Moves the bar on by a measured batch.
    public func measuredBatch() { bar.finishTestBatch() }
    /// Leaves the epoch's figures in the bar's place.
    public func epochDidEnd(_ record: MetricsRecord) { bar.finishEpoch(record) }

    /// Writes a line above the bar.
    public func say(_ line: String) { bar.say(line) }
    /// Takes the bar off the screen.
    public func clear() { bar.clear() }
}
