/// A schedule's rates after a linear climb to its first: what most large networks begin with.
///
///     rate(t) = then(0) · (start + (1 - start)·(t + 1) / steps)   for t < steps; then(t - steps) after
public struct Warmup: NamedSchedule {
    /// The name in saved form.
    public static let kind = "warmup"
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
        let steps = max(0, steps)
        guard step < steps else { return then(step - steps) }
        return then(0) * (start + (1 - start) * Double(step + 1) / Double(steps))
    }

    private enum Key: String, CodingKey { case steps, start, then }

    /// From saved form; throws where a number is missing or a part is of no kind.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        steps = try container.decode(Int.self, forKey: .steps)
        start = try container.decodeIfPresent(Double.self, forKey: .start) ?? 0
        then = try container.decode(StoredSchedule.self, forKey: .then).schedule
    }

    /// Saved form; throws where a part is a function.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(steps, forKey: .steps)
        try container.encode(start, forKey: .start)
        try container.encode(StoredSchedule(then), forKey: .then)
    }

    /// True where kinds and numbers are the same; a function is equal to nothing.
    public static func == (a: Warmup, b: Warmup) -> Bool {
        a.steps == b.steps && a.start == b.start && areEqual(a.then, b.then)
    }

    /// What equal schedules share.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(steps)
        hasher.combine(start)
        MartletOptim.hash(then, into: &hasher)
    }
}

/// Schedules one after the other: each counts its own steps from 0, and the last one stays.
public struct ScheduleSequence: NamedSchedule {
    /// The name in saved form.
    public static let kind = "sequence"
    /// Each part's schedule and its number of steps.
    public let parts: [(schedule: any Schedule, steps: Int)]
    /// What follows the parts.
    public let last: any Schedule

    /// Each part's schedule for its number of steps, then `last` for ever.
    public init(_ parts: [(schedule: any Schedule, steps: Int)], then last: any Schedule) {
        (self.parts, self.last) = (parts, last)
    }

    /// The rate of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        var step = step
        for part in parts {
            let steps = max(0, part.steps)
            if step < steps { return part.schedule(step) }
            step -= steps
        }
        return last(step)
    }

    private enum Key: String, CodingKey { case parts, then }

    private struct Part: Codable {
        let schedule: StoredSchedule
        let steps: Int
    }

    /// From saved form; throws where a number is missing or a part is of no kind.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        parts = try container.decode([Part].self, forKey: .parts).map { ($0.schedule.schedule, $0.steps) }
        last = try container.decode(StoredSchedule.self, forKey: .then).schedule
    }

    /// Saved form; throws where a part is a function.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(
            parts.map { Part(schedule: StoredSchedule($0.schedule), steps: $0.steps) }, forKey: .parts)
        try container.encode(StoredSchedule(last), forKey: .then)
    }

    /// True where kinds and numbers are the same; a function is equal to nothing.
    public static func == (a: ScheduleSequence, b: ScheduleSequence) -> Bool {
        a.parts.count == b.parts.count && areEqual(a.last, b.last)
            && zip(a.parts, b.parts).allSatisfy { $0.steps == $1.steps && areEqual($0.schedule, $1.schedule) }
    }

    /// What equal schedules share.
    public func hash(into hasher: inout Hasher) {
        for part in parts {
            hasher.combine(part.steps)
            MartletOptim.hash(part.schedule, into: &hasher)
        }
        MartletOptim.hash(last, into: &hasher)
    }
}

/// Schedules multiplied step by step: a rate by one, factors by the others. PyTorch calls it chained.
public struct ProductSchedule: NamedSchedule {
    /// The name in saved form.
    public static let kind = "product"
    /// What is multiplied.
    public let factors: [any Schedule]

    /// The product of the schedules; of none it is 1.
    public init(_ factors: [any Schedule]) { self.factors = factors }

    /// The product of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double { factors.reduce(1) { $0 * $1(step) } }

    private enum Key: String, CodingKey { case factors }

    /// From saved form; throws where a number is missing or a part is of no kind.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        factors = try container.decode([StoredSchedule].self, forKey: .factors).map(\.schedule)
    }

    /// Saved form; throws where a part is a function.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(factors.map { StoredSchedule($0) }, forKey: .factors)
    }

    /// True where kinds and numbers are the same; a function is equal to nothing.
    public static func == (a: ProductSchedule, b: ProductSchedule) -> Bool {
        a.factors.count == b.factors.count && zip(a.factors, b.factors).allSatisfy { areEqual($0, $1) }
    }

    /// What equal schedules share.
    public func hash(into hasher: inout Hasher) { for factor in factors { MartletOptim.hash(factor, into: &hasher) } }
}

/// The product of two schedules, step by step.
public func * (a: any Schedule, b: any Schedule) -> ProductSchedule { ProductSchedule([a, b]) }

/// A schedule from a later step on.
public struct ShiftedSchedule: NamedSchedule {
    /// The name in saved form.
    public static let kind = "shifted"
    /// The schedule whose numbers they are.
    public let schedule: any Schedule
    /// How many steps later.
    public let steps: Int

    /// The schedule whose step 0 is the other's step `steps`.
    public init(_ schedule: any Schedule, by steps: Int) { (self.schedule, self.steps) = (schedule, steps) }

    /// The number of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double {
        let (later, overflows) = step.addingReportingOverflow(steps)
        return schedule(overflows ? .max : max(0, later))
    }

    private enum Key: String, CodingKey { case schedule, steps }

    /// From saved form; throws where a number is missing or a part is of no kind.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        schedule = try container.decode(StoredSchedule.self, forKey: .schedule).schedule
        steps = try container.decode(Int.self, forKey: .steps)
    }

    /// Saved form; throws where a part is a function.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(StoredSchedule(schedule), forKey: .schedule)
        try container.encode(steps, forKey: .steps)
    }

    /// True where kinds and numbers are the same; a function is equal to nothing.
    public static func == (a: ShiftedSchedule, b: ShiftedSchedule) -> Bool {
        a.steps == b.steps && areEqual(a.schedule, b.schedule)
    }

    /// What equal schedules share.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(steps)
        MartletOptim.hash(schedule, into: &hasher)
    }
}
