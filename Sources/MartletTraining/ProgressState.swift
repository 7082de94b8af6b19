import Foundation

/// How far a training run has come: a pure value that events move on and that renders itself as a line.
///
/// Times are seconds on any clock that does not go backwards.
public struct ProgressState: Equatable, Sendable {
    /// What the current epoch is doing.
    public enum Phase: Equatable, Sendable {
        /// Steps of the optimizer.
        case training
        /// Measuring on held-out data, with the number of batches done and in all.
        case testing(done: Int, of: Int)
    }

    /// The epochs of the whole run.
    public let epochs: Int
    /// The batches of an epoch.
    public let batchesPerEpoch: Int
    /// The current epoch, from 1 on; 0 before the first.
    public private(set) var epoch = 0
    /// The batches done in this epoch.
    public private(set) var batch = 0
    /// What the epoch is doing.
    public private(set) var phase = Phase.training
    /// The last loss that was told; nil before the first of an epoch.
    public private(set) var loss: Double?
    /// The last accuracy that was told, as a fraction.
    public private(set) var accuracy: Double?

    /// What examples are called where their rate stands.
    public let unit: String

    private var images = SmoothedRate()
    private var batches = SmoothedRate()
    private var lastEvent = 0.0
    private var testingBegan: Double?
    private var testingSeconds = 0.0

    /// A run before its first epoch.
    ///
    /// - Parameter unit: what examples are called where their rate stands.
    public init(epochs: Int, batchesPerEpoch: Int, unit: String = "img") {
        self.unit = unit
        self.epochs = epochs
        self.batchesPerEpoch = batchesPerEpoch
    }

    /// Starts epoch `number`; a resumed run starts beyond 1, and `batch` says how much of the epoch was done before.
    public mutating func beginEpoch(_ number: Int, batch done: Int = 0, at time: Double) {
        endTesting(at: time)
        (epoch, batch, phase, loss, accuracy, lastEvent) = (number, done, .training, nil, nil, time)
    }

    /// Counts a step of the optimizer.
    ///
    /// - Parameters:
    ///   - count: the images of the batch.
    ///   - loss: the figure to show from now on; nil keeps the last one, for steps whose loss is not read.
    ///   - accuracy: the same, a fraction.
    public mutating func finishBatch(images count: Int, loss: Double? = nil, accuracy: Double? = nil, at time: Double) {
        finishStep(batches: 1, images: count, loss: loss, accuracy: accuracy, at: time)
    }

    /// Counts a step of the optimizer that several batches made.
    public mutating func finishStep(
        batches done: Int, images count: Int, loss: Double? = nil, accuracy: Double? = nil, at time: Double
    ) {
        batch += done
        self.loss = loss ?? self.loss
        self.accuracy = accuracy ?? self.accuracy
        images.add(Double(count), over: time - lastEvent)
        batches.add(Double(done), over: time - lastEvent)
        lastEvent = time
    }

    /// Turns from training to measuring; the time that it takes is counted into what is left.
    public mutating func beginTesting(batches: Int, at time: Double) {
        (phase, testingBegan) = (.testing(done: 0, of: batches), time)
    }

    /// Counts a batch of held-out data.
    public mutating func finishTestBatch() {
        if case .testing(let done, let total) = phase { phase = .testing(done: done + 1, of: total) }
    }

    /// Ends the epoch.
    public mutating func finishEpoch(at time: Double) {
        endTesting(at: time)
        batch = batchesPerEpoch
    }

    private mutating func endTesting(at time: Double) {
        if let testingBegan { testingSeconds = time - testingBegan }
        (testingBegan, phase) = (nil, .training)
    }

    /// The share of this epoch, or of its test, that is done: 0 to 1.
    public var fraction: Double {
        let (done, total) =
            switch phase {
            case .training: (batch, batchesPerEpoch)
            case .testing(let done, let total): (done, total)
            }
        return total > 0 ? min(1, Double(done) / Double(total)) : 1
    }

    /// Images trained on in a second, smoothed over the last few seconds; nil before the first batch.
    public var imagesPerSecond: Double? { images.value }

    /// Seconds to the end of the run; nil before the first batch.
    public var secondsLeft: Double? {
        guard let rate = batches.value, rate > 0 else { return nil }
        let left = max(0, epochs - epoch) * batchesPerEpoch + max(0, batchesPerEpoch - batch)
        let isTested = testingBegan == nil && batch == batchesPerEpoch
        return Double(left) / rate + testingSeconds * Double(max(0, epochs - epoch) + (isTested ? 0 : 1))
    }
}

/// An amount per second over a window that forgets: both sums fade by the same factor, so early values are exact means.
private struct SmoothedRate: Equatable, Sendable {
    /// Seconds after which a batch counts 1/e.
    private static let memory = 4.0
    private var amount = 0.0
    private var seconds = 0.0

    mutating func add(_ added: Double, over elapsed: Double) {
        let elapsed = max(0, elapsed)
        let fade = exp(-elapsed / Self.memory)
        amount = amount * fade + added
        seconds = seconds * fade + elapsed
    }

    var value: Double? { seconds > 0 ? amount / seconds : nil }
}
