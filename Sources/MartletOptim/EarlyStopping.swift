/// Says when a figure has stopped getting better.
///
///     var stopping = EarlyStopping(patience: 5, goal: .lowest)
///     for epoch in 1... {
///         …
///         if stopping.observe(validationLoss) { break }
///     }
///
/// A value: it goes into a checkpoint as it is.
public struct EarlyStopping: Sendable, Codable, Hashable {
    /// Which figures are better: of a loss the lower, of an accuracy the higher ones.
    public enum Goal: String, Sendable, Codable { case lowest, highest }

    /// The figures without a better one after which it is time to stop.
    public let patience: Int
    /// Which figures are better.
    public let goal: Goal
    /// What a figure must be better by to count.
    public let minimumChange: Double
    /// The best figure so far; nil before the first.
    public private(set) var best: Double?
    /// Where the best figure was, counted from 0.
    public private(set) var bestIndex = 0
    /// Figures seen.
    public private(set) var count = 0

    /// A watch on a figure. A figure that is no number is never better.
    public init(patience: Int, goal: Goal = .lowest, minimumChange: Double = 0) {
        (self.patience, self.goal, self.minimumChange) = (patience, goal, minimumChange)
    }

    /// Notes a figure; true where training should stop.
    public mutating func observe(_ figure: Double) -> Bool {
        if isBetter(figure) { (best, bestIndex) = (figure, count) }
        count += 1
        return shouldStop
    }

    /// True where the last `patience` figures were no better than the best, or `patience` figures were no numbers.
    public var shouldStop: Bool { count - (best == nil ? 0 : bestIndex + 1) >= max(1, patience) }

    /// True where the last figure was the best so far: the moment to keep the weights.
    public var isLastBest: Bool { best != nil && bestIndex == count - 1 }

    private func isBetter(_ figure: Double) -> Bool {
        guard !figure.isNaN else { return false }
        guard let best else { return true }
        return goal == .lowest ? figure < best - minimumChange : figure > best + minimumChange
    }
}
