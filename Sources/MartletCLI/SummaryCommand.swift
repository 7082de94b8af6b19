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
    @Option(
        name: [.customLong("batch-size"), .customLong("batch")],
        help: "Samples at a time (1; for --memory the recipe's, where there is one).")
    var batchSize: Int?
    @Flag(help: "Show each parameter's path and shape, and its rate and decay where there is a recipe.")
    var parameters = false
    @Flag(help: "Show the memory that inference and training will take, by the recipe where there is one.")
    var memory = false
    @Option(help: "The optimizer that training is planned with (the recipe's, else adam).")
    var optimizer: OptimizerRecipe.Kind?
    @Flag(help: "One JSON object on standard output.") var json = false

    func validate() throws {
        if let batchSize, batchSize < 1 { throw ValidationError("--batch-size must be at least 1, it is \(batchSize)") }
        if memory, parameters { throw ValidationError("--memory and --parameters: one at a time") }
        try optimizer?.requireSingleGradient()
    }

    func run() throws {
        let subject = try Subject(model)
        let (layer, title, recipe) = (subject.layer, subject.title, subject.recipe)
        if memory {
            let forecast = try TrainingForecast(
                layer, sample: subject.sample, labels: subject.labels(), recipe: recipe, optimizer: optimizer,
                batchSize: batchSize)
            return try MemoryReport(forecast, heading: subject.heading(forecast.batchSize)).show(json: json)
        }
        let input = Shape([batchSize ?? 1] + subject.sample.sizes)
        let heading = subject.heading(batchSize ?? 1)
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

    /// A network with what is known of its training.
    private struct Subject {
        let layer: any Layer
        let title: String
        /// The shape of one sample.
        let sample: Shape
        let recipe: Recipe?
        /// The data of a recipe that is a file.
        private let data: RecipeData?

        /// What a name, a recipe, a run's folder or a model's file stands for.
        init(_ model: String) throws {
            if let network = NamedNetwork.find(model) {
                (layer, title, sample) = (network.make(), network.title, network.input)
                (recipe, data) = (nil, nil)
            } else if [".yaml", ".yml"].contains(where: model.hasSuffix) {
                let read = try Recipe(contentsOf: model)
                // The shape of a sample is the data's to say.
                let known = try RecipeData(reporting: read)
                (layer, title) = (try read.model.make(input: known.sampleShape), read.model.title)
                (sample, recipe, data) = (known.sampleShape, read, known)
            } else {
                let loaded = try ModelNote.load(model)
                (layer, title) = (loaded.layer, loaded.note?.recipe.model.title ?? model)
                sample = loaded.note?.input ?? [1, 28, 28]
                (recipe, data) = (loaded.note?.recipe, nil)
            }
        }

        func heading(_ batchSize: Int) -> String {
            "\(title), input \(([batchSize] + sample.sizes).map(String.init).joined(separator: "×"))"
        }

        /// What the network is trained on.
        func labels() throws -> ForecastLabels {
            if let data { return try ForecastLabels(of: data) }
            return recipe == nil ? .classes : ForecastLabels(fitting: layer, sample: sample)
        }
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
