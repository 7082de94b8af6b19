#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Cosines from one rate down to another, again and again, each round `growth` times as long as the one before.
///
///     rate(t) = to + ½·(from - to)·(1 + cos(π·s / T))   in step s of a round of T steps
///
/// Source: I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017), in the form of
/// torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
public struct WarmRestarts: NamedSchedule {
    /// The name in saved form.
    public static let kind = "warmRestarts"
    /// The rate of a round's beginning, and that of its end.
    public let from: Double, to: Double
    /// The steps of the first round; below 1 it counts as 1.
    public let steps: Int
    /// How much longer each round is than the one before; below 1 it counts as 1.
    public let growth: Int
    /// Rounds of `steps`, `steps · growth`, `steps · growth²`, ... steps.
    public init(from: Double, to: Double = 0, steps: Int, growth: Int = 1) {
        (self.from, self.to, self.steps, self.growth) = (from, to, steps, growth)
    }
    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        var (place, length) = (max(0, step), max(1, steps))
        if growth <= 1 { place %= length }
        while growth > 1, place >= length {
            place -= length
            let (longer, overflows) = length.multipliedReportingOverflow(by: growth)
            length = overflows ? .max : longer
        }
        return cosine(from: from, to: to, at: Double(place) / Double(length))
    }
}

/// Lines up from one rate to another and down again, over and over.
///
///     rate(t) = low + (high - low) · height · scale
///
/// with height the triangle's, from 0 to 1 and back, and scale 1, 1/2^(cycle) from the second cycle on, or factorᵗ.
///
/// Source: L. Smith, "Cyclical learning rates for training neural networks" (2017), in the form of
/// torch.optim.lr_scheduler.CyclicLR.
public struct Cyclic: NamedSchedule {
    /// The name in saved form.
    public static let kind = "cyclic"
    /// How the height of the cycles changes.
    public enum Form: String, Sendable, Codable, CaseIterable {
        /// Not at all.
        case triangular
        /// By half with each cycle.
        case triangular2
        /// By the factor with each step.
        case exponential
    }
    /// The rate between cycles, and that of a full cycle's peak.
    public let low: Double, high: Double
    /// The steps of the climb and of the fall; below 1 they count as 1.
    public let climb: Int, fall: Int
    /// How the height of the cycles changes.
    public let form: Form
    /// The factor of the exponential form.
    public let factor: Double
    /// Cycles of `climb` steps up and as many down, or `fall`.
    public init(
        low: Double, high: Double, climb: Int = 2000, fall: Int? = nil, form: Form = .triangular, factor: Double = 1
    ) {
        (self.low, self.high, self.climb, self.fall) = (low, high, climb, fall ?? climb)
        (self.form, self.factor) = (form, factor)
    }
    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        let (up, down) = (Double(max(1, climb)), Double(max(1, fall)))
        let cycle = (Double(step) / (up + down)).rounded(.down)
        let place = Double(step) - cycle * (up + down)
        let height = place <= up ? place / up : (up + down - place) / down
        let scale =
            switch form {
            case .triangular: 1.0
            case .triangular2: pow(2, -cycle)
            case .exponential: pow(factor, Double(step))
            }
        return low + (high - low) * height * scale
    }
}

/// How a schedule goes from one level to the next.
public enum Annealing: String, Sendable, Codable, CaseIterable {
    /// Along half a cosine.
    case cosine
    /// Along a line.
    case linear

    func between(_ from: Double, _ to: Double, at progress: Double) -> Double {
        switch self {
        case .cosine: MartletOptim.cosine(from: from, to: to, at: progress)
        case .linear: from + (to - from) * progress
        }
    }
}

/// Up from `peak / startDivisor` to the peak, then down to `peak / (startDivisor · endDivisor)`; in three phases, down to
/// the first rate as fast as it went up, and then to the last.
///
/// Source: L. Smith and N. Topin, "Super-convergence" (2018), in the form of torch.optim.lr_scheduler.OneCycleLR.
public struct OneCycle: NamedSchedule {
    /// The name in saved form.
    public static let kind = "oneCycle"
    /// The highest rate.
    public let peak: Double
    /// The steps of the whole cycle; later steps keep the last rate.
    public let steps: Int
    /// The part of the steps in which the rate climbs.
    public let climb: Double
    /// The peak over the first rate, and the first rate over the last.
    public let startDivisor: Double, endDivisor: Double
    /// How the rate goes from one level to the next.
    public let annealing: Annealing
    /// True where the fall mirrors the climb before the rate goes to its last.
    public let hasThreePhases: Bool

    /// A cycle.
    ///
    /// - Parameters:
    ///   - peak: the highest rate.
    ///   - steps: the steps of the whole cycle.
    ///   - climb: the part of the steps in which the rate climbs.
    ///   - startDivisor: the peak over the first rate.
    ///   - endDivisor: the first rate over the last.
    ///   - annealing: how the rate goes from one level to the next.
    ///   - hasThreePhases: whether the fall mirrors the climb before the rate goes to its last.
    public init(
        peak: Double, steps: Int, climb: Double = 0.3, startDivisor: Double = 25, endDivisor: Double = 1e4,
        annealing: Annealing = .cosine, hasThreePhases: Bool = false
    ) {
        (self.peak, self.steps, self.climb) = (peak, steps, climb)
        (self.startDivisor, self.endDivisor) = (startDivisor, endDivisor)
        (self.annealing, self.hasThreePhases) = (annealing, hasThreePhases)
    }

    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        let start = peak / startDivisor
        return phases.level(
            step, hasThreePhases ? [start, peak, start, start / endDivisor] : [start, peak, start / endDivisor])
    }

    private var phases: CyclePhases {
        CyclePhases(steps: steps, climb: climb, annealing: annealing, hasThree: hasThreePhases)
    }

    /// The momentum that goes with the rate: low where it is high.
    ///
    ///     group.momentum = momentum(step)
    public func momentum(high: Double = 0.95, low: Double = 0.85) -> OneCycleMomentum {
        OneCycleMomentum(cycle: self, high: high, low: low)
    }
}

/// The momentum beside a one-cycle rate: down while the rate climbs, and up again while it falls.
///
/// Source: L. Smith and N. Topin, "Super-convergence" (2018), in the form of torch.optim.lr_scheduler.OneCycleLR.
public struct OneCycleMomentum: NamedSchedule {
    /// The name in saved form.
    public static let kind = "oneCycleMomentum"
    /// The rate's cycle.
    public let cycle: OneCycle
    /// The momentum at the ends, and that at the rate's peak.
    public let high: Double, low: Double
    /// The momentum beside a cycle of the rate.
    public init(cycle: OneCycle, high: Double = 0.95, low: Double = 0.85) {
        (self.cycle, self.high, self.low) = (cycle, high, low)
    }
    /// The momentum of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        let phases = CyclePhases(
            steps: cycle.steps, climb: cycle.climb, annealing: cycle.annealing, hasThree: cycle.hasThreePhases)
        return phases.level(step, cycle.hasThreePhases ? [high, low, high, high] : [high, low, high])
    }
}

/// Where the phases of a cycle end, and what lies between their levels.
private struct CyclePhases {
    let steps: Int
    let climb: Double
    let annealing: Annealing
    let hasThree: Bool

    /// The level of a step, between those at the phases' ends.
    func level(_ step: Int, _ levels: [Double]) -> Double {
        let top = climb * Double(steps) - 1
        let last = max(1, steps) - 1
        let position = Double(max(0, min(step, last)))
        var begin = 0.0
        for (index, end) in ([top] + (hasThree ? [2 * top] : []) + [Double(last)]).enumerated() {
            let isLast = index == levels.count - 2
            if position <= end || isLast {
                let progress = end > begin ? (position - begin) / (end - begin) : 1
                return annealing.between(levels[index], levels[index + 1], at: progress)
            }
            begin = end
        }
        return levels[levels.count - 1]
    }
}
