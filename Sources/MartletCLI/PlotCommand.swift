import ArgumentParser
import Foundation
import Martlet

/// `martlet plot`.
struct PlotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot", abstract: "Plot a figure of several runs in one picture, in the terminal and as SVG.",
        discussion: """
            martlet plot runs/a runs/b --metric validation_loss --svg loss.svg
            martlet plot runs/a runs/b --layers --svg gradients.svg
            """)

    @Argument(help: "Runs' folders.") var runs: [String]
    @Option(help: "The figure by its name in metrics.jsonl: learning_rate, validation_accuracy, test_f1_macro, ….")
    var metric = "train_loss"
    @Flag(help: "The norm of each layer's gradient in the first look, instead of a figure by epoch.") var layers = false
    @Option(help: "A title for the picture.") var title: String?
    @Option(help: "A file for the picture as SVG.") var svg: String?

    func validate() throws {
        if runs.isEmpty { throw ValidationError("name a run's folder") }
        guard metric == "learning_rate" || MonitoredFigure(named: metric) != nil else {
            throw ValidationError(
                "--metric \(metric): there is no such figure; expected learning_rate, or train_, validation_ or test_ and "
                    + "loss, accuracy or another metric's name")
        }
    }

    /// The figure of an epoch; nil where it was not measured.
    private func value(_ record: MetricsRecord) -> Double? {
        MonitoredFigure(named: metric).map { record.figure($0) } ?? record.learningRate
    }

    func run() throws {
        let series = try runs.map { path in
            let folder = try RunFolder.open(path)
            let name = (folder.path as NSString).lastPathComponent
            return CurveChart.Series(name: name, points: layers ? try gradients(folder) : try epochs(folder))
        }
        let what = layers ? "gradient norm by layer" : "\(metric) by epoch"
        let chart = CurveChart(title: title ?? what, xLabel: layers ? "layer" : "epoch", series: series)
        if let svg { try AtomicFile.write([UInt8](chart.svg.utf8), to: svg) }
        let terminal = Terminal.standardOutput
        terminal.write(chart.lines(for: terminal).joined(separator: "\n") + "\n")
        if let svg { Terminal.standardError.write("\(svg) has the plot\n") }
    }

    private func epochs(_ folder: RunFolder) throws -> [(x: Double, y: Double)] {
        let points = try MetricsLog.read(folder.metricsPath).compactMap { record in
            value(record).flatMap { $0.isFinite ? (x: Double(record.epoch), y: $0) : nil }
        }
        guard !points.isEmpty else {
            throw FileError(
                .malformed, file: folder.metricsPath, field: metric, expected: "in at least one line",
                found: "in none")
        }
        return points
    }

    /// ‖g‖₂ of each layer with parameters, in the first step that was looked at.
    private func gradients(_ folder: RunFolder) throws -> [(x: Double, y: Double)] {
        struct Line: Decodable {
            let step: Int
            let norm: Double?
            private enum CodingKeys: String, CodingKey {
                case step
                case norm = "gradient_norm"
            }
        }
        guard let text = try? String(contentsOfFile: folder.layersPath, encoding: .utf8) else {
            throw FileError(
                .missing, file: folder.layersPath, field: "layers",
                expected: "the layers' figures: train with callbacks.statistics", found: "no such file")
        }
        let lines = try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        let first = lines.filter { $0.step == lines.first?.step }.compactMap(\.norm)
        return first.enumerated().map { (x: Double($0.offset + 1), y: max($0.element, 1e-30)) }
    }
}
