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
            ("split: {validation: 9e18}", "split.validation: expected a share below 1, or a whole number"),
            ("training: {epochs: 1e18}", "training.epochs: expected a whole number from 1 on"),
        ] {
            let error = #expect(throws: RecipeError.self, "\(text)") { try run(spirals + text) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
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
            metrics: [accuracy]
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
        let measured = try first.measure()
        #expect(measured.first?.value == one.test?.accuracy)
    }
}
