import Martlet
import MartletRecipes

/// `martlet summary --memory`: what inference and training will take, from their plans alone.
struct MemoryReport {
    private let heading: String
    private let optimizer: OptimizerRecipe.Kind
    private let inference: MemoryForecast
    private let training: MemoryForecast

    init(
        _ layer: any Layer, _ input: Shape, _ optimizer: OptimizerRecipe.Kind, _ heading: String
    ) throws {
        (self.heading, self.optimizer) = (heading, optimizer)
        inference = try layer.memory(input: input)
        layer.train()
        training = try layer.memory(
            training: optimizer.usual(layer), input: input, keepingGradients: false)
    }

    func show(json: Bool) throws {
        if json {
            return try JSONLines.print(
                Line(optimizer: optimizer.rawValue, inference: Parts(inference), training: Parts(training)))
        }
        var table = TerminalTable([.init("MiB"), .init("Inference", .right), .init("Training", .right)])
        for (name, inference, training) in rows { table.add(.text(name), cell(inference), cell(training)) }
        table.addFooter("Peak", cell(inference.peak), cell(training.peak))
        let terminal = Terminal.standardOutput
        terminal.write(
            "\(heading), training with \(optimizer.rawValue), \(Machine.description)\n\n"
                + table.lines(for: terminal).joined(separator: "\n") + "\n")
    }

    private var rows: [(name: String, inference: Int, training: Int)] {
        let parts: [(String, (MemoryForecast) -> Int)] = [
            ("Parameters", \.parameters), ("Gradients", \.gradients), ("Buffers", \.buffers),
            ("Optimizer's state", \.optimizerState), ("Inputs", \.inputs), ("Results", \.results),
            ("Temporaries", \.temporaries), ("  of these, activations kept for backward", \.activations),
            ("Packed weights", \.packedWeights), ("Workspace of a kernel", \.workspace),
        ]
        return parts.map { ($0.0, $0.1(inference), $0.1(training)) }
    }

    private func cell(_ byteCount: Int) -> TerminalTable.Cell {
        .text(NumberText.fixed(Double(byteCount) / 1_048_576, decimals: 2))
    }

    private struct Line: Encodable {
        let event = "memory"
        let optimizer: String
        let inference: Parts
        let training: Parts
    }

    private struct Parts: Encodable {
        let parameters: Int
        let gradients: Int
        let buffers: Int
        let optimizerState: Int
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
            (inputs, results) = (forecast.inputs, forecast.results)
            (temporaries, activations) = (forecast.temporaries, forecast.activations)
            (packedWeights, workspace, peak) = (forecast.packedWeights, forecast.workspace, forecast.peak)
        }
    }
}

extension MemoryForecast {
    /// What the model holds besides its parameters, and what the optimizer does.
    fileprivate var buffers: Int { state.first ?? 0 }
    fileprivate var optimizerState: Int { state.dropFirst().first ?? 0 }
}
