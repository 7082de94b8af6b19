import ArgumentParser
import Foundation
import Martlet
import MartletRecipes

/// `martlet predict`.
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Say what images show, or what the rows of a table amount to.",
        discussion: """
            Pictures of any size (PNG, BMP) become grey and 28 by 28; one that is dark on light is inverted, for the \
            networks know light on dark. An IDX file, compressed or not, holds many images.

            A network that was trained on a table takes tables with the same columns, in any order and with any others; \
            missing cells, categories and units are treated as in training. A line for each row goes to standard output, or \
            to --output: its line in the table, the prediction, and the probability of each class.
            """)

    @Argument(help: "A run's folder, a model.safetensors, or a checkpoint.") var path: String
    @Argument(help: "PNG, BMP or IDX files; or tables as CSV.") var files: [String]
    @Option(help: "The network, where the file does not say.") var model: NamedNetwork?
    @Option(help: "Classes that are shown for each image.") var top = 3
    @Option(help: "Images that are read of an IDX file.") var limit = 10
    @Option(help: "A file for a table's predictions, as CSV.") var output: String?
    @Flag(help: "One JSON object an image or row on standard output.") var json = false

    func validate() throws {
        guard top > 0, limit > 0 else { throw ValidationError("--top and --limit must be at least 1") }
        if files.isEmpty { throw ValidationError("name an image or a table") }
        if output != nil, json {
            throw ValidationError("--output is for CSV in a file, --json for standard output; leave one out")
        }
        if output != nil, files.count > 1 { throw ValidationError("--output is for one table") }
    }

    func run() throws {
        let (layer, note) = try ModelNote.load(path, as: model)
        if let note, note.recipe.data.kind == .csv {
            for file in files { try predictTable(file, layer, note) }
            return
        }
        if let note, note.recipe.data.images == nil {
            throw CommandFailure(
                .usage, "\(path): was trained on \(note.recipe.data.kind.title), not on images or a table")
        }
        if output != nil { throw CommandFailure(.usage, "--output is for tables; \(path) was trained on images") }
        try predictImages(layer, note)
    }

    // MARK: Images

    private func predictImages(_ layer: any Layer, _ note: ModelNote?) throws {
        let set = note?.recipe.data.images ?? .mnist
        let usual = set == .fashionMNIST ? FashionMNIST.names : (0..<10).map(String.init)
        let names = note.map(\.preparation.classNames).flatMap { $0.isEmpty ? nil : $0 } ?? usual
        let terminal = Terminal.standardOutput
        for image in try files.flatMap({ try PreparedImage.read($0, limit: limit) }) {
            let logits = withoutGradient { layer(scaled(image.tensor(set.scaling), note)) }
            let probabilities = logits.softmax(axis: 1).array(as: Double.self)
            let order = probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
            if json {
                try JSONLines.print(
                    ImageLine(
                        image: image.name, predicted: names[order[0]],
                        probabilities: Dictionary(uniqueKeysWithValues: zip(names, probabilities))))
                continue
            }
            let rows = order.prefix(top).map { TerminalBars.Row(names[$0], probabilities[$0]) }
            terminal.write("\(image.name): \(names[order[0]])\n")
            terminal.write(TerminalBars(rows).lines(for: terminal).joined(separator: "\n") + "\n")
        }
    }

    /// What the training's scaler makes of a picture, where it had one.
    private func scaled(_ x: Tensor, _ note: ModelNote?) -> Tensor { note?.preparation.scaler?.transform(x) ?? x }

    // MARK: Tables

    private func predictTable(_ file: String, _ layer: any Layer, _ note: ModelNote) throws {
        guard let prediction = try TablePrediction(layer, note, table: file) else {
            throw CommandFailure(
                .badData,
                "\(path): does not say how its table was prepared; it was written by an earlier version: train it again"
            )
        }
        let reason = note.recipe.data.dropsIncompleteRows ? ", and such rows were left out of training" : ""
        for (failure, why) in [
            (TablePrediction.Failure.missingCells, "cells are missing\(reason)"),
            (.nonFiniteOutput, "the network's outputs are infinite or no numbers"),
        ] {
            let unanswered = prediction.count(of: failure)
            guard unanswered > 0 else { continue }
            CommandLog.logger.notice(
                "\(file): \(unanswered) of \(prediction.rows.count) rows have no prediction: \(why)")
        }
        if json {
            for row in prediction.rows { try JSONLines.print(RowLine(file, prediction, row)) }
            return
        }
        guard let output else { return Terminal.standardOutput.write(prediction.csv) }
        try AtomicFile.write([UInt8](prediction.csv.utf8), to: output)
        Terminal.standardError.write("\(output) has the predictions\n")
    }

    private struct ImageLine: Encodable {
        let event = "prediction"
        let image: String
        let predicted: String
        let probabilities: [String: Double]
    }

    private struct RowLine: Encodable {
        let event = "prediction"
        let table: String
        let line: Int
        /// The class; nil where the target is a number.
        var predicted: String?
        /// The number; nil where the target is a class.
        var value: Double?
        var probabilities: [String: Double]?

        init(_ table: String, _ prediction: TablePrediction, _ row: TablePrediction.Row) {
            (self.table, line) = (table, row.line)
            guard !prediction.classNames.isEmpty else {
                value = row.predicted.flatMap(Double.init)
                return
            }
            predicted = row.predicted
            if !row.probabilities.isEmpty {
                probabilities = Dictionary(uniqueKeysWithValues: zip(prediction.classNames, row.probabilities))
            }
        }
    }
}
