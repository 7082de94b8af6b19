import Foundation
import MartletNN
import MartletTensor
import MartletTraining
import Testing

@testable import MartletRecipes

@Suite("Runs of recipes")
struct RecipeRunTests {
    private func run(_ text: String) throws -> RecipeRun {
        let recipe = try Recipe(text, file: "r.yaml")
        return try RecipeRun(recipe, data: RecipeData(recipe))
    }

    private let spirals = "data: {kind: spirals, count: 300, classes: 3}\n"

    /// A share that rounds to no sample.
    private let nothingHeldOut = "model: {layers: [{Linear: 3}]}\nsplit: {validation: 0.001, test: 0}\n"

    @Test("a network, a loss or a metric that does not go with the data is an error before the first step")
    func misfits() throws {
        for (text, message) in [
            ("model: {layers: [{Linear: 2}]}", "model: expected 3 outputs, one a class, found the shape [2]"),
            ("model: {layers: [{Linear: 3}]}\nloss: mse", "loss: expected labels that are numbers"),
            (
                "model: {layers: [{Linear: 3}]}\ntraining: {batch_size: 1000, drop_last: true}",
                "training.batch_size: expected at most the"
            ),
            ("model: {layers: [{Linear: 3}, {Dropout: 1}]}", "expected a number from 0 to 1, found \"1\""),
            ("model: {layers: [{Linear: 3}]}\nmetrics: [rmse]", "metrics: expected metrics of classes, found rmse"),
            (
                "model: {layers: [{Linear: 3}]}\nmetrics: [f1]",
                "r.yaml:3: metrics: expected two classes; else f1_macro, f1_micro or f1_weighted, found 3 classes beside f1"
            ),
            (
                nothingHeldOut + "callbacks: {early_stopping: {patience: 3, monitor: validation_loss}}",
                "r.yaml:4: callbacks.early_stopping.monitor: expected a figure of the training data, as no sample is held "
                    + "out for validation, found validation_loss"
            ),
            (
                nothingHeldOut + "callbacks: {keep_best: {}}",
                "r.yaml:4: callbacks.keep_best.monitor: expected a figure of"
            ),
            (
                nothingHeldOut + "schedule:\n  kind: reduce_on_plateau\n  monitor: validation_accuracy",
                "r.yaml:6: schedule.monitor: expected a figure of the training data"
            ),
            ("split: {validation: 9e18}", "split.validation: expected a share below 1, or a whole number"),
            ("training: {epochs: 1e18}", "training.epochs: expected a whole number from 1 on"),
        ] {
            let error = #expect(throws: RecipeError.self, "\(text)") { try run(spirals + text) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test("a network without parameters is an error, whatever the optimizer", arguments: ["adam", "lbfgs", "muon"])
    func nothingToTrain(optimizer: String) {
        let text = "data: {kind: spirals, count: 60, classes: 2}\nmodel: {layers: [ReLU]}\noptimizer: \(optimizer)"
        let error = #expect(throws: RecipeError.self) { try run(text) }
        #expect(error?.description.contains("model: expected a layer with parameters to train, found none") == true)
    }

    @Test(
        "the model of an interrupted run has the weights that the run would measure",
        arguments: ["optimizer: schedule_free_adamw", "regularization: {average: equal}"])
    func interruptedModel(setting: String) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try withGenerator(seed: 0) {
            let made = try run(spirals + "model: {layers: [{Linear: 8}, ReLU, {Linear: 3}]}\n" + setting)
            let folder = try RunFolder.create(at: path)
            var steps = 0
            _ = try made.fit(in: folder) {
                steps += 1
                return steps == made.loader.count + 2
            }
            let file = try #require(folder.checkpoints().last).path
            let kept = try Checkpoint(contentsOf: file).average
            let loaded = try ModelNote.load(file).layer
            #expect(loaded.namedParameters.count == 4)
            for ((name, parameter), own) in zip(loaded.namedParameters, made.model.parameters) {
                let found = parameter.value.array(as: Float.self)
                #expect(
                    found == kept["average.\(name)"]?.array(as: Float.self) && found != own.value.array(as: Float.self))
            }
        }
    }

    @Test("the effective recipe makes the same run, bit by bit")
    func reproduction() throws {
        let text = """
            seed: 4
            \(spirals)model: {layers: [{Linear: 16}, BatchNorm, ReLU, {Dropout: 0.1}, {Linear: 3}]}
            optimizer: {kind: sgd, lr: 0.1, momentum: 0.9}
            schedule: {kind: one_cycle, momentum: [0.95, 0.85]}
            regularization: {average: exponential, clip_norm: 1, gradient_noise: 1e-4}
            training: {epochs: 3, batch_size: 32}
            metrics: [f1_macro, accuracy, f1_macro]
            """
        // Generators of their own: other tests draw from the process's.
        let (first, one) = try withGenerator(seed: 0) {
            let made = try run(text)
            return (made, try made.fit())
        }
        let (second, other) = try withGenerator(seed: 1) {
            let made = try run(first.recipe.effectiveText)
            return (made, try made.fit())
        }
        #expect(one.outcome.history.map(\.trainLoss) == other.outcome.history.map(\.trainLoss))
        #expect(one.test?.loss == other.test?.loss)
        for (a, b) in zip(first.model.parameters, second.model.parameters) {
            #expect(a.value.array(as: Float.self) == b.value.array(as: Float.self))
        }
        // Of the pass over the test data that gave the loss, in the recipe's order.
        let measured = first.figures(of: one.test)
        #expect(measured.map(\.name) == [.f1Macro, .accuracy])
        #expect(measured.last?.value == one.test?.accuracy)
        #expect(first.figures(of: nil).isEmpty)
    }
}
