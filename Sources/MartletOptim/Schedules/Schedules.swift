#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A cosine from one rate down to another, after a linear warm-up from 0.
///
///     rate(t) = to + ½·(from - to)·(1 + cos(π·(t - warmup) / (steps - warmup)))
///
/// Source: I. Loshchilov and F. Hutter, "SGDR" (2017), without restarts.
public struct CosineDecay: NamedSchedule {
    /// The name in saved form.
    public static let kind = "cosine"
    /// The rate after the warm-up, and the rate of the end.
    public let from: Double, to: Double
    /// All steps, warm-up included, and those of the warm-up; later steps keep the last rate.
    public let steps: Int, warmup: Int

    /// From one rate to another in `steps` steps, of which the first `warmup` climb linearly to `from`.
    public init(from: Double, to: Double = 0, steps: Int, warmup: Int = 0) {
        (self.from, self.to, self.steps, self.warmup) = (from, to, steps, warmup)
    }

    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        if step < warmup { return from * Double(step + 1) / Double(warmup) }
        let progress = min(1, (Double(step) - Double(warmup)) / max(1, Double(steps) - Double(warmup)))
        return cosine(from: from, to: to, at: progress)
    }
}

/// One rate for all steps.
public struct ConstantRate: NamedSchedule {
    /// The name in saved form.
    public static let kind = "constant"
    /// The rate.
    public let rate: Double
    /// The same rate for every step.
    public init(_ rate: Double) { self.rate = rate }
    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double { rate }
}

/// The rate times `factor` after every `every` steps.
public struct StepDecay: NamedSchedule {
    /// The name in saved form.
    public static let kind = "step"
    /// The first rate, and what it is multiplied by.
    public let from: Double, factor: Double
    /// The steps between two multiplications; below 1 it counts as 1.
    public let every: Int
    /// rate(t) = from · factor^⌊t / every⌋.
    public init(from: Double, factor: Double, every: Int) {
        (self.from, self.factor, self.every) = (from, factor, every)
    }
    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double { from * pow(factor, Double(step / max(1, every))) }
}

/// The rate times `factor` after each step.
public struct ExponentialDecay: NamedSchedule {
    /// The name in saved form.
    public static let kind = "exponential"
    /// The first rate, and what it is multiplied by.
    public let from: Double, factor: Double
    /// rate(t) = from · factorᵗ.
    public init(from: Double, factor: Double) { (self.from, self.factor) = (from, factor) }
    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double { from * pow(factor, Double(step)) }
}

/// The rate times `factor` at each of the milestones.
public struct MultiStepDecay: NamedSchedule {
    /// The name in saved form.
    public static let kind = "multiStep"
    /// The first rate, and what it is multiplied by.
    public let from: Double, factor: Double
    /// The steps, counted from 0, from which on the rate is multiplied once more; in any order.
    public let milestones: [Int]
    /// rate(t) = from · factor^n, n the number of milestones up to t.
    public init(from: Double, factor: Double, milestones: [Int]) {
        (self.from, self.factor, self.milestones) = (from, factor, milestones)
    }
    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        from * pow(factor, Double(milestones.count { $0 <= step }))
    }
}

/// From one rate to another along a power of the steps left; power 1 is a line.
///
///     rate(t) = to + (from - to)·(1 - t / steps)^power
public struct PolynomialDecay: NamedSchedule {
    /// The name in saved form.
    public static let kind = "polynomial"
    /// The first rate, the last rate, and the power.
    public let from: Double, to: Double, power: Double
    /// The steps until the last rate, which later steps keep.
    public let steps: Int
    /// From one rate to another in `steps` steps.
    public init(from: Double, to: Double = 0, steps: Int, power: Double = 1) {
        (self.from, self.to, self.steps, self.power) = (from, to, steps, power)
    }
    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        to + (from - to) * pow(1 - min(1, Double(step) / Double(max(1, steps))), power)
    }
}

/// The rate falls with the root of the steps, after a linear warm-up from 0.
///
///     rate(t) = peak · min((t + 1) / warmup, √(warmup / (t + 1)))
///
/// Source: A. Vaswani et al., "Attention is all you need" (2017), section 5.3, with the peak as its scale.
public struct InverseSquareRoot: NamedSchedule {
    /// The name in saved form.
    public static let kind = "inverseSquareRoot"
    /// The highest rate, that of the warm-up's last step.
    public let peak: Double
    /// The steps of the warm-up; below 1 it counts as 1.
    public let warmup: Int
    /// The climb to the peak in `warmup` steps, then the fall.
    public init(peak: Double, warmup: Int = 1) { (self.peak, self.warmup) = (peak, warmup) }
    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        let (step, warmup) = (Double(step) + 1, Double(max(1, warmup)))
        return peak * min(step / warmup, (warmup / step).squareRoot())
    }
}

/// A line from one rate to another, which then stays: a climb or a fall of so many steps.
///
///     rate(t) = from + (to - from) · min(1, t / steps)
public struct LinearRamp: NamedSchedule {
    /// The name in saved form.
    public static let kind = "linear"
    /// The first rate and the last.
    public let from: Double, to: Double
    /// The steps until the last rate.
    public let steps: Int
    /// From one rate to another in `steps` steps.
    public init(from: Double, to: Double, steps: Int) { (self.from, self.to, self.steps) = (from, to, steps) }
    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        from + (to - from) * min(1, Double(step) / Double(max(1, steps)))
    }
}

/// Half a cosine between two rates, `progress` from 0 to 1.
func cosine(from: Double, to: Double, at progress: Double) -> Double {
    to + 0.5 * (from - to) * (1 + cos(.pi * progress))
}
