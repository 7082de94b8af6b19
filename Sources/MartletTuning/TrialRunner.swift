import Foundation
import Synchronization

/// How a trial's process ended.
enum TrialEnd: Sendable, Equatable {
    case finished
    /// It was asked to end, and left a checkpoint.
    case interrupted
    case failed(String)
}

/// Runs trials.
protocol TrialRunner: Sendable {
    /// Trains by a trial's settings to the end, or until a report says no, or someone wants it to end.
    func run(
        _ trial: Trial, isInterrupted: @escaping @Sendable () -> Bool,
        report: @escaping @Sendable (_ epoch: Int, _ figure: Double) throws -> Bool
    ) throws -> TrialEnd
}

/// Runs each trial as a process of its own, `martlet train`, that dies with this one.
struct ProcessRunner: TrialRunner {
    let plan: StudyPlan
    let folder: String

    /// The folder of a trial's run.
    func runFolder(_ trial: Trial) -> String { folder + String(format: "/trials/%04ld", trial.number) }

    func run(
        _ trial: Trial, isInterrupted: @escaping @Sendable () -> Bool,
        report: @escaping @Sendable (_ epoch: Int, _ figure: Double) throws -> Bool
    ) throws -> TrialEnd {
        let process = try start(trial)
        let ask = Watch(process, isInterrupted)
        defer { ask.stop() }
        var lastLine = ""
        for line in process.lines {
            lastLine = line
            guard let event = try? JSONDecoder().decode(EpochEvent.self, from: Data(line.utf8)),
                let figure = event.metrics.figure(plan.metric)
            else { continue }
            if try !report(event.metrics.epoch, figure) {
                process.interrupt()
                break
            }
        }
        switch process.wait() {
        case 0: return .finished
        case 130, 143: return .interrupted
        case let code: return isInterrupted() ? .interrupted : .failed(Self.message(lastLine) ?? "exit code \(code)")
        }
    }

    private func start(_ trial: Trial) throws -> TrialProcess {
        let run = runFolder(trial)
        let goesOn = FileManager.default.fileExists(atPath: run + "/config.json")
        var arguments = ["train", "--json", "--until-input-ends"]
        if goesOn {
            arguments += ["--resume", run]
        } else {
            let recipe = folder + "/recipe.yaml"
            if !FileManager.default.fileExists(atPath: recipe) {
                try plan.recipeText.write(toFile: recipe, atomically: true, encoding: .utf8)
            }
            arguments += [recipe, "--output", run, "--set", "data.use_test=false"]
            arguments += trial.settings.sorted { $0.key < $1.key }.flatMap { ["--set", "\($0.key)=\($0.value)"] }
        }
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let threads = String(max(1, cores / plan.parallel))
        return try TrialProcess(
            arguments, environment: ["MARTLET_THREADS": threads, "OMP_NUM_THREADS": threads], errors: run + ".log")
    }

    private static func message(_ line: String) -> String? {
        struct Failure: Decodable { let message: String }
        return (try? JSONDecoder().decode(Failure.self, from: Data(line.utf8)))?.message
    }
}

/// The line of `martlet train --json` after an epoch.
private struct EpochEvent: Decodable {
    struct Metrics: Decodable {
        let epoch: Int
        let trainLoss: Double?
        let validationLoss: Double?
        let validationAccuracy: Double?

        private enum CodingKeys: String, CodingKey {
            case epoch
            case trainLoss = "train_loss"
            case validationLoss = "validation_loss"
            case validationAccuracy = "validation_accuracy"
        }

        func figure(_ metric: StudyPlan.Metric) -> Double? {
            switch metric {
            case .validationLoss: validationLoss
            case .validationAccuracy: validationAccuracy
            case .trainLoss: trainLoss
            }
        }
    }
    let metrics: Metrics
}

/// Passes a wish to end on to a process, while it runs.
private final class Watch: Sendable {
    private let isOver = Mutex(false)

    init(_ process: TrialProcess, _ isInterrupted: @escaping @Sendable () -> Bool) {
        Thread.detachNewThread { [self] in
            while !isOver.withLock({ $0 }) {
                if isInterrupted() { return process.interrupt() }
                usleep(50_000)
            }
        }
    }

    func stop() { isOver.withLock { $0 = true } }
}
