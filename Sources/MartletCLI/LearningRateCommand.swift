import ArgumentParser
import Martlet
import MartletRecipes

/// `martlet lr-find`.
struct LearningRateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lr-find", abstract: "Find the learning rate for a recipe, by a sweep of growing rates.",
        discussion: """
            Trains a few steps at rates that grow from one to the next, and shows the loss by the rate: good ones lie where it \
            falls the most, well before it rises. Nothing is kept of the training.
            """)

    @Argument(help: "A recipe, a YAML file.") var recipe: String
    @Option(name: .customLong("set"), help: "A setting in place of the recipe's: KEY=VALUE; as often as you like.")
    var overrides: [String] = []
    @Option(help: "The first rate.") var lowest = 1e-7
    @Option(help: "The last rate, unless the loss diverges before.") var highest = 10.0
    @Option(help: "Steps of the sweep.") var steps = 100
    @Option(help: "A file for the plot as SVG.") var svg: String?
    @Flag(help: "One JSON object on standard output.") var json = false

    func validate() throws {
        guard lowest > 0, highest > lowest, highest.isFinite else {
            throw ValidationError("--lowest must be above 0 and below --highest; they are \(lowest) and \(highest)")
        }
        guard steps > 1 else { throw ValidationError("--steps must be at least 2, it is \(steps)") }
    }

    func run() throws {
        let recipe = try Recipe(contentsOf: recipe, overrides: overrides)
        guard !recipe.optimizer.kind.evaluatesRepeatedly else {
            throw ValidationError(
                "\(recipe.optimizer.kind.rawValue) searches for its step by itself; lr-find is for the other optimizers"
            )
        }
        let run = try RecipeRun(recipe, data: RecipeData(reporting: recipe))
        let finder = LearningRateFinder(lowest: lowest, highest: highest, steps: steps)
        let sweep = try finder.run(run.model, run.trainer.optimizer, on: run.loader, loss: run.trainer.loss)
        guard let plot = sweep.svg else {
            throw CommandFailure(
                .badData, "the loss was no finite number at the lowest rate already: look for such numbers in the data")
        }
        if let svg { try AtomicFile.write([UInt8](plot.utf8), to: svg) }
        if json { return try JSONLines.print(Line(suggestion: sweep.suggestion, minimum: sweep.minimum, sweep: sweep)) }
        let terminal = Terminal.standardOutput
        terminal.write(sweep.lines(for: terminal).joined(separator: "\n") + "\n")
        if let svg { Terminal.standardError.write("\(svg) has the plot\n") }
    }

    private struct Line: Encodable {
        let event = "lr_find"
        let suggestion: Double?
        let minimum: Double?
        let sweep: LearningRateSweep
    }
}
