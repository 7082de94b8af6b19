import ArgumentParser
import Foundation
import Martlet
import MartletRecipes

/// `martlet train`.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a network by a recipe and show how it goes.",
        discussion: """
            Without a recipe: LeNet-5 on MNIST where it is found or can be fetched, else on Digits. Any setting of a recipe \
            can be given with --set, such as --set optimizer.lr=0.01 --set training.epochs=3; the other options are short \
            for the most usual ones. Ctrl-C saves a checkpoint and leaves; so does nothing lose a run that is killed: go on \
            with --resume FOLDER, and the parameters end up the same, bit by bit.
            """)

    @Argument(help: "A recipe, a YAML file.") var recipe: String?
    @Option(name: .customLong("set"), help: "A setting in place of the recipe's: KEY=VALUE; as often as you like.")
    var overrides: [String] = []
    @Option(help: "The network.") var model: NamedNetwork?
    @Option(help: "The data set.") var data: DataRecipe.Kind?
    @Option(help: "A folder with the data set's files.") var dataDir: String?
    @Option(help: "Times that the data is gone through (10).") var epochs: Int?
    @Option(help: "Images in a step (64).") var batchSize: Int?
    @Option(help: "The optimizer.") var optimizer: OptimizerRecipe.Kind?
    @Option(help: "Its highest step size (adam 0.002; else what is usual for the optimizer).")
    var learningRate: Double?
    @Option(help: "How the step size changes: cosine, constant, one_cycle, ….") var schedule: String?
    @Option(help: "Of weights, order and dropout (0).") var seed: UInt64?
    @Option(help: "Where to compute: cpu, or best.") var device: String?
    @Option(help: "The run's folder (runs/NAME-DATE-TIME).") var output: String?
    @Option(help: "A checkpoint after so many steps, besides those after 30 seconds and each epoch.")
    var checkpointSteps: Int?
    @Option(help: "Checkpoints that are kept (3).") var keep: Int?
    @Option(help: "Go on with the run in this folder.") var resume: String?
    @Flag(help: "Print the recipe with every default written out, and do not train.") var dryRun = false
    @Flag(help: "One JSON object a line on standard output, and no progress bar.") var json = false
    @Flag(help: .hidden) var untilInputEnds = false

    func validate() throws {
        if resume != nil {
            let others: [(String, Any?)] = [
                ("a recipe", recipe), ("--set", overrides.first), ("--model", model), ("--data", data),
                ("--data-dir", dataDir), ("--epochs", epochs), ("--batch-size", batchSize), ("--optimizer", optimizer),
                ("--learning-rate", learningRate), ("--schedule", schedule), ("--seed", seed), ("--device", device),
                ("--output", output), ("--checkpoint-steps", checkpointSteps), ("--keep", keep),
                ("--dry-run", dryRun ? true : nil),
            ]
            let given = others.filter { $0.1 != nil }.map(\.0)
            guard given.isEmpty else {
                throw ValidationError("--resume goes on as the run began; leave out \(given.joined(separator: ", "))")
            }
        }
        for (name, number) in [
            ("--epochs", epochs), ("--batch-size", batchSize), ("--checkpoint-steps", checkpointSteps),
            ("--keep", keep),
        ] {
            if let number, number < 1 { throw ValidationError("\(name) must be at least 1, it is \(number)") }
        }
        if let learningRate, !(learningRate > 0 && learningRate.isFinite) {
            throw ValidationError("--learning-rate must be a number above 0, it is \(learningRate)")
        }
        if let device, !["cpu", "best"].contains(device) {
            throw ValidationError("--device \(device): there is no such device; cpu and best are")
        }
    }

    func run() throws {
        if untilInputEnds { InputWatch.begin() }
        guard let resume else { return try begin() }
        let folder = try RunFolder.open(resume)
        let configuration = try folder.readConfiguration(as: RunConfiguration.self)
        if configuration.machine != Machine.description {
            CommandLog.logger.warning(
                """
                The run began on \(configuration.machine) and goes on on \(Machine.description): its numbers will be right, \
                but not the same to the last bit.
                """)
        }
        let recipe = try Recipe(contentsOf: folder.recipePath)
        if recipe.isOfAllFolds {
            let source = try RecipeSource(reporting: recipe)
            return try FoldsSession(recipe: recipe, source: source, folder: folder, resumes: true, isJSON: json).run()
        }
        let run = try RecipeRun(recipe, data: RecipeData(reporting: recipe))
        try TrainSession(run: run, folder: folder, resumes: true, isJSON: json).train()
    }

    private func begin() throws {
        let (recipe, note) = try chosenRecipe()
        if dryRun { return Terminal.standardOutput.write(try recipe.effectiveText) }
        if let note { CommandLog.logger.notice("\(note)") }
        // What cannot be read, or does not fit together, leaves no folder behind.
        if recipe.isOfAllFolds {
            let source = try RecipeSource(reporting: recipe)
            try FoldsSession.check(recipe, source)
            let folder = try newFolder(recipe)
            return try FoldsSession(recipe: recipe, source: source, folder: folder, resumes: false, isJSON: json).run()
        }
        let run = try RecipeRun(recipe, data: RecipeData(reporting: recipe))
        try TrainSession(run: run, folder: newFolder(recipe), resumes: false, isJSON: json).train()
    }

    private func newFolder(_ recipe: Recipe) throws -> RunFolder {
        let file = self.recipe.map { (($0 as NSString).lastPathComponent as NSString).deletingPathExtension }
        let name = recipe.name ?? file ?? recipe.model.kind
        return try output.map(RunFolder.create(at:)) ?? RunFolder.create(named: name)
    }

    /// The recipe of the file or the usual one, with the options in their places.
    private func chosenRecipe() throws -> (recipe: Recipe, note: String?) {
        if let recipe { return (try Recipe(contentsOf: recipe, overrides: shortOptions + overrides), nil) }
        var (settings, note) = ([String](), String?.none)
        if data == nil, !overrides.contains(where: { $0.hasPrefix("data") }) {
            let usual = try DataChoice.usual(directory: dataDir)
            settings.append("data.kind=\(usual.kind.rawValue)")
            note = usual.note
        }
        let usual = Self.usualRecipe(optimizer ?? .adam, learningRate)
        return (try Recipe(usual, file: "command line", overrides: settings + shortOptions + overrides), note)
    }

    /// What trains well where nothing else is said: a cosine down to a hundredth of the rate, but for optimizers that average
    /// their steps, or search for each one's size.
    private static func usualRecipe(_ kind: OptimizerRecipe.Kind, _ rate: Double?) -> String {
        let optimizer = kind.rawValue
        let rate = rate ?? (optimizer == "sgd" ? 0.05 : optimizer.hasPrefix("adam") ? 0.002 : nil)
        let momentum = optimizer == "sgd" ? ", momentum: 0.9" : ""
        let settings = rate.map { ", lr: \($0)" } ?? ""
        let end = rate.map { ", to: \($0 / 100)" } ?? ""
        let schedule = kind.averagesWeights || kind.evaluatesRepeatedly ? "constant" : "{kind: cosine\(end)}"
        return "optimizer: {kind: \(optimizer)\(momentum)\(settings)}\nschedule: \(schedule)\n"
    }

    /// The short options as settings of a recipe.
    private var shortOptions: [String] {
        let options: [(String, (any CustomStringConvertible)?)] = [
            ("model.kind", model?.name), ("data.kind", data?.rawValue), ("data.directory", dataDir),
            ("training.epochs", epochs), ("training.batch_size", batchSize),
            ("optimizer.kind", recipe == nil ? nil : optimizer?.rawValue),
            ("optimizer.lr", recipe == nil ? nil : learningRate), ("schedule", schedule), ("seed", seed),
            ("device", device), ("training.checkpoint_steps", checkpointSteps), ("training.keep", keep),
        ]
        return options.compactMap { key, value in value.map { "\(key)=\($0)" } }
    }
}

/// What a run's `config.json` says beside its recipe.
struct RunConfiguration: Codable {
    /// The file with the recipe, every default written out.
    var recipe = "recipe.yaml"
    /// What computed when the run began: engine and threads decide the last bits.
    var machine = Machine.description
}

extension RecipeData {
    /// Reads what a recipe names, and shows downloads.
    init(reporting recipe: Recipe) throws {
        try self.init(recipe, of: RecipeSource(reporting: recipe))
    }
}

extension RecipeSource {
    /// Reads what a recipe names, and shows downloads.
    init(reporting recipe: Recipe) throws {
        let reporter = DownloadReporter()
        defer { reporter.finish() }
        try self.init(recipe) { reporter.report($0) }
    }
}

/// Ends the run, as Ctrl-C does, when standard input ends: so does whoever began it, even by `kill -9`.
private enum InputWatch {
    static func begin() {
        Thread.detachNewThread {
            var byte: UInt8 = 0
            while true {
                let count = read(STDIN_FILENO, &byte, 1)
                if count == 0 || count < 0 && errno != EINTR { break }
            }
            kill(getpid(), SIGINT)
        }
    }
}
