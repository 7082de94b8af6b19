import Foundation
import MartletTesting
import Testing

@Suite("Recipes by the command", .serialized)
struct RecipeCommandTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-\(UUID().uuidString)")
        .path

    private func recipe(_ text: String) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = folder + "/recipe.yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private let spirals = """
        data: {kind: spirals, count: 120, classes: 3}
        model: {layers: [{Linear: 8}, ReLU, {Linear: 3}]}

        """

    @Test("a run keeps the weights of its best epoch, and classes without names are evaluated by their numbers")
    func bestWeights() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try recipe(
            spirals + """
                metrics: [f1_macro]
                callbacks: {keep_best: {monitor: validation_f1_macro}}
                training: {epochs: 3, batch_size: 8, accumulate_batches: 2}
                """)
        let run = try ProgramRun("martlet", ["train", path, "--output", folder + "/run"])
        #expect(run.exitCode == 0, "\(run.errors)")
        #expect(run.errors.contains("f1_macro 0."))
        let plot = try ProgramRun("martlet", ["plot", folder + "/run", "--metric", "validation_f1_macro"])
        #expect(plot.exitCode == 0, "\(plot.errors)")
        #expect(plot.lines.first?.contains("validation_f1_macro by epoch") == true)
        let none = try ProgramRun("martlet", ["plot", folder + "/run", "--metric", "f1_macro"])
        #expect(none.exitCode == 64 && none.errors.contains("f1_macro: there is no such figure"), "\(none.errors)")
        for file in ["best.safetensors", "model.safetensors"] {
            let evaluation = try ProgramRun("martlet", ["evaluate", "\(folder)/run/\(file)"])
            #expect(evaluation.exitCode == 0, "\(evaluation.errors)")
            #expect(evaluation.lines.contains { $0.hasPrefix("2 ") })
        }
    }

    @Test("summary shows the paths of a recipe's parameters, with the rate and the decay of the group that each is in")
    func parameterPaths() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try recipe(
            spirals
                + "optimizer: {kind: adamw, lr: 0.5, weight_decay: 0.25, groups: [{parameters: \"2.*\", lr: 0.125}]}\n")
        let run = try ProgramRun("martlet", ["summary", path, "--parameters"])
        #expect(run.exitCode == 0, "\(run.errors)")
        let rows = run.lines.map { $0.split(separator: " ").map(String.init) }
        for row in [
            ["0.weight", "8×2", "0.5", "0.25"], ["0.bias", "8", "0.5", "0.0"], ["2.weight", "3×8", "0.125", "0.25"],
        ] {
            #expect(rows.contains(row), "\(run.lines)")
        }
        let json = try ProgramRun("martlet", ["summary", path, "--parameters", "--json"])
        #expect(json.lines.first?.contains(#""learningRate":0.125,"path":"2.weight","shape":[3,8]"#) == true)
        let named = try ProgramRun("martlet", ["summary", "lenet5", "--parameters"])
        #expect(named.lines.count > 8 && !named.lines.contains { $0.contains("Decay") })
        #expect(try ProgramRun("martlet", ["summary", path]).lines.last?.contains("51") == true)
    }

    @Test(
        "an optimizer that searches for its step is refused where one gradient is wanted, and what overflows ends with 65"
    )
    func refusals() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for arguments in [
            ["summary", "lenet5", "--memory", "--optimizer", "lbfgs"], ["profile", "lenet5", "--optimizer", "lbfgs"],
            ["lr-find", try recipe(spirals + "optimizer: lbfgs\n")],
        ] {
            let run = try ProgramRun("martlet", arguments)
            #expect(run.exitCode == 64, "\(arguments)")
            #expect(run.errors.contains("lbfgs"), "\(run.errors)")
        }
        let path = try recipe(
            spirals.replacing("{Linear: 8}", with: "{Linear: 8}, BatchNorm")
                + "split: {validation: 0, test: 0}\ntraining: {batch_size: 17}\n")
        let lonely = try ProgramRun("martlet", ["train", path, "--output", folder + "/run"])
        #expect(lonely.exitCode == 65)
        #expect(lonely.errors.contains("recipe.yaml:4: training.batch_size: expected two samples"), "\(lonely.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/run"))
        let ofFolds = try recipe(spirals + "split: {folds: 3}\ntraining: {batch_size: 1000, drop_last: true}\n")
        let folds = try ProgramRun("martlet", ["train", ofFolds, "--output", folder + "/run"])
        #expect(
            folds.exitCode == 65 && folds.errors.contains("training.batch_size: expected at most"), "\(folds.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder + "/run"))
    }

    @Test("the usual recipe of an optimizer that averages its steps, or searches for them, has no schedule that ends")
    func usualSchedules() throws {
        for (optimizer, schedule) in [
            ("lbfgs", "schedule: constant"), ("schedule_free_sgd", "schedule: constant"), ("adamw", "kind: cosine"),
        ] {
            let run = try ProgramRun("martlet", ["train", "--data", "digits", "--optimizer", optimizer, "--dry-run"])
            #expect(run.exitCode == 0 && run.lines.contains { $0.contains(schedule) }, "\(run.errors)")
        }
    }
}
