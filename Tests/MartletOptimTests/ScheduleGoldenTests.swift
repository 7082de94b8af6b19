import Foundation
import MartletOptim
import MartletTesting
import Testing

/// Schedules against PyTorch's, as scripts/goldens/schedules.py took them.
@Suite("Schedule goldens")
struct ScheduleGoldenTests {
    private struct Golden: Decodable {
        struct Plateau: Decodable {
            struct Options: Decodable {
                let mode: String
                let factor: Double
                let patience: Int
                let threshold: Double
                let thresholdForm: String
                let cooldown: Int
                let least: Double
            }
            let options: Options
            let figures: [Double]
            let rates: [Double]
        }
        let steps: [Int]
        let values: [String: [Double]]
        let plateaus: [String: Plateau]
    }

    private static func golden() throws -> Golden {
        let path = GoldenFile.path("schedules", "json")
        return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// Ours by the golden file's names.
    static let schedules: [String: any NamedSchedule] = [
        "constant": ConstantRate(0.1), "step": StepDecay(from: 0.1, factor: 0.5, every: 100),
        "multiStep": MultiStepDecay(from: 0.1, factor: 0.2, milestones: [600, 50, 300]),
        "exponential": ExponentialDecay(from: 0.1, factor: 0.997),
        "linear": LinearRamp(from: 0.025, to: 0.075, steps: 200),
        "polynomial": PolynomialDecay(from: 0.1, steps: 500, power: 2),
        "cosine": CosineDecay(from: 0.1, to: 0.001, steps: 1000),
        "warmRestarts": WarmRestarts(from: 0.1, to: 0.01, steps: 50, growth: 2),
        "warmRestartsEqual": WarmRestarts(from: 0.1, steps: 100), "oneCycle": OneCycle(peak: 0.5, steps: 1001),
        "oneCycleLinear": OneCycle(
            peak: 0.5, steps: 1001, climb: 0.2, startDivisor: 10, endDivisor: 100, annealing: .linear),
        "oneCycleThree": OneCycle(peak: 0.5, steps: 1001, hasThreePhases: true),
        "triangular": Cyclic(low: 0.01, high: 0.1, climb: 50),
        "triangular2": Cyclic(low: 0.01, high: 0.1, climb: 50, fall: 150, form: .triangular2),
        "expRange": Cyclic(low: 0.01, high: 0.1, climb: 100, form: .exponential, factor: 0.999),
        "sequence": ScheduleSequence(
            [(ConstantRate(0.1), 20), (ExponentialDecay(from: 0.1, factor: 0.99), 280)],
            then: StepDecay(from: 0.1, factor: 0.5, every: 50)),
        "chained": LinearRamp(from: 0.1, to: 1, steps: 50) * ExponentialDecay(from: 0.1, factor: 0.995),
        "inverseSquareRoot": InverseSquareRoot(peak: 0.1, warmup: 100),
        "oneCycleMomentum": OneCycle(peak: 0.5, steps: 1001).momentum(),
        "oneCycleMomentumThree": OneCycle(peak: 0.5, steps: 1001, hasThreePhases: true).momentum(high: 0.9, low: 0.8),
    ]

    @Test("Every schedule has the peer's numbers over 1001 steps", arguments: schedules.keys.sorted())
    func numbers(_ name: String) throws {
        let golden = try Self.golden()
        let schedule = try #require(Self.schedules[name])
        let wanted = try #require(golden.values[name])
        #expect(wanted.count == golden.steps.count && golden.steps.last == 1000)
        for (step, wanted) in zip(golden.steps, wanted) {
            #expect((schedule(step) - wanted).magnitude <= 1e-10 * wanted.magnitude, "\(name), step \(step): \(wanted)")
        }
    }

    @Test("There is one of ours for each of the peer's")
    func completeness() throws {
        #expect(Set(try Self.golden().values.keys) == Set(Self.schedules.keys))
    }

    @Test("A rate that falls on plateaus falls where the peer's does, also when saved and read in between")
    func plateaus() throws {
        let golden = try Self.golden()
        #expect(golden.plateaus.count == 3)
        for (name, plateau) in golden.plateaus {
            let options = plateau.options
            var ours = ReduceOnPlateau(
                from: 0.1, factor: options.factor, patience: options.patience,
                goal: options.mode == "min" ? .lowest : .highest, threshold: options.threshold,
                thresholdForm: options.thresholdForm == "rel" ? .relative : .absolute, cooldown: options.cooldown,
                least: options.least)
            for (index, figure) in plateau.figures.enumerated() {
                let rate = ours.observe(figure)
                let wanted = plateau.rates[index]
                #expect((rate - wanted).magnitude <= 1e-12 * wanted, "\(name), figure \(index)")
                ours = try JSONDecoder().decode(ReduceOnPlateau.self, from: JSONEncoder().encode(ours))
            }
            #expect(Set(plateau.rates).count > 1)
        }
    }

    @Test(
        "A schedule that is saved and read again is equal and has the same numbers", arguments: schedules.keys.sorted())
    func storing(_ name: String) throws {
        let schedule = try #require(Self.schedules[name])
        for each in [schedule, Warmup(steps: 7, start: 0.1, then: schedule), schedule.advanced(by: 3)]
            as [any NamedSchedule]
        {
            let data = try JSONEncoder().encode(StoredSchedule(each))
            let read = try JSONDecoder().decode(StoredSchedule.self, from: data).schedule
            #expect(read.values(400) == each.values(400))
            let named = try #require(read as? any NamedSchedule)
            #expect(
                AnyHashable(named) == AnyHashable(each) && AnyHashable(named).hashValue == AnyHashable(each).hashValue)
        }
    }

    @Test("What is no schedule is refused with what was expected, and a function cannot be saved")
    func misfits() throws {
        func message(_ json: String) -> String {
            do {
                _ = try JSONDecoder().decode(StoredSchedule.self, from: Data(json.utf8))
                return ""
            } catch { return "\(error)" }
        }
        #expect(
            message(#"{"kind": "cosign"}"#).contains("no schedule \"cosign\""), "\(message(#"{"kind": "cosign"}"#))")
        #expect(message(#"{"kind": "cosine", "from": 1}"#).contains("keyNotFound"))
        #expect(throws: EncodingError.self) {
            try JSONEncoder().encode(StoredSchedule(Warmup(steps: 1, then: FunctionSchedule { Double($0) })))
        }
        #expect(StoredSchedule.kindNames.count == Set(StoredSchedule.kindNames).count)
    }

    @Test("Odd numbers stop no schedule: no steps, no room, steps far out")
    func oddNumbers() {
        let odd: [any Schedule] = [
            StepDecay(from: 1, factor: 0.5, every: 0), WarmRestarts(from: 1, steps: 0, growth: 3),
            WarmRestarts(from: 1, steps: -4), Cyclic(low: 0, high: 1, climb: 0, fall: 0), OneCycle(peak: 1, steps: 0),
            LinearRamp(from: 0, to: 1, steps: 0), InverseSquareRoot(peak: 1, warmup: 0),
            PolynomialDecay(from: 1, steps: 0), CosineDecay(from: 1, steps: 0), ProductSchedule([]),
            CosineDecay(from: 1, steps: .max, warmup: -1), CosineDecay(from: 1, steps: .min, warmup: .min),
            OneCycle(peak: 1, steps: .min), OneCycle(peak: 1, steps: .max, hasThreePhases: true),
            WarmRestarts(from: 1, steps: .max, growth: .max), Cyclic(low: 0, high: 1, climb: .max, fall: .max),
            Warmup(steps: .min, then: ConstantRate(1)), ConstantRate(1).advanced(by: .max),
            LinearRamp(from: 0, to: 1, steps: 3).advanced(by: .min),
            ScheduleSequence([(ConstantRate(1), .min), (ConstantRate(1), .max)], then: ConstantRate(1)),
        ]
        for schedule in odd {
            for step in [0, 1, 7, 1_000_000_000] { #expect(schedule(step).isFinite, "\(schedule) at \(step)") }
        }
    }

    @Test("Batch sizes are whole, in bounds and multiples")
    func batchSizes() {
        let size = BatchSizeSchedule(LinearRamp(from: 10, to: 1000, steps: 100), least: 16, most: 512, multiple: 8)
        #expect(size(0) == 16 && size(100) == 512)
        for step in 0..<100 { #expect(size(step) % 8 == 0 && (16...512).contains(size(step))) }
        #expect(BatchSizeSchedule(FunctionSchedule { _ in .nan })(3) == 1)
        #expect(BatchSizeSchedule(FunctionSchedule { _ in .infinity }, most: .max)(0) == 1 << 53)
    }
}
