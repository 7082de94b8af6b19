import Foundation
import MartletTraining
import Testing

@testable import MartletTuning

@Suite("Trials as processes")
final class ProcessRunnerTests {
    /// A folder of this test, which goes with it.
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("trials-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// A study whose trials run a script in place of `martlet`, told its folder as `$run`.
    private func study(_ script: String, trials: Int = 1, metric: String = "validation_loss") throws -> Study {
        let recipe = folder.appendingPathComponent("tune.yaml").path
        let tune = "{algorithm: grid, metric: \(metric), trials: \(trials), space: {optimizer.lr: [0.1, 0.2, 0.3]}}"
        try "data: digits\nsplit: {validation: 10}\ntune: \(tune)\n"
            .write(toFile: recipe, atomically: true, encoding: .utf8)
        let program = folder.appendingPathComponent("martlet")
        let find =
            "run=; for word; do [ \"$last\" = --output ] || [ \"$last\" = --resume ] && run=$word; last=$word; done"
        try "#!/bin/sh\n\(find)\nmkdir -p $run\n\(script)\n".write(to: program, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
        let (plan, path) = (try StudyPlan(contentsOf: recipe), folder.appendingPathComponent("study").path)
        return try Study(plan, folder: path, runner: ProcessRunner(plan: plan, folder: path, program: program))
    }

    private static func record(_ epoch: Int, _ loss: String) -> String {
        "{\"elapsed_seconds\":1,\"epoch\":\(epoch),\"seconds\":1,\"step\":\(epoch),\"train_loss\":\(loss),"
            + "\"validation_loss\":\(loss),\"validation_accuracy\":\(loss)}"
    }

    private static func event(_ epoch: Int, _ loss: String) -> String {
        "echo '{\"event\":\"epoch\",\"metrics\":\(record(epoch, loss))}'"
    }

    @Test("a trial that a signal from outside ends has failed with the reason, and the next ones run")
    func signalledTrial() throws {
        let study = try study("case $run in */0001) exit 143;; esac\n\(Self.event(1, "0.5"))", trials: 3)
        try study.run()
        let trials = try study.trials
        #expect(trials.map(\.state) == [.finished, .failed, .finished])
        #expect(trials[1].message == "ended by SIGTERM from outside")
    }

    /// Runs the study until a script of its says that it is to be interrupted.
    private func runUntilAsked(_ study: Study) throws {
        let mark = folder.appendingPathComponent("asked").path
        try study.run(isInterrupted: { FileManager.default.fileExists(atPath: mark) })
        try FileManager.default.removeItem(atPath: mark)
    }

    private var ask: String { "touch \(folder.appendingPathComponent("asked").path)" }

    @Test("a trial that an interruption ends waits to be gone on with")
    func interruptedTrial() throws {
        let study = try study("\(Self.event(1, "0.5"))\n\(ask)\nexit 130", trials: 3)
        try runUntilAsked(study)
        #expect(try study.trials.map(\.state) == [.running])
    }

    @Test("a loss that is no number is the worst figure, not the one before it")
    func lossThatIsNoNumber() throws {
        let script = "\(Self.event(1, "0.5"))\n\(Self.event(2, "null"))"
        let losses = try study(script)
        try losses.run()
        #expect(try losses.trials.map(\.figure) == [.infinity])
        #expect(try losses.trials.map(\.epochs) == [2])
        #expect(try losses.best == nil)
        let record = MetricsRecord(
            epoch: 1, step: 1, trainLoss: 1, validationAccuracy: .nan, seconds: 1, elapsedSeconds: 1)
        #expect(MonitoredFigure.metric(.accuracy, .validation).figureOrWorst(of: record) == -.infinity)
    }

    @Test("an epoch that was measured and not told before the process died is told on resumption, once")
    func untoldEpoch() throws {
        // The first process measures two epochs, tells of one and is killed with the study; the second has nothing left to do.
        let first = """
            if [ -e $run/metrics.jsonl ]; then exit 0; fi
            echo '\(Self.record(1, "0.5"))' > $run/metrics.jsonl
            echo '\(Self.record(2, "0.25"))' >> $run/metrics.jsonl
            \(Self.event(1, "0.5"))
            \(ask)
            exit 130
            """
        try runUntilAsked(study(first))
        let study = try study(first)
        #expect(try study.trials.map(\.epochs) == [1])
        try study.run()
        #expect(try study.trials.map(\.state) == [.finished])
        #expect(try study.trials.map(\.figure) == [0.25])
        #expect(try study.trials.map(\.epochs) == [2])
    }
}
