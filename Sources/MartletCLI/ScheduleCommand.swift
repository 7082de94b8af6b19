import ArgumentParser
import Foundation
import Martlet

/// `martlet schedule`.
struct ScheduleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Plot a learning-rate schedule, in the terminal and as SVG.",
        discussion: """
            martlet schedule cosine --rate 0.1 --steps 1000 --warmup 100
            martlet schedule --file schedule.json --steps 5000 --svg schedule.svg
            """)

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case constant, step, exponential, polynomial, cosine, cyclic
        case multiStep = "multi-step"
        case linear
        case inverseSquareRoot = "inverse-square-root"
        case warmRestarts = "warm-restarts"
        case oneCycle = "one-cycle"

        /// As it is written here, or in recipes.
        init?(argument: String) { self.init(rawValue: argument.replacing("_", with: "-")) }
    }

    @Argument(help: "What the rate does.") var kind: Kind?
    @Option(help: "A schedule as JSON in place of its kind: {\"kind\": \"cosine\", \"from\": 0.1, …}.") var file:
        String?
    @Option(help: "Steps to plot, and those of a schedule with an end.") var steps = 1000
    @Option(help: "The first rate; of one-cycle, cyclic and inverse-square-root the highest.") var rate = 0.1
    @Option(help: "The last rate; of cyclic the lowest.") var to = 0.0
    @Option(help: "Steps of a linear warm-up before it.") var warmup = 0
    @Option(help: "What step, multi-step and exponential multiply the rate by.") var factor: Double?
    @Option(help: "Steps between two multiplications, of a round of warm restarts, of a climb of cyclic.") var every:
        Int?
    @Option(help: "Steps at which multi-step multiplies: 300,600.") var milestones = ""
    @Option(help: "The power of polynomial.") var power = 1.0
    @Option(help: "How much longer each round of warm restarts is than the one before.") var growth = 1
    @Option(help: "How the height of cyclic changes.") var form: Cyclic.Form = .triangular
    @Option(help: "A file for the plot as SVG.") var svg: String?
    @Flag(help: "One JSON object on standard output: the schedule and its numbers.") var json = false

    func validate() throws {
        guard (1...10_000_000).contains(steps) else {
            throw ValidationError("--steps must be from 1 to 10,000,000, it is \(steps)")
        }
        guard (kind == nil) != (file == nil) else {
            throw ValidationError("name a kind (\(Kind.allCases.map(\.rawValue).joined(separator: ", "))) or a --file")
        }
        guard (0...steps).contains(warmup) else {
            throw ValidationError("--warmup must be from 0 to --steps, it is \(warmup)")
        }
        guard every ?? 1 > 0 else { throw ValidationError("--every must be at least 1, it is \(every ?? 1)") }
        for (name, number) in [("--rate", rate), ("--to", to), ("--factor", factor ?? 1), ("--power", power)]
        where !number.isFinite {
            throw ValidationError("\(name) must be a number, it is \(number)")
        }
        _ = try milestoneSteps()
    }

    func run() throws {
        let schedule = try makeSchedule()
        let plot = SchedulePlot(schedule, steps: steps, title: kind?.rawValue ?? file ?? "schedule")
        if let svg { try AtomicFile.write(Array(plot.svg.utf8), to: svg) }
        if json {
            return try JSONLines.print(
                Line(
                    schedule: StoredSchedule(schedule), steps: steps,
                    points: plot.points.map { Line.Point(step: $0.step, value: $0.value) }))
        }
        let terminal = Terminal.standardOutput
        terminal.write(plot.lines(for: terminal).joined(separator: "\n") + "\n")
        if let svg { Terminal.standardError.write("\(svg) has the plot\n") }
    }

    private func milestoneSteps() throws -> [Int] {
        try milestones.split(separator: ",").map { text in
            guard let step = Int(text.trimmingCharacters(in: .whitespaces)) else {
                throw ValidationError("--milestones: \(text) is no step")
            }
            return step
        }
    }

    private func makeSchedule() throws -> any Schedule {
        let schedule = try file.map(read) ?? make(kind ?? .constant)
        return warmup > 0 ? Warmup(steps: warmup, then: schedule) : schedule
    }

    private func make(_ kind: Kind) throws -> any Schedule {
        let rest = max(1, steps - warmup)
        switch kind {
        case .constant: return ConstantRate(rate)
        case .step: return StepDecay(from: rate, factor: factor ?? 0.1, every: every ?? max(1, rest / 3))
        case .multiStep:
            let given = try milestoneSteps()
            return MultiStepDecay(
                from: rate, factor: factor ?? 0.1, milestones: given.isEmpty ? [rest / 2, rest * 3 / 4] : given)
        case .exponential: return ExponentialDecay(from: rate, factor: factor ?? pow(0.01, 1 / Double(rest)))
        case .polynomial: return PolynomialDecay(from: rate, to: to, steps: rest, power: power)
        case .cosine: return CosineDecay(from: rate, to: to, steps: rest)
        case .linear: return LinearRamp(from: rate, to: to, steps: rest)
        case .inverseSquareRoot: return InverseSquareRoot(peak: rate, warmup: every ?? max(1, rest / 10))
        case .warmRestarts: return WarmRestarts(from: rate, to: to, steps: every ?? max(1, rest / 4), growth: growth)
        case .oneCycle: return OneCycle(peak: rate, steps: rest)
        case .cyclic:
            return Cyclic(low: to, high: rate, climb: every ?? max(1, rest / 8), form: form, factor: factor ?? 0.999)
        }
    }

    /// A schedule from a file; what is wrong with it is said with the file's name.
    private func read(_ path: String) throws -> any Schedule {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure(.missingInput, "\(path): there is no such file, or it cannot be read")
        }
        do { return try JSONDecoder().decode(StoredSchedule.self, from: data).schedule } catch {
            throw CommandFailure(.badData, "\(path): \(Self.fault(error))")
        }
    }

    private static func fault(_ error: any Error) -> String {
        func place(_ path: [any CodingKey]) -> String { path.map(\.stringValue).joined(separator: ".") }
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            return "\(place(context.codingPath + [key])) is missing"
        case DecodingError.typeMismatch(let type, let context):
            return "\(place(context.codingPath)): expected \(type)"
        case DecodingError.valueNotFound(let type, let context):
            return "\(place(context.codingPath)): expected \(type), found null"
        case DecodingError.dataCorrupted(let context):
            let path = place(context.codingPath)
            return (path.isEmpty ? "" : "\(path): ") + context.debugDescription
        default: return "\(error)"
        }
    }

    private struct Line: Encodable {
        struct Point: Encodable {
            let step: Int
            let value: Double
        }
        let event = "schedule"
        let schedule: StoredSchedule
        let steps: Int
        let points: [Point]
    }
}

extension Cyclic.Form: ExpressibleByArgument {}
