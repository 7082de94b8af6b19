import ArgumentParser
import Foundation
import Martlet
import MartletCPU

/// A training run of the command, from its folder to its report.
struct TrainSession {
    let configuration: TrainConfiguration
    let data: TrainingData
    let folder: RunFolder
    let resumes: Bool
    let isJSON: Bool

    func run() throws {
        let trap = SignalTrap()
        defer { trap.restore() }
        let (train, test) = (data.train, data.test)
        // Everything random below follows from this seed, so that a run begun anew is the same run.
        manualSeed(configuration.seed)
        let model = configuration.model.make()
        let loader = DataLoader(train, batchSize: configuration.batchSize, shuffle: true)
        let testLoader = DataLoader(test, batchSize: 1000)
        let trainer = Trainer(
            model, configuration.makeOptimizer(model),
            schedule: configuration.makeSchedule(stepsPerEpoch: loader.count), settings: configuration.training)
        if !resumes { try folder.writeConfiguration(configuration) }
        try begin(model, train.count, test.count)
        let progress = attach(to: trainer, batches: loader.count)
        let outcome: Trainer.Outcome
        do {
            outcome = try trainer.fit(loader, test: testLoader, in: folder, resumes: resumes) { trap.isRaised }
        } catch {
            progress?.clear()
            throw error
        }
        progress?.clear()
        guard outcome.end != .interrupted else { return try interrupted(outcome, trap.exitCode ?? 130) }
        let result = try outcome.test ?? model.evaluate(on: testLoader)
        let note = ModelNote(model: configuration.model, data: configuration.data)
        try model.save(to: folder.modelPath, metadata: note.metadata)
        try folder.write(report(model, test, outcome, result))
        try finish(outcome, result)
    }

    // MARK: What is said

    private func begin(_ model: any Layer, _ trainCount: Int, _ testCount: Int) throws {
        if isJSON {
            return try JSONLines.print(
                Event.Begin(
                    folder: folder.path, resumed: resumes, parameters: model.parameterCount, trainImages: trainCount,
                    testImages: testCount, configuration: configuration))
        }
        let counts = "\(NumberText.grouped(trainCount)) + \(NumberText.grouped(testCount)) images"
        Terminal.standardError.write(
            """
            \(configuration.title): \(NumberText.grouped(model.parameterCount)) parameters, \(counts), \
            \(Machine.description)
            \(resumes ? "Going on in" : "Run folder:") \(folder.path)

            """)
    }

    private func attach(to trainer: Trainer, batches: Int) -> ProgressObserver? {
        if isJSON {
            trainer.observers.append(EventObserver())
            return nil
        }
        let progress = ProgressObserver(
            ProgressBar(epochs: configuration.training.epochs, batchesPerEpoch: batches))
        trainer.observers.append(progress)
        return progress
    }

    private func interrupted(_ outcome: Trainer.Outcome, _ code: Int32) throws {
        if isJSON {
            try JSONLines.print(Event.End(end: "interrupted", folder: folder.path, steps: outcome.steps))
        }
        Terminal.standardError.write(
            "Interrupted after step \(NumberText.grouped(outcome.steps)); the checkpoint is saved. Go on with\n"
                + "    martlet train --resume \(folder.path)\n")
        throw ExitCode(code)
    }

    private func finish(_ outcome: Trainer.Outcome, _ result: Evaluation) throws {
        if isJSON {
            return try JSONLines.print(
                Event.End(
                    end: outcome.end == .finished ? "finished" : "stopped_early", folder: folder.path,
                    steps: outcome.steps, testLoss: result.loss, testAccuracy: result.accuracy))
        }
        let accuracy = NumberText.percent(result.accuracy ?? .nan)
        let count =
            result.confusion.map { " (\(NumberText.grouped($0.correct)) of \(NumberText.grouped($0.total)))" } ?? ""
        Terminal.standardOutput.write(
            """
            Test accuracy \(accuracy)\(count)
            Model   \(folder.modelPath)
            Report  \(folder.reportPath)

            """)
    }

    private func report(
        _ model: any Layer, _ test: any RecordDataset, _ outcome: Trainer.Outcome, _ result: Evaluation
    ) throws -> Report {
        Report(
            title: configuration.title, parameters: model.parameterCount, device: Machine.description,
            history: outcome.history, confusion: result.confusion, classNames: test.classNames,
            wrongImages: result.mistakes.prefix(24).map { wrongImage($0, test) },
            settings: try Report.settings(of: configuration))
    }

    private func wrongImage(_ mistake: Evaluation.Mistake, _ test: any RecordDataset) -> Report.WrongImage {
        let shape = test.records.sample(at: mistake.index).inputs.shape
        let pixels = test.records.withInputBytes(at: test.position(of: mistake.index)) { [UInt8]($0) }
        return Report.WrongImage(
            image: ReportImage(width: shape[2], height: shape[1], channels: 1, pixels: pixels), actual: mistake.actual,
            predicted: mistake.predicted, probability: mistake.probability, index: mistake.index)
    }
}

/// What a run learns from and is judged by, read before the run has a folder: where it cannot be read, none is left behind.
struct TrainingData {
    let train: any RecordDataset
    let test: any RecordDataset

    init(_ configuration: TrainConfiguration) throws {
        train = try configuration.data.load(.train, directory: configuration.dataDirectory)
        test = try configuration.data.load(.test, directory: configuration.dataDirectory)
    }
}

/// The lines of `--json`.
enum Event {
    struct Begin: Encodable {
        let event = "begin"
        let folder: String
        let resumed: Bool
        let parameters: Int
        let trainImages: Int
        let testImages: Int
        let configuration: TrainConfiguration
    }

    struct Epoch: Encodable {
        let event = "epoch"
        let metrics: MetricsRecord
    }

    struct Saved: Encodable {
        let event = "checkpoint"
        let path: String
    }

    struct End: Encodable {
        let event = "end"
        let end: String
        let folder: String
        let steps: Int
        var testLoss: Double?
        var testAccuracy: Double?
    }
}

/// Follows a run as lines of JSON.
private final class EventObserver: TrainingObserver {
    func epochDidEnd(_ record: MetricsRecord) { try? JSONLines.print(Event.Epoch(metrics: record)) }
    func checkpointWasWritten(_ path: String) { try? JSONLines.print(Event.Saved(path: path)) }
}
