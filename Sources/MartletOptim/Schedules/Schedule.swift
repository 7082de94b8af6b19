/// A number by step: a learning rate, a momentum, a weight decay, a batch size. `optimizer.learningRate = schedule(step)`.
///
/// A schedule is a value: ask it for any step in any order, plot it, compose it. Those that are `NamedSchedule` are saved and
/// read as JSON through `StoredSchedule`.
public protocol Schedule: Sendable {
    /// The number of step `step`, counted from 0.
    func callAsFunction(_ step: Int) -> Double
}

extension Schedule {
    /// The numbers of steps 0 to `count` - 1.
    public func values(_ count: Int) -> [Double] { (0..<max(0, count)).map { self($0) } }

    /// The schedule times a number.
    public func scaled(by factor: Double) -> ProductSchedule { ProductSchedule([self, ConstantRate(factor)]) }

    /// The schedule as it will be `steps` steps later.
    public func advanced(by steps: Int) -> ShiftedSchedule { ShiftedSchedule(self, by: steps) }
}

/// A schedule that can be saved: by its kind and its numbers.
public protocol NamedSchedule: Schedule, Codable, Hashable {
    /// The name in saved form.
    static var kind: String { get }
}

/// A schedule in saved form: an object with its `kind` and its numbers.
///
///     {"kind": "warmup", "steps": 500, "start": 0, "then": {"kind": "cosine", "from": 0.1, "to": 0, …}}
public struct StoredSchedule: Codable, Sendable {
    /// The schedule itself.
    public let schedule: any Schedule

    /// Any schedule; one that is no `NamedSchedule` cannot be encoded.
    public init(_ schedule: any Schedule) { self.schedule = schedule }

    private enum Key: String, CodingKey { case kind }

    private static let kinds: [any NamedSchedule.Type] = [
        ConstantRate.self, StepDecay.self, MultiStepDecay.self, ExponentialDecay.self, PolynomialDecay.self,
        CosineDecay.self, InverseSquareRoot.self, WarmRestarts.self, OneCycle.self, OneCycleMomentum.self, Cyclic.self,
        LinearRamp.self, Warmup.self, ScheduleSequence.self, ProductSchedule.self, ShiftedSchedule.self,
    ]

    /// The names of all kinds.
    public static var kindNames: [String] { kinds.map { $0.kind } }

    /// From saved form; throws where a number is missing or a part is of no kind.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let name = try container.decode(String.self, forKey: .kind)
        guard let kind = Self.kinds.first(where: { $0.kind == name }) else {
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: container,
                debugDescription: "no schedule \"\(name)\"; expected \(Self.kindNames.joined(separator: ", "))")
        }
        schedule = try kind.init(from: decoder)
    }

    /// Saved form; throws where a part is a function.
    public func encode(to encoder: any Encoder) throws {
        guard let named = schedule as? any NamedSchedule else {
            throw EncodingError.invalidValue(
                schedule,
                EncodingError.Context(
                    codingPath: encoder.codingPath,
                    debugDescription: "\(type(of: schedule)) is a function, which has no saved form"))
        }
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(type(of: named).kind, forKey: .kind)
        try named.encode(to: encoder)
    }
}

/// Parts of one schedule are equal where they are named and their numbers are.
func areEqual(_ a: any Schedule, _ b: any Schedule) -> Bool {
    guard let a = a as? any NamedSchedule, let b = b as? any NamedSchedule else { return false }
    return AnyHashable(a) == AnyHashable(b)
}

/// The hash of a part of a schedule; parts without a name have one hash.
func hash(_ schedule: any Schedule, into hasher: inout Hasher) {
    if let named = schedule as? any NamedSchedule { AnyHashable(named).hash(into: &hasher) }
}

/// Any function as a schedule.
///
///     let rate = FunctionSchedule { step in 0.1 / Double(1 + step) }
public struct FunctionSchedule: Schedule {
    private let function: @Sendable (Int) -> Double

    /// The numbers that `function` gives for steps counted from 0.
    public init(_ function: @escaping @Sendable (Int) -> Double) { self.function = function }

    /// The number of step `step`, counted from 0.
    public func callAsFunction(_ step: Int) -> Double { function(step) }
}
