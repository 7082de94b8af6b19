import MartletOptim
import MartletTensor
import MartletTraining
import Testing

@testable import MartletRecipes

@Suite("Recipes")
struct RecipeTests {
    @Test("an empty recipe is a whole one: every name has a default")
    func defaults() throws {
        let recipe = try Recipe("")
        #expect(recipe.data.kind == .mnist)
        #expect(recipe.model.kind == "lenet5")
        #expect(recipe.optimizer.kind == .adam)
        #expect(recipe.training.settings.epochs == 10)
        #expect(recipe.training.batchSize == 64)
        #expect(recipe.title == "LeNet-5 on MNIST")
    }

    @Test("errors name the line, the key, what was expected and the nearest valid name")
    func errors() throws {
        let cases: [(text: String, message: String)] = [
            ("seed: 1\noptimzer: adam\n", "r.yaml:2: optimzer: expected one of name, seed, device, data, split,"),
            ("optimzer: adam\n", "found \"optimzer\"; did you mean optimizer?"),
            (
                "optimizer:\n  kind: sgd\n  momentun: 0.9\n",
                "r.yaml:3: optimizer.momentun: expected one of kind, lr, weight_decay, decay_biases, momentum, "
                    + "momentum_form, dampening, nesterov, decoupled, groups, lookahead, sam, found \"momentun\"; did you mean momentum?"
            ),
            ("optimizer:\n  lr: fast\n", "r.yaml:2: optimizer.lr: expected a number above 0, found \"fast\""),
            ("optimizer:\n  lr: -1\n", "r.yaml:2: optimizer.lr: expected a number above 0, found \"-1\""),
            ("optimizer: adamm\n", "found \"adamm\"; did you mean adam?"),
            (
                "training: {epochs: 2.5}\n",
                "r.yaml:1: training.epochs: expected a whole number from 1 on, found \"2.5\""
            ),
            ("seed: \"7\"\n", "r.yaml:1: seed: expected a whole number from 0 on, found \"7\""),
            ("precision: bfloat61\n", "did you mean bfloat16?"),
            ("optimizer: {kind: sgd, nesterov: true}\n", "a momentum and no dampening beside it, found \"true\""),
            ("optimizer: {betas: [0.9]}\n", "optimizer.betas: expected a list of 2 numbers, found a list of 1"),
            ("schedule: {kind: cosine, form: 3}\n", "r.yaml:1: schedule.form: expected one of"),
            ("schedule: {kind: step}\n", "schedule.every: expected a value, found nothing"),
            ("schedule: one_cicle\n", "r.yaml:1: schedule.kind: expected one of constant, step, multi_step,"),
            ("schedule: oneCicle\n", "reduce_on_plateau, found \"oneCicle\"; did you mean one_cycle?"),
            (
                "schedule: {kind: warmup, steps: 3, start: 0,\n  then: {kind: cosin}}\n",
                "r.yaml:2: schedule.then.kind: expected one of constant,"
            ),
            ("schedule: {kind: warmup, steps: 3, start: 0, then: liner}\n", "found \"liner\"; did you mean linear?"),
            ("seed: 1\n  x: [\n", "r.yaml:2: this is no YAML: "),
            ("seed: 1\nseed: 2\n", "seed stands there more than once"),
            (
                "data: digits\naugmentation: [Flip]\n",
                "r.yaml:2: augmentation.0: no transform is called \"Flip\"; the nearest"
            ),
            (
                "initialization: henormal\n",
                "initialization.weights: initializer \"henormal\" is not known; did you mean"
            ),
            ("model: {layers: [Linaer: 3]}\n", "did you mean Linear?"),
            (
                "model:\n  layers:\n    - Linear: {out: 3, bais: true}\n",
                "r.yaml:3: model.layers.0.Linear.bais: expected"
            ),
        ]
        for (text, message) in cases {
            let error = #expect(throws: RecipeError.self, "\(text)") { try Recipe(text, file: "r.yaml") }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test("a setting from outside takes the file's place, makes what is not there, and is named where it is wrong")
    func overrides() throws {
        let text = "optimizer: sgd\nmodel:\n  layers: [Flatten, {Linear: 3}]\n"
        let recipe = try Recipe(
            text,
            overrides: ["optimizer.lr=0.5", "optimizer.momentum=0.9", "training.epochs=3", "model.layers.1.Linear=7"])
        #expect(recipe.optimizer.kind == .sgd)
        #expect(recipe.optimizer.learningRate == 0.5)
        #expect(recipe.training.settings.epochs == 3)
        #expect(try recipe.model.make(input: [2]).parameters[0].shape == [7, 2])
        for (override, message) in [
            ("optimizer.lrr=1", "--set optimizer.lrr=1: optimizer.lrr: expected one of"),
            ("optimizer.lr=x", "--set optimizer.lr=x: optimizer.lr: expected a number above 0, found \"x\""),
            ("nothing", "expected key=value"), ("model.layers.9=ReLU", "expected an index from 0 to 1"),
        ] {
            let error = #expect(throws: RecipeError.self) { try Recipe(text, overrides: [override]) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test("the effective recipe says everything, reads back, and says the same again")
    func effective() throws {
        let text = """
            name: "12"
            data: {kind: digits, limit: 500}
            split: {validation: 100}
            model: {layers: [Flatten, {Linear: 8}, ReLU, {Dropout: 0.1}, {Linear: 10}]}
            loss: {label_smoothing: 0.1}
            optimizer: {kind: sgd, lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4}
            schedule: {kind: warmup, epochs: 1, start: 0, then: {kind: multi_step, milestones_epochs: [2, 3]}}
            regularization: {clip_norm: 1, average: exponential, gradient_noise: 0.01}
            precision: bfloat16
            callbacks: {early_stopping: 3}
            """
        let recipe = try Recipe(text)
        let again = try Recipe(recipe.effectiveText)
        let (first, second) = (try recipe.effectiveText, try again.effectiveText)
        #expect(first == second)
        #expect(again.training.settings == recipe.training.settings)
        #expect(again.name == "12")
        #expect(recipe.training.settings.average == .exponential(decay: 0.999, warmsUp: true))
        #expect(recipe.training.settings.earlyStopping?.patience == 3)
        let lines = recipe.settings.map { "\($0.key) = \($0.value)" }
        #expect(lines.contains("optimizer.dampening = 0.0"))
        #expect(lines.contains("training.batch_size = 64"))
    }

    @Test("schedules know the rate, the steps of the run, and epochs as steps")
    func schedules() throws {
        func rates(_ text: String) throws -> ScheduledSettings {
            let recipe = try Recipe("optimizer: {kind: sgd, lr: 0.5, momentum: 0.9}\nschedule: \(text)\n")
            return try recipe.schedule.make(rate: 0.5, .init(stepsPerEpoch: 10, epochs: 4)).settings
        }
        let step = try rates("{kind: step, every_epochs: 2}")
        #expect([0, 19, 20, 39].map { step.learningRates[0]($0) } == [0.5, 0.5, 0.05, 0.05])
        let cycle = try rates("{kind: one_cycle, climb: 0.25, momentum: [0.95, 0.85]}")
        let expected = OneCycle(peak: 0.5, steps: 40, climb: 0.25)
        #expect(cycle.learningRates[0].values(40) == expected.values(40))
        #expect(cycle.momentum?.values(40) == expected.momentum().values(40))
        let warm = try rates("{kind: warmup, epochs: 1, start: 0, then: {kind: linear, steps_epochs: 3}}")
        let ramp = Warmup(steps: 10, then: LinearRamp(from: 0.5, to: 0, steps: 30))
        #expect(warm.learningRates[0].values(40) == ramp.values(40))
        let sequence = try rates(
            "{kind: sequence, parts: [{schedule: constant, epochs: 1}], then: {kind: exponential, factor: 0.5}}")
        #expect([9, 10, 11].map { sequence.learningRates[0]($0) } == [0.5, 0.5, 0.25])
        let recipe = try Recipe("schedule: {kind: reduce_on_plateau, patience: 2, min_lr: 0.1}")
        let plateau = try recipe.schedule.make(rate: 0.5, .init(stepsPerEpoch: 10, epochs: 4)).plateau
        #expect(plateau?.rate == 0.5 && plateau?.patience == 2 && plateau?.least == 0.1)
    }

    @Test(
        "every optimizer by name is made, with weights decaying and biases not",
        arguments: OptimizerRecipe.Kind.allCases)
    func optimizers(kind: OptimizerRecipe.Kind) throws {
        let model = try Recipe("model: {layers: [{Linear: 4}, BatchNorm, {Linear: 2}]}").model.make(input: [3])
        #expect(try Recipe("optimizer: \(kind.rawValue)").optimizer.make(model).groups.flatMap(\.parameters).count == 6)
        if kind == .lbfgs { return }
        let recipe = try Recipe("optimizer: {kind: \(kind.rawValue), weight_decay: 0.1}")
        let optimizer = try recipe.optimizer.make(model)
        #expect(optimizer.groups.map(\.weightDecay) == (kind == .muon ? [0.1, 0.1, 0] : [0.1, 0]))
        #expect(optimizer.groups.filter { $0.weightDecay > 0 }.flatMap(\.parameters).allSatisfy { $0.shape.rank == 2 })
        #expect(recipe.optimizer.learningRate > 0)
    }
}
