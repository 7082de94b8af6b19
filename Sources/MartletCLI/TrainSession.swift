import ArgumentParser
import Foundation
import Martlet
import MartletCPU
import MartletRecipes

/// A training run of the command, from its folder to its report.
struct TrainSession {
    /// What trains, made before the run had a folder: what does not fit leaves none behind.
    let run: RecipeRun
    let folder: RunFolder
    let resumes: Bool
    let isJSON: Bool
    /// The folder of all folds, where the run is one of theirs.
    var foldsFolder: String?
    private var recipe: Recipe { run.recipe }
    private var hasImages: Bool { recipe.data.images != nil }
    /// What examples are called.
    private var unit: String { hasImages ? "images" : "samples" }
    private var data: RecipeData { run.data }

    /// Trains to the end.
    ///
    /// - Returns: how well the network does on the test data, by the names of the figures; none where they are left alone.
    @discardableResult
    func train() throws -> [FoldSummary.Figure] {
        let trap = SignalTrap()
        defer { trap.restore() }
        if !resumes {
            try AtomicFile.write([UInt8](try recipe.effectiveText.utf8), to: folder.recipePath)
            try folder.writeConfiguration(RunConfiguration())
        }
        try begin()
        let progress = attach(to: run.trainer, batches: run.loader.count)
        if recipe.training.statistics != nil { run.trainer.observers.append(LayerLog(folder.layersPath)) }
        let (outcome, result): (Trainer.Outcome, Evaluation?)
        do {
            (outcome, result) = try run.fit(in: folder, resumes: resumes) { trap.isRaised }
        } catch {
            progress?.clear()
            throw error
        }
        progress?.clear()
        guard outcome.end != .interrupted else { throw try interrupted(outcome, trap.exitCode ?? 130) }
        try run.save(to: folder.modelPath)
        let metrics = run.figures(of: result)
        try folder.write(report(run.model, outcome, result, metrics))
        try finish(outcome, result, metrics)
        guard let result else { return [] }
        let own = [("test_loss", result.loss)] + (result.accuracy.map { [("test_accuracy", $0)] } ?? [])
        return (own + metrics.map { ($0.name.rawValue, $0.value) }).map { FoldSummary.Figure(name: $0.0, value: $0.1) }
    }

    // MARK: What is said

    private func begin() throws {
        let parts = [data.train, data.validation, data.test].compactMap { $0?.count }
        let parameters = run.model.parameterCount
        if isJSON {
            return try JSONLines.print(
                Event.Begin(
                    folder: folder.path, resumed: resumes, parameters: parameters, trainImages: data.train.count,
                    validationImages: data.validation?.count, testImages: data.test?.count,
                    recipe: try recipe.effectiveText))
        }
        let fold = recipe.split.folds.map { ", fold \(recipe.split.fold ?? 1) of \($0)" } ?? ""
        let counts = "\(parts.map(NumberText.grouped).joined(separator: " + ")) \(unit)"
        Terminal.standardError.write(
            """
            \(recipe.title)\(fold): \(NumberText.grouped(parameters)) parameters, \(counts), \
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
            ProgressBar(
                epochs: recipe.training.settings.epochs, batchesPerEpoch: batches,
                unit: hasImages ? "img" : unit))
        trainer.observers.append(progress)
        return progress
    }

    private func interrupted(_ outcome: Trainer.Outcome, _ code: Int32) throws -> ExitCode {
        if isJSON {
            try JSONLines.print(Event.End(end: "interrupted", folder: folder.path, steps: outcome.steps))
        }
        Terminal.standardError.write(
            "Interrupted after step \(NumberText.grouped(outcome.steps)); the checkpoint is saved. Go on with\n"
                + "    martlet train --resume \(foldsFolder ?? folder.path)\n")
        return ExitCode(code)
    }

    private func finish(
        _ outcome: Trainer.Outcome, _ result: Evaluation?, _ metrics: [(name: MetricName, value: Double)]
    ) throws {
        if isJSON {
            return try JSONLines.print(
                Event.End(
                    end: outcome.end == .finished ? "finished" : "stopped_early", folder: folder.path,
                    steps: outcome.steps, testLoss: result?.loss, testAccuracy: result?.accuracy,
                    metrics: Dictionary(uniqueKeysWithValues: metrics.map { ($0.name.rawValue, $0.value) })))
        }
        let figure = result.map { result in
            guard let accuracy = result.accuracy else { return "Test loss \(NumberText.loss(result.loss))\n" }
            let count =
                result.confusion.map { " (\(NumberText.grouped($0.correct)) of \(NumberText.grouped($0.total)))" } ?? ""
            return "Test accuracy \(NumberText.percent(accuracy))\(count)\n"
        }
        let width = metrics.map(\.name.rawValue.count).max() ?? 0
        let lines = metrics.map { metric in
            metric.name.rawValue.padding(toLength: width, withPad: " ", startingAt: 0) + "  "
                + NumberText.fixed(metric.value, decimals: 4) + "\n"
        }
        Terminal.standardOutput.write(
            "\(figure ?? "")\(lines.joined())Model   \(folder.modelPath)\nReport  \(folder.reportPath)\n")
    }

    private func report(
        _ model: any Layer, _ outcome: Trainer.Outcome, _ result: Evaluation?,
        _ metrics: [(name: MetricName, value: Double)]
    ) -> Report {
        // The accuracy and the macro F1 have places of their own.
        let others = result?.confusion == nil ? metrics : metrics.filter { ![.accuracy, .f1Macro].contains($0.name) }
        var report = Report(
            title: recipe.title, parameters: model.parameterCount, device: Machine.description,
            history: outcome.history, testLoss: result?.loss,
            testFigures: others.map { Report.Setting($0.name.rawValue, NumberText.loss($0.value)) },
            confusion: result?.confusion, classNames: data.train.classNames,
            wrongImages: wrongImages(result),
            settings: recipe.settings.map { Report.Setting($0.key, $0.value) })
        report.unit = unit
        return report
    }

    private func wrongImages(_ result: Evaluation?) -> [Report.WrongImage] {
        guard let images = data.testImages, let result else { return [] }
        return result.mistakes.prefix(24).map { wrongImage($0, images) }
    }

    private func wrongImage(_ mistake: Evaluation.Mistake, _ test: any RecordDataset) -> Report.WrongImage {
        let shape = test.records.sample(at: mistake.index).inputs.shape
        let pixels = test.records.withInputBytes(at: test.position(of: mistake.index)) { [UInt8]($0) }
        return Report.WrongImage(
            image: ReportImage(width: shape[2], height: shape[1], channels: 1, pixels: pixels), actual: mistake.actual,
            predicted: mistake.predicted, probability: mistake.probability, index: mistake.index)
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
        let validationImages: Int?
        let testImages: Int?
        let recipe: String
    }

    struct Epoch: Encodable {
        let event = "epoch"
        let metrics: MetricsRecord
    }

    struct Saved: Encodable {
        let event = "checkpoint"
        let path: String
    }

    struct Folds: Encodable {
        let event = "folds"
        let folder: String
        let folds: [[FoldSummary.Figure]]
        let totals: [FoldSummary.Total]
    }

    struct End: Encodable {
        let event = "end"
        let end: String
        let folder: String
        let steps: Int
        var testLoss: Double?
        var testAccuracy: Double?
        var metrics: [String: Double]?
    }
}

/// Follows a run as lines of JSON.
private final class EventObserver: TrainingObserver {
    func epochDidEnd(_ record: MetricsRecord) { try? JSONLines.print(Event.Epoch(metrics: record)) }
    func checkpointWasWritten(_ path: String) { try? JSONLines.print(Event.Saved(path: path)) }
}

/// Keeps what the layers looked like: `layers.jsonl`.
///
/// A run that is resumed appends the steps that it takes again; of two lines of a step and layer the later one counts.
private final class LayerLog: TrainingObserver {
    private let path: String

    init(_ path: String) { self.path = path }

    func layersWereMeasured(_ report: LayerReport) {
        guard let lines = try? report.jsonLines() else { return }
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let file = FileHandle(forWritingAtPath: path) else { return }
        defer { try? file.close() }
        _ = try? file.seekToEnd()
        try? file.write(contentsOf: Data((lines.joined(separator: "\n") + "\n").utf8))
    }
}
