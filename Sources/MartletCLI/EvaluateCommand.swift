import ArgumentParser
import Martlet
import MartletRecipes

/// `martlet evaluate`.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure a trained model on test data.")

    @Argument(help: "A run's folder, or a model.safetensors.") var path: String
    @Option(help: "The network, where the file does not say.") var model: NamedNetwork?
    @Option(help: "The data set; else the one it was trained on.") var data: ImageSet?
    @Option(help: "A folder with the data set's files.") var dataDir: String?
    @Option(help: "Images at a time.") var batchSize = 1000
    @Flag(help: "One JSON object on standard output.") var json = false

    func validate() throws {
        guard batchSize > 0 else { throw ValidationError("--batch-size must be at least 1, it is \(batchSize)") }
    }

    func run() throws {
        let (layer, note) = try ModelNote.load(path, as: model)
        let (test, dataTitle) = try testData(note)
        let isClasses = test.classCount != nil
        let loss = note?.recipe.loss.function(isClasses: isClasses) ?? { crossEntropy($0, $1) }
        let result = try layer.evaluate(on: DataLoader(test, batchSize: batchSize), loss: loss)
        if json {
            return try JSONLines.print(
                Line(
                    model: note?.recipe.model.kind ?? model?.name ?? "", data: dataTitle, images: result.count,
                    loss: result.loss, accuracy: result.accuracy, confusion: result.confusion.map(rows)))
        }
        let terminal = Terminal.standardOutput
        let title = model?.title ?? note?.recipe.model.title ?? path
        let what = isClasses ? "test images" : "test samples"
        terminal.write("\(title) on \(dataTitle), \(NumberText.grouped(result.count)) \(what)\n\n")
        terminal.write("Accuracy  \(result.accuracy.map { NumberText.percent($0) } ?? "-")\n")
        terminal.write("Loss      \(NumberText.loss(result.loss))\n")
        guard let confusion = result.confusion else { return }
        let names = test.classNames.isEmpty ? (0..<confusion.classes).map { "\($0)" } : test.classNames
        terminal.write("\n" + table(confusion, names).lines(for: terminal).joined(separator: "\n") + "\n")
        let errors = confusion.mostFrequentErrors(5).map { error in
            "\(names[error.actual]) taken for \(names[error.predicted]) \(error.count) times"
        }
        if !errors.isEmpty { terminal.write("\nMost frequent errors: \(errors.joined(separator: ", "))\n") }
    }

    /// The test data of a set by name, or those of the recipe, scaled as in training.
    private func testData(_ note: ModelNote?) throws -> (any Dataset, title: String) {
        if let data {
            let images = try data.loadReporting(.test, directory: dataDir)
            return (try scaled(images, note), data.title)
        }
        guard let note else {
            throw CommandFailure(.usage, "\(path): does not say what it was trained on; name a data set with --data")
        }
        guard let test = try note.testData(directory: dataDir, progress: DownloadReporter().report) else {
            throw CommandFailure(.usage, "\(path): was trained on data without a test part")
        }
        return (test, note.recipe.data.kind.title)
    }

    /// The images with what the training's scaler makes of them.
    private func scaled(_ images: some Dataset, _ note: ModelNote?) throws -> any Dataset {
        guard let note else { return images }
        let shape = try images[0].inputs.shape
        guard shape == note.input else {
            throw CommandFailure(.usage, "\(path): takes samples of shape \(note.input), these have \(shape)")
        }
        return note.preparation.scaler.map { images.map($0) } ?? images
    }

    private func table(_ confusion: ConfusionMatrix, _ names: [String]) -> TerminalTable {
        var table = TerminalTable([
            .init("Class"), .init("Precision", .right), .init("Recall", .right), .init("F1", .right),
            .init("Images", .right),
        ])
        func share(_ value: Double?) -> TerminalTable.Cell { .text(value.map { NumberText.percent($0) } ?? "-") }
        for (label, name) in names.enumerated() {
            table.add(
                .text(name), share(confusion.precision(of: label)), share(confusion.recall(of: label)),
                share(confusion.f1(of: label)), .count(confusion.support(of: label)))
        }
        table.addFooter(
            "Macro average", share(confusion.macroPrecision), share(confusion.macroRecall), share(confusion.macroF1),
            .count(confusion.total))
        return table
    }

    private func rows(_ confusion: ConfusionMatrix) -> [[Int]] {
        (0..<confusion.classes).map { actual in
            (0..<confusion.classes).map { confusion[predicted: $0, actual: actual] }
        }
    }

    private struct Line: Encodable {
        let event = "evaluation"
        let model: String
        let data: String
        let images: Int
        let loss: Double
        let accuracy: Double?
        /// A row for each class of the images, a column for each class that the model said.
        let confusion: [[Int]]?
    }
}
