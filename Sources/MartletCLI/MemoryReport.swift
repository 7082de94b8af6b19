import Martlet
import MartletRecipes

/// `martlet summary --memory`: what inference and training will take, from their plans alone.
struct MemoryReport {
    private let heading: String
    private let forecast: TrainingForecast
    private let inference: MemoryForecast
    private let training: MemoryForecast

    init(_ forecast: TrainingForecast, heading: String) throws {
        (self.heading, self.forecast) = (heading, forecast)
        (inference, training) = (try forecast.inference(), try forecast.training())
    }

    func show(json: Bool) throws {
        if json { return try JSONLines.print(Line(forecast, inference: Parts(inference), training: Parts(training))) }
        var table = TerminalTable([.init("MiB"), .init("Inference", .right), .init("Training", .right)])
        for (name, inference, training) in rows { table.add(.text(name), cell(inference), cell(training)) }
        table.addFooter("Peak", cell(inference.peak), cell(training.peak))
        let terminal = Terminal.standardOutput
        let omissions = forecast.omissions
        terminal.write(
            "\(heading), \(Machine.description)\nTraining: \(forecast.assumptions.joined(separator: ", "))\n\n"
                + table.lines(for: terminal).joined(separator: "\n") + "\n"
                + (omissions.isEmpty ? "" : "\nNot counted: \(omissions.joined(separator: "; "))\n"))
    }

    private var rows: [(name: String, inference: Int, training: Int)] {
        let average = "Average of the weights"
        let parts: [(String, (MemoryForecast) -> Int)] = [
            ("Parameters", \.parameters), ("Gradients", \.gradients), ("Buffers", \.buffers),
            ("Optimizer's state", \.optimizerState), (average, \.average), ("Inputs", \.inputs),
            ("Results", \.results), ("Temporaries", \.temporaries),
            ("  of these, activations kept for backward", \.activations), ("Packed weights", \.packedWeights),
            ("Workspace of a kernel", \.workspace),
        ]
        return parts.filter { forecast.hasAverage || $0.0 != average }.map { ($0.0, $0.1(inference), $0.1(training)) }
    }

    private func cell(_ byteCount: Int) -> TerminalTable.Cell {
        .text(NumberText.fixed(Double(byteCount) / 1_048_576, decimals: 2))
    }

    private struct Line: Encodable {
        let event = "memory"
        let batch: Int
        let optimizer: String
        let precision: String
        let loss: String
        /// All that the forecast is of, in words, and what it leaves out.
        let assumptions: [String]
        let notCounted: [String]
        let inference: Parts
        let training: Parts

        init(_ forecast: TrainingForecast, inference: Parts, training: Parts) {
            batch = forecast.batchSize
            (optimizer, precision, loss) = forecast.names
            (assumptions, notCounted) = (forecast.assumptions, forecast.omissions)
            (self.inference, self.training) = (inference, training)
        }
    }

    private struct Parts: Encodable {
        let parameters: Int
        let gradients: Int
        let buffers: Int
        let optimizerState: Int
        let average: Int
        let inputs: Int
        let results: Int
        let temporaries: Int
        let activations: Int
        let packedWeights: Int
        let workspace: Int
        let peak: Int

        init(_ forecast: MemoryForecast) {
            (parameters, gradients) = (forecast.parameters, forecast.gradients)
            (buffers, optimizerState) = (forecast.buffers, forecast.optimizerState)
            (average, inputs, results) = (forecast.average, forecast.inputs, forecast.results)
            (temporaries, activations) = (forecast.temporaries, forecast.activations)
            (packedWeights, workspace, peak) = (forecast.packedWeights, forecast.workspace, forecast.peak)
        }
    }
}

extension MemoryForecast {
    /// What the model holds besides its parameters, what the optimizer does and the loss's scale, and the average of the weights.
    fileprivate var buffers: Int { state.first ?? 0 }
    fileprivate var optimizerState: Int { (state.dropFirst().first ?? 0) + (state.dropFirst(3).first ?? 0) }
    fileprivate var average: Int { state.dropFirst(2).first ?? 0 }
}
