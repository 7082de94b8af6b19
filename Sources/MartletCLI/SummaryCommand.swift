import ArgumentParser
import Martlet
import MartletRecipes

/// `martlet summary`.
struct SummaryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary", abstract: "Show a network's layers, shapes, parameters and multiply-adds.")

    @Argument(
        help: """
            A network (\(NamedNetwork.names)), a recipe, a run's folder or a \
            model.safetensors.
            """)
    var model = "lenet5"
    @Option(name: [.customLong("batch-size"), .customLong("batch")], help: "Images at a time.") var batchSize = 1
    @Flag(help: "Show each parameter's path and shape, and its rate and decay where there is a recipe.")
    var parameters = false
    @Flag(help: "Show the memory that inference and training will take, from their plans.") var memory = false
    @Option(help: "The optimizer that training is planned with.") var optimizer = OptimizerRecipe.Kind.adam
    @Flag(help: "One JSON object on standard output.") var json = false

    func validate() throws {
        guard batchSize > 0 else { throw ValidationError("--batch-size must be at least 1, it is \(batchSize)") }
        if memory, parameters { throw ValidationError("--memory and --parameters: one at a time") }
        try optimizer.requireSingleGradient()
    }

    func run() throws {
        let (layer, title, shape): (any Layer, String, Shape)
        var recipe: Recipe?
        if let network = NamedNetwork.find(model) {
            (layer, title, shape) = (network.make(), network.title, network.input)
        } else if [".yaml", ".yml"].contains(where: model.hasSuffix) {
            let read = try Recipe(contentsOf: model)
            // The shape of a sample is the data's to say.
            shape = try RecipeData(reporting: read).sampleShape
            (layer, title, recipe) = (try read.model.make(input: shape), read.model.title, read)
        } else {
            let loaded = try ModelNote.load(model)
            recipe = loaded.note?.recipe
            (layer, title) = (loaded.layer, loaded.note?.recipe.model.title ?? model)
            shape = loaded.note?.input ?? [1, 28, 28]
        }
        let input = Shape([batchSize] + shape.sizes)
        let heading = "\(title), input \(input.sizes.map(String.init).joined(separator: "×"))"
        if memory { return try MemoryReport(layer, input, optimizer, heading).show(json: json) }
        let report = parameters ? try ParameterReport(layer, recipe) : nil
        let summary = layer.summary(input: input)
        if json { return try JSONLines.print(Line(title, summary, report?.rows)) }
        let terminal = Terminal.standardOutput
        terminal.write("\(heading)\n\n")
        if let report { return terminal.write(report.lines(for: terminal).joined(separator: "\n") + "\n") }
        var table = TerminalTable([
            .init("Layer"), .init("Kind"), .init("Output"), .init("Parameters", .right), .init("Multiply-adds", .right),
        ])
        for row in summary.rows {
            table.add(
                .text(row.name), .text(row.type), .text(row.output.sizes.map(String.init).joined(separator: "×")),
                .count(row.parameters), .count(row.multiplyAdds))
        }
        table.addFooter("Total", "", "", .count(summary.parameterCount), .count(summary.multiplyAdds))
        terminal.write(table.lines(for: terminal).joined(separator: "\n") + "\n")
    }

    private struct Line: Encodable {
        struct Row: Encodable {
            let name: String
            let type: String
            let output: [Int]
            let parameters: Int
            let multiplyAdds: Int
        }
        let event = "summary"
        let model: String
        let parameters: Int
        let multiplyAdds: Int
        let layers: [Row]
        /// Each parameter; nil where they were not asked for.
        let parameterList: [ParameterReport.Row]?

        init(_ title: String, _ summary: ModuleSummary, _ list: [ParameterReport.Row]?) {
            parameterList = list
            (model, parameters, multiplyAdds) = (title, summary.parameterCount, summary.multiplyAdds)
            layers = summary.rows.map {
                Row(
                    name: $0.name, type: $0.type, output: $0.output.sizes, parameters: $0.parameters,
                    multiplyAdds: $0.multiplyAdds)
            }
        }
    }
}
