/// Ends trials that are not among the best at their age: asynchronous successive halving.
///
/// A trial that has trained for `firstEpochs · reductionᵏ` epochs goes on if its figure is among the best
/// 1 / `reduction` of all that were that old before it, itself among them.
///
/// Source: L. Li et al., "A system for massively parallel hyperparameter tuning" (2020), algorithm 2 without waiting.
public struct SuccessiveHalving: Sendable, Equatable {
    /// Of so many trials one goes on.
    public var reduction: Int
    /// The epochs after which a trial is first judged.
    public var firstEpochs: Int

    /// A rule of these numbers.
    public init(reduction: Int = 3, firstEpochs: Int = 1) {
        (self.reduction, self.firstEpochs) = (max(2, reduction), max(1, firstEpochs))
    }

    /// Whether a trial is judged after so many epochs.
    public func isRung(_ epochs: Int) -> Bool {
        var rung = firstEpochs
        while rung < epochs {
            let (next, overflows) = rung.multipliedReportingOverflow(by: reduction)
            if overflows { return false }
            rung = next
        }
        return rung == epochs
    }

    /// Whether a trial ends, by its figure and those that others had at the same age; lower is better.
    public func isPruned(_ figure: Double, among others: [Double]) -> Bool {
        guard figure.isFinite else { return true }
        let kept = max(1, (others.count + 1) / reduction)
        return others.count { $0 < figure } >= kept
    }
}
