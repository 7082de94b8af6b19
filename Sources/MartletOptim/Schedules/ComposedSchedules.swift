/// A schedule's rates after a linear climb to its first: what most large networks begin with.
///
///     rate(t) = then(0) · (start + (1 - start)·(t + 1) / steps)   for t < steps; then(t - steps) after
public struct Warmup: Schedule {
    /// The steps of the climb.
    public let steps: Int
    /// The part of the full rate that the climb begins above.
    public let start: Double
    /// What follows the climb, its steps counted from 0.
    public let then: any Schedule

    /// A climb of so many steps, then another schedule.
    public init(steps: Int, start: Double = 0, then: any Schedule) {
        (self.steps, self.start, self.then) = (steps, start, then)
    }

    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        guard step < steps else { return then(step - steps) }
        return then(0) * (start + (1 - start) * Double(step + 1) / Double(steps))
    }
}

/// Schedules one after the other: each counts its own steps from 0, and the last one stays.
public struct ScheduleSequence: Schedule {
    private let parts: [(schedule: any Schedule, steps: Int)]
    private let last: any Schedule

    /// Each part's schedule for its number of steps, then `last` for ever.
    public init(_ parts: [(schedule: any Schedule, steps: Int)], then last: any Schedule) {
        (self.parts, self.last) = (parts, last)
    }

    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        var step = step
        for part in parts {
            if step < part.steps { return part.schedule(step) }
            step -= part.steps
        }
        return last(step)
    }
}

/// Up from `peak / startDivisor` to the peak, then down to `peak / (startDivisor · endDivisor)`, both along half cosines.
///
/// Source: L. Smith and N. Topin, "Super-convergence" (2018), in the form of torch.optim.lr_scheduler.OneCycleLR.
public struct OneCycle: Schedule {
    /// The highest rate.
    public let peak: Double
    /// The steps of the whole cycle; later steps keep the last rate.
    public let steps: Int
    /// The part of the steps in which the rate climbs.
    public let climb: Double
    /// The peak over the first rate, and the first rate over the last.
    public let startDivisor: Double, endDivisor: Double

    /// A cycle.
    ///
    /// - Parameters:
    ///   - peak: the highest rate.
    ///   - steps: the steps of the whole cycle.
    ///   - climb: the part of the steps in which the rate climbs.
    ///   - startDivisor: the peak over the first rate.
    ///   - endDivisor: the first rate over the last.
    public init(
        peak: Double, steps: Int, climb: Double = 0.3, startDivisor: Double = 25, endDivisor: Double = 1e4
    ) {
        (self.peak, self.steps, self.climb) = (peak, steps, climb)
        (self.startDivisor, self.endDivisor) = (startDivisor, endDivisor)
    }

    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        let start = peak / startDivisor
        let top = climb * Double(steps) - 1
        let position = Double(min(step, steps - 1))
        if position <= top { return cosine(from: start, to: peak, at: top > 0 ? position / top : 1) }
        let rest = Double(steps - 1) - top
        return cosine(from: peak, to: start / endDivisor, at: rest > 0 ? (position - top) / rest : 1)
    }
}
