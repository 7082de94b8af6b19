/// A rate that falls whenever a figure has stopped getting better.
///
///     var plateau = ReduceOnPlateau(from: 0.1)
///     optimizer.learningRate = plateau.observe(validationLoss)
///
/// A value that remembers what it has seen: it goes into a checkpoint as it is.
///
/// Source: torch.optim.lr_scheduler.ReduceLROnPlateau, whose defaults it has.
public struct ReduceOnPlateau: Sendable, Codable, Hashable {
    /// What "better by the threshold" means.
    public enum ThresholdForm: String, Sendable, Codable {
        /// By so large a part of the best figure.
        case relative
        /// By so much.
        case absolute
    }

    /// The rate now.
    public private(set) var rate: Double
    /// What the rate is multiplied by.
    public let factor: Double
    /// Figures in a row that may be no better before the rate falls.
    public let patience: Int
    /// Which figures are better.
    public let goal: EarlyStopping.Goal
    /// What a figure must be better by to count, and in what terms.
    public let threshold: Double, thresholdForm: ThresholdForm
    /// Figures after a fall that do not count against the next.
    public let cooldown: Int
    /// The rate that it does not fall below, and the least fall.
    public let least: Double, leastChange: Double
    /// The best figure so far; nil before the first.
    public private(set) var best: Double?
    /// Figures in a row that were no better.
    public private(set) var worseCount = 0
    /// Figures left of the cooldown.
    public private(set) var cooldownLeft = 0

    /// A rate that falls on plateaus.
    ///
    /// - Parameters:
    ///   - rate: the first rate.
    ///   - factor: what it is multiplied by.
    ///   - patience: figures in a row that may be no better before the rate falls.
    ///   - goal: which figures are better.
    ///   - threshold: what a figure must be better by to count.
    ///   - thresholdForm: whether as a part of the best figure or as it is.
    ///   - cooldown: figures after a fall that do not count against the next.
    ///   - least: the rate that it does not fall below.
    ///   - leastChange: a smaller fall is not made.
    public init(
        from rate: Double, factor: Double = 0.1, patience: Int = 10, goal: EarlyStopping.Goal = .lowest,
        threshold: Double = 1e-4, thresholdForm: ThresholdForm = .relative, cooldown: Int = 0, least: Double = 0,
        leastChange: Double = 1e-8
    ) {
        (self.rate, self.factor, self.patience, self.goal) = (rate, factor, patience, goal)
        (self.threshold, self.thresholdForm, self.cooldown) = (threshold, thresholdForm, cooldown)
        (self.least, self.leastChange) = (least, leastChange)
    }

    /// Notes a figure, and gives the rate from now on. A figure that is no number is no better.
    public mutating func observe(_ figure: Double) -> Double {
        if isBetter(figure) {
            (best, worseCount) = (figure, 0)
        } else {
            worseCount += 1
        }
        if cooldownLeft > 0 {
            cooldownLeft -= 1
            worseCount = 0
        }
        if worseCount > patience {
            let lower = max(rate * factor, least)
            if rate - lower > leastChange { rate = lower }
            (cooldownLeft, worseCount) = (cooldown, 0)
        }
        return rate
    }

    private func isBetter(_ figure: Double) -> Bool {
        guard !figure.isNaN else { return false }
        guard let best else { return true }
        switch (goal, thresholdForm) {
        case (.lowest, .relative): return figure < best * (1 - threshold)
        case (.lowest, .absolute): return figure < best - threshold
        case (.highest, .relative): return figure > best * (1 + threshold)
        case (.highest, .absolute): return figure > best + threshold
        }
    }
}
