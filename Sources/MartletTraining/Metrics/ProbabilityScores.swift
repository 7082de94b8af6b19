import Foundation
import MartletTensor

/// The mean of -log of the probability that was given to the right class: cross entropy, in nats.
///
/// Of logits exactly, by log Σ exp; a probability is kept ε = 2⁻⁵² away from 0 and 1, so that one certain error does not
/// make the figure infinite. As scikit-learn's `log_loss`.
public struct LogLoss: Metric {
    private var sum = ExactSum()
    /// The examples.
    public private(set) var count = 0

    /// Without an example yet.
    public init() {}

    public mutating func update(_ batch: MetricBatch) throws(MetricError) {
        let classes = try batch.expectScores(of: "log_loss")
        for (row, label) in batch.labels.enumerated() {
            if batch.form == .logits {
                sum.add(Self.crossEntropy(batch, row, label))
            } else {
                let probability = batch.probabilities[row * classes + label]
                // A minimum would take a number for what is none.
                let kept = probability.isNaN ? probability : min(max(probability, .ulpOfOne), 1 - .ulpOfOne)
                sum.add(-log(kept))
            }
        }
        count += batch.count
    }

    /// log Σ exp(z) - z of the right class, by the larger logit so that nothing overflows.
    private static func crossEntropy(_ batch: MetricBatch, _ row: Int, _ label: Int) -> Double {
        if batch.width == 1 {
            let logit = label == 1 ? batch.outputs[row] : -batch.outputs[row]
            return logit > 0 ? log1p(exp(-logit)) : log1p(exp(logit)) - logit
        }
        let logits = batch.outputs[(row * batch.width)..<((row + 1) * batch.width)]
        let largest = logits.max() ?? 0
        let total = logits.reduce(0) { $0 + exp($1 - largest) }
        return log(total) + (largest - logits[logits.startIndex + label])
    }

    public mutating func merge(_ other: LogLoss) {
        sum.add(other.sum)
        count += other.count
    }

    public var value: Double { sum.value / Double(count) }
}

/// The mean squared distance of the probabilities from certainty about the right class.
///
///     mean of Σ (p - y)²  over the classes, y = 1 for the right class and 0 for others;  of two classes half of it
///
/// From 0 to 1 for two classes, from 0 to 2 for more. As scikit-learn's `brier_score_loss`. Source: G. Brier (1950).
public struct BrierScore: Metric {
    private var sum = ExactSum()
    private var classes = 0
    /// The examples.
    public private(set) var count = 0

    /// Without an example yet.
    public init() {}

    public mutating func update(_ batch: MetricBatch) throws(MetricError) {
        let found = try batch.expectScores(of: "brier")
        guard classes == 0 || classes == found else {
            throw MetricError("outputs", expected: "\(classes) classes", found: "\(found)")
        }
        classes = found
        let probabilities = batch.probabilities
        for (row, label) in batch.labels.enumerated() {
            for index in 0..<classes {
                let distance = (index == label ? 1 : 0) - probabilities[row * classes + index]
                sum.add(distance, times: distance)
            }
        }
        count += batch.count
    }

    public mutating func merge(_ other: BrierScore) {
        guard classes == other.classes || count == 0 || other.count == 0 else {
            stop("BrierScore.merge: \(other.classes) classes do not fit \(classes)")
        }
        classes = max(classes, other.classes)
        sum.add(other.sum)
        count += other.count
    }

    public var value: Double { sum.value / Double(count) * (classes == 2 ? 0.5 : 1) }
}

/// How far confidence is from the share that is right: the expected calibration error.
///
///     ECE = Σ over bins of |hits - Σ confidence| / n
///
/// with the confidence of an example the probability of the class it was taken for, in equal bins (lower, upper].
///
/// Source: C. Guo et al., "On calibration of modern neural networks" (2017), equation 3; 15 bins as there.
public struct CalibrationError: Metric {
    /// A bin of the reliability diagram.
    public struct Bin: Sendable, Equatable {
        /// Examples whose confidence is in the bin.
        public fileprivate(set) var count = 0
        /// Those of them that were right.
        public fileprivate(set) var correct = 0
        fileprivate var confidence = ExactSum()

        /// The share that was right; not a number where the bin is empty.
        public var accuracy: Double { Double(correct) / Double(count) }
        /// The mean confidence; not a number where the bin is empty.
        public var meanConfidence: Double { confidence.value / Double(count) }
    }

    /// The bins, from confidence 0 to 1: the reliability diagram.
    public private(set) var bins: [Bin]

    /// Without an example yet.
    public init(bins: Int = 15) {
        guard bins > 0 else { stop("CalibrationError: there must be a bin, there are \(bins)") }
        self.bins = [Bin](repeating: Bin(), count: bins)
    }

    public mutating func update(_ batch: MetricBatch) throws(MetricError) {
        let classes = try batch.expectScores(of: "ece")
        let (predicted, probabilities) = (batch.predicted, batch.probabilities)
        for (row, label) in batch.labels.enumerated() {
            let confidence = probabilities[row * classes + predicted[row]]
            let place = confidence.isNaN ? 0 : (confidence * Double(bins.count)).rounded(.up) - 1
            let bin = min(bins.count - 1, max(0, Int(place)))
            bins[bin].count += 1
            bins[bin].correct += predicted[row] == label ? 1 : 0
            bins[bin].confidence.add(confidence)
        }
    }

    public mutating func merge(_ other: CalibrationError) {
        guard bins.count == other.bins.count else {
            stop("CalibrationError.merge: \(other.bins.count) bins do not fit \(bins.count)")
        }
        for (index, bin) in other.bins.enumerated() {
            bins[index].count += bin.count
            bins[index].correct += bin.correct
            bins[index].confidence.add(bin.confidence)
        }
    }

    public var value: Double {
        let gaps = bins.map { (Double($0.correct) - $0.confidence.value).magnitude }
        return gaps.reduce(0, +) / Double(bins.reduce(0) { $0 + $1.count })
    }
}
