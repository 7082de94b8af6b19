import MartletTensor

/// What of an optimizer follows schedules: learning rate, momentum and weight decay, for all groups or each its own.
///
///     let cycle = OneCycle(peak: 0.1, steps: steps)
///     let scheduled = ScheduledSettings(learningRate: cycle, momentum: cycle.momentum())
///     for step in 0..<steps {
///         scheduled.apply(to: optimizer, step: step)
///         …
///     }
public struct ScheduledSettings: Sendable {
    /// The schedules of the learning rate: none, one for all groups, or one a group.
    public var learningRates: [any Schedule]
    /// The schedule of the momentum (β₁ where there are two means).
    public var momentum: (any Schedule)?
    /// The schedule of the weight decay of those groups whose weights decay at all.
    public var weightDecay: (any Schedule)?

    /// One schedule of each kind for all groups.
    public init(
        learningRate: (any Schedule)? = nil, momentum: (any Schedule)? = nil, weightDecay: (any Schedule)? = nil
    ) {
        learningRates = learningRate.map { [$0] } ?? []
        (self.momentum, self.weightDecay) = (momentum, weightDecay)
    }

    /// A schedule of the learning rate for each group in order.
    public init(
        learningRates: [any Schedule], momentum: (any Schedule)? = nil, weightDecay: (any Schedule)? = nil
    ) {
        self.learningRates = learningRates
        (self.momentum, self.weightDecay) = (momentum, weightDecay)
    }

    /// Sets what the schedules say for step `step`, counted from 0.
    public func apply(to optimizer: Optimizer, step: Int) {
        guard learningRates.count <= 1 || learningRates.count == optimizer.groups.count else {
            stop(
                "ScheduledSettings: there are \(learningRates.count) schedules of the learning rate for "
                    + "\(optimizer.groups.count) groups")
        }
        for (index, group) in optimizer.groups.enumerated() {
            if let schedule = learningRates.count == 1 ? learningRates[0] : learningRates.dropFirst(index).first {
                group.learningRate = schedule(step)
            }
            if let momentum { group.momentum = momentum(step) }
            if let weightDecay, group.decaysFromTheStart { group.weightDecay = weightDecay(step) }
        }
    }
}

/// A batch size by step: a schedule rounded to whole examples, and to multiples of what a machine likes.
///
/// Growing batches lower the noise of gradients as a falling rate does: a rate schedule's inverse, scaled, is one.
///
/// Source: S. Smith et al., "Don't decay the learning rate, increase the batch size" (2018).
public struct BatchSizeSchedule: Sendable {
    /// The size before rounding.
    public let schedule: any Schedule
    /// The least and the largest size.
    public let least: Int, most: Int
    /// What sizes are multiples of.
    public let multiple: Int

    /// Sizes between two bounds, rounded to multiples; what is no number is the least size.
    public init(_ schedule: any Schedule, least: Int = 1, most: Int = 65_536, multiple: Int = 1) {
        // Sizes that a Double holds exactly.
        let most = max(1, min(most, 1 << 53))
        (self.schedule, self.most, self.multiple) = (schedule, most, max(1, min(multiple, most)))
        self.least = max(1, min(least, most))
    }

    /// The batch size of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Int {
        let wanted = schedule(step)
        guard !wanted.isNaN else { return least }
        let bounded = min(Double(most), max(Double(least), wanted))
        let rounded = (bounded / Double(multiple)).rounded() * Double(multiple)
        return min(most, max(least, Int(rounded)))
    }
}
