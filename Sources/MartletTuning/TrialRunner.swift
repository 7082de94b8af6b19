import Foundation
import MartletTraining
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
    /// The program; nil for the `martlet` beside this one, or on the path.
    var program: URL?

    /// The folder of a trial's run.
    func runFolder(_ trial: Trial) -> String { folder + String(format: "/trials/%04ld", trial.number) }

    func run(
        _ trial: Trial, isInterrupted: @escaping @Sendable () -> Bool,
        report: @escaping @Sendable (_ epoch: Int, _ figure: Double) throws -> Bool
    ) throws -> TrialEnd {
        // What was measured and never told, for a process died in between: the run does not measure it again.
        for record in try measured(trial) where record.epoch > trial.epochs {
            guard let figure = plan.metric.figureOrWorst(of: record) else { continue }
            if try !report(record.epoch, figure) { return .interrupted }
        }
        let process = try start(trial)
        let ask = Watch(process, isInterrupted)
        defer { ask.stop() }
        var (lastLine, isStopped) = ("", false)
        for line in process.lines {
            lastLine = line
            guard let event = try? JSONDecoder().decode(EpochEvent.self, from: Data(line.utf8)),
                let figure = plan.metric.figureOrWorst(of: event.metrics)
            else { continue }
            if try !report(event.metrics.epoch, figure) {
                isStopped = true
                process.interrupt()
                break
            }
        }
        let code = process.wait()
        if code == 0 { return .finished }
        let signal = [130: "SIGINT", 143: "SIGTERM"][code]
        if isStopped || isInterrupted() || (signal != nil && isSoon(isInterrupted)) { return .interrupted }
        return .failed(Self.message(lastLine) ?? signal.map { "ended by \($0) from outside" } ?? "exit code \(code)")
    }

    /// A signal to all processes of a terminal may reach the child first.
    private func isSoon(_ isTrue: () -> Bool) -> Bool {
        for _ in 0..<25 {
            if isTrue() { return true }
            usleep(20_000)
        }
        return false
    }

    /// The epochs that a trial's run has kept.
    private func measured(_ trial: Trial) throws -> [MetricsRecord] {
        let path = runFolder(trial) + "/metrics.jsonl"
        return FileManager.default.fileExists(atPath: path) ? try MetricsLog.read(path) : []
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
            arguments, environment: ["MARTLET_THREADS": threads, "OMP_NUM_THREADS": threads], errors: run + ".log",
            program: program)
    }

    private static func message(_ line: String) -> String? {
        struct Failure: Decodable { let message: String }
        return (try? JSONDecoder().decode(Failure.self, from: Data(line.utf8)))?.message
    }
}

/// The line of `martlet train --json` after an epoch.
private struct EpochEvent: Decodable {
    let metrics: MetricsRecord
}

extension MonitoredFigure {
    /// The figure of an epoch, the worst there is where it was no number; nil where it was not measured.
    func figureOrWorst(of record: MetricsRecord) -> Double? {
        record.figure(self).map { $0.isNaN ? (goal == .highest ? -.infinity : .infinity) : $0 }
    }
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
