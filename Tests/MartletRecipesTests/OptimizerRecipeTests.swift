import Foundation
import MartletNN
import MartletOptim
import MartletTensor
import MartletTraining
import Testing

@testable import MartletRecipes

@Suite("Optimizers of recipes")
struct OptimizerRecipeTests {
    private func model() throws -> any Layer {
        try Recipe("model: {layers: [{Linear: 4}, BatchNorm, {Linear: 5}, {Linear: 2}]}").model.make(input: [3])
    }

    private func optimizer(_ text: String) throws -> Optimizer {
        try Recipe("optimizer: \(text)", file: "r.yaml").optimizer.make(model())
    }

    @Test(
        "groups take the parameters that their patterns name, the first one that does, and the rest keep the settings")
    func groups() throws {
        let model = try model()
        let text = """
            {kind: adamw, lr: 0.1, weight_decay: 0.2, betas: [0.8, 0.9], groups: [
              {parameters: ["0.*", 1.bias], lr: 0.01}, {parameters: "*.bias", weight_decay: 0.5, decay_biases: true},
              {parameters: "3.weight", betas: [0.5, 0.6], epsilon: 1e-3}]}
            """
        let optimizer = try Recipe("optimizer: \(text)").optimizer.make(model)
        let names = Dictionary(
            uniqueKeysWithValues: model.namedParameters.map { (ObjectIdentifier($0.parameter), $0.name) })
        let found = optimizer.groups.map { group in
            (group.parameters.compactMap { names[ObjectIdentifier($0)] }, group.learningRate, group.weightDecay)
        }
        #expect(
            found.map(\.0) == [
                ["2.weight"], ["1.weight"], ["0.weight"], ["0.bias", "1.bias"], ["2.bias", "3.bias"], ["3.weight"],
            ])
        #expect(found.map(\.1) == [0.1, 0.1, 0.01, 0.01, 0.1, 0.1])
        #expect(found.map(\.2) == [0.2, 0, 0.2, 0, 0.5, 0.2])
        #expect(optimizer.groups[5].betas == (0.5, 0.6) && optimizer.groups[5].epsilon == 1e-3)
        #expect(optimizer.groups[0].betas == (0.8, 0.9) && optimizer.groups[0].epsilon == 1e-8)
    }

    @Test("a group's own decay is that of all it names, biases too, unless it says otherwise")
    func groupDecay() throws {
        let model = try model()
        let text = """
            {kind: adamw, weight_decay: 0.2, groups: [
              {parameters: "0.*", weight_decay: 0.5}, {parameters: "2.*", weight_decay: 0.4, decay_biases: false},
              {parameters: "3.*", lr: 0.1}]}
            """
        let optimizer = try Recipe("optimizer: \(text)").optimizer.make(model)
        var decays: [String: Double] = [:]
        for (name, parameter) in model.namedParameters {
            decays[name] = optimizer.groups.first { $0.parameters.contains { $0 === parameter } }?.weightDecay
        }
        let expected = [
            "0.weight": 0.5, "0.bias": 0.5, "1.weight": 0, "1.bias": 0, "2.weight": 0.4, "2.bias": 0, "3.weight": 0.2,
            "3.bias": 0,
        ]
        #expect(decays == expected)
    }

    @Test("a schedule goes with each group's rate in proportion")
    func groupSchedules() throws {
        let text = """
            data: {kind: spirals, count: 90, classes: 3}
            model: {layers: [{Linear: 4}, ReLU, {Linear: 3}]}
            optimizer: {kind: sgd, lr: 0.1, groups: [{parameters: "2.*", lr: 0.02}]}
            schedule: {kind: step, every_epochs: 1, factor: 0.5}
            training: {epochs: 2, batch_size: 32}
            """
        let recipe = try Recipe(text)
        let run = try RecipeRun(recipe, data: RecipeData(recipe))
        _ = try run.fit()
        let rates = run.trainer.optimizer.groups.map(\.learningRate)
        #expect(rates.count == 2 && abs(rates[0] - 0.05) < 1e-12 && abs(rates[1] - 0.01) < 1e-12, "\(rates)")
    }

    @Test("wrong names, settings and patterns are errors with their line, and what was meant")
    func errors() throws {
        for (text, message) in [
            (
                "{kind: sgd, groups: [{parameters: \"*.bais\"}]}",
                "r.yaml:1: optimizer.groups.0.parameters: expected a pattern that names a parameter which is in no earlier "
                    + "group, found \"*.bais\"; did you mean 0.bias?"
            ),
            (
                "{kind: sgd, groups: [{parameters: \"*\"}, {parameters: \"*.bias\"}]}",
                "optimizer.groups.1.parameters: expected"
            ),
            (
                "{kind: sgd, groups: [{parameters: \"*\", momentum: 0.9}]}",
                "optimizer.groups.0.momentum: expected one of parameters, lr, weight_decay, decay_biases, found"
            ),
            (
                "{kind: adam, groups: [{parameters: \"*\", beats: [0.9, 0.99]}]}",
                "optimizer.groups.0.beats: expected one of parameters, lr, weight_decay, decay_biases, betas, epsilon, found "
                    + "\"beats\"; did you mean betas?"
            ),
            ("{kind: sgd, groups: [{lr: 0.1}]}", "optimizer.groups.0.parameters: expected the names of parameters, or"),
            (
                "{kind: sgd, groups: [{parameters: \"*\", lr: fast}]}",
                "groups.0.lr: expected a number above 0, found \"fast\""
            ),
            ("{kind: sgd, groups: {parameters: \"*\"}}", "optimizer.groups: expected a list of groups, as in"),
            ("{kind: sgd, groups: [3]}", "optimizer.groups.0: expected names and values"),
            ("{kind: lbfgs, weight_decay: 0.1}", "optimizer.weight_decay: expected one of kind, lr, max_iter,"),
            ("{kind: lbfgs, sam: 0.1}", "optimizer.sam: expected one of kind, lr, max_iter,"),
            ("{kind: lbfgs, line_search: wolfe}", "expected one of strong_wolfe, none, found \"wolfe\""),
            (
                "{kind: sgd, sam: {roh: 0.1}}",
                "optimizer.sam.roh: expected one of rho, adaptive, found \"roh\"; did"
            ),
            ("{kind: sgd, sam: 0}", "optimizer.sam.rho: expected a number above 0, found \"0\""),
            ("{kind: muon, adamw: {lr: x}}", "optimizer.adamw.lr: expected a number above 0, found \"x\""),
            ("{kind: schedule_free_sgd, momentum: 0}", "optimizer.momentum: expected a number above 0"),
            (
                "{kind: schedule_free_adamw, lookahead: {k: 3}}",
                "lookahead: expected none beside schedule_free_adamw"
            ),
            ("schedule_free", "did you mean"),
            (
                "{kind: sgd, momentum: 0.9, momentum_form: exponential_average, dampening: 0.1}",
                "r.yaml:1: optimizer.dampening: expected none beside momentum_form: exponential_average"
            ),
            (
                "{kind: schedule_free_adamw, groups: [{parameters: \"*\", betas: [0, 0.9]}]}",
                "r.yaml:1: optimizer.groups.0.betas: expected a first number above 0 and below 1"
            ),
            (
                "{kind: schedule_free_sgd, groups: [{parameters: \"*\", momentum: 0}]}",
                "optimizer.groups.0.momentum: expected a number above 0 and below 1"
            ),
        ] {
            let error = #expect(throws: RecipeError.self, "\(text)") { try optimizer(text) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
        for (text, message) in [
            (
                "optimizer: sgd\nschedule:\n  kind: one_cycle\n  momentum: [0.9, 0.8]",
                "r.yaml:4: schedule.momentum: expected an optimizer with a momentum above 0, which sgd has not here"
            ),
            (
                "schedule: {kind: step, every: 3, every_epochs: 2}",
                "r.yaml:1: schedule.every_epochs: expected every or every_epochs, not both, found \"2\""
            ),
            (
                "schedule: {kind: warmup, epochs: 1, start: 0, then: {kind: linear, steps: 3, epochs: 2}}",
                "schedule.then.epochs: expected steps or epochs, not both"
            ),
            (
                "optimizer: lbfgs\nregularization: {clip_norm: 1}",
                "r.yaml:2: regularization.clip_norm: expected none beside lbfgs"
            ),
            (
                "optimizer: schedule_free_sgd\nregularization: {average: exponential}",
                "r.yaml:2: regularization.average: expected none beside schedule_free_sgd"
            ),
            (
                "optimizer: {kind: sgd, sam: 0.1}\nprecision: float16",
                "r.yaml:2: precision: expected float32 or bfloat16 beside sam"
            ),
            ("training: {accumulate_batches: 0}", "training.accumulate_batches: expected a whole number from 1 on"),
            (
                "optimizer: schedule_free_sgd\nschedule: {kind: one_cycle, momentum: [0.9, 0.8]}",
                "r.yaml:2: schedule.momentum: expected none beside schedule_free_sgd"
            ),
            (
                "optimizer: {kind: sgd, momentum: 0.9}\nschedule: {kind: one_cycle, momentum: [1.5, 0.8]}",
                "r.yaml:2: schedule.momentum: expected two numbers from 0 to below 1"
            ),
            (
                "data: {kind: csv, file: a.csv, target: y, separator: \"\\n\"}",
                "r.yaml:1: data.separator: expected one ASCII character other than a quote or an end of line"
            ),
            ("training: {accumulate_batch: 2}", "did you mean accumulate_batches?"),
            (
                "split: {validation: 100}\nmetrics: [f1_macro]\ncallbacks: {early_stopping: {patience: 3, monitor: "
                    + "validation_f1_marco}}",
                "r.yaml:3: callbacks.early_stopping.monitor: expected one of train_loss, train_accuracy, validation_loss, "
                    + "validation_accuracy, validation_f1_macro, found \"validation_f1_marco\"; did you mean validation_f1_macro?"
            ),
            (
                "callbacks: {early_stopping: {patience: 3, monitor: validation_loss}}",
                "monitor: expected one of train_loss, train_accuracy, found"
            ),
            (
                "schedule: {kind: reduce_on_plateau, monitor: test_accuracy}",
                "schedule.monitor: expected one of train_loss, train_accuracy, found"
            ),
        ] {
            let error = #expect(throws: RecipeError.self, "\(text)") { try Recipe(text, file: "r.yaml") }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test("muon has the matrices inside, AdamW the rest; a group's own settings are for the parameters of both")
    func muon() throws {
        let optimizer = try optimizer(
            "{kind: muon, lr: 0.02, adamw: {lr: 0.001}, groups: [{parameters: \"2.*\", lr: 0.01, weight_decay: 0}]}")
        let combined = try #require(optimizer as? CombinedOptimizer)
        #expect(combined.parts.map { "\(type(of: $0))" } == ["Muon", "AdamW"])
        #expect(combined.parts[0].groups.map(\.learningRate) == [0.02, 0.01])
        #expect(combined.parts[0].groups.map(\.weightDecay) == [0.1, 0])
        #expect(combined.parts[1].groups.flatMap(\.parameters).count == 6)
        #expect(combined.parts[1].groups.map(\.learningRate) == [0.001, 0.001, 0.01])
        let biases = try self.optimizer(
            "{kind: muon, lr: 0.02, adamw: {lr: 0.001}, groups: [{parameters: \"*.bias\", lr: 1e-3, epsilon: 1e-5}]}")
        let adamw = try #require(biases as? CombinedOptimizer).parts[1].groups
        #expect(adamw.map(\.learningRate) == [0.001, 0.001, 0.001] && adamw.last?.epsilon == 1e-5)
        #expect(adamw[0].epsilon == 1e-8)
        let momentum = #expect(throws: RecipeError.self) {
            try self.optimizer("{kind: muon, groups: [{parameters: \"*.bias\", momentum: 0.5}]}")
        }
        #expect(momentum?.description.contains("optimizer.groups: expected a group with a momentum to have a") == true)
        let error = #expect(throws: RecipeError.self) {
            try Recipe("optimizer: muon").optimizer.make(Linear(3, 2))
        }
        #expect(error?.description.contains("a weight matrix before the last one") == true)
    }

    @Test("wrappers go around in their order")
    func wrappers() throws {
        let sam = try #require(
            try optimizer("{kind: sgd, sam: {rho: 0.2, adaptive: true}, lookahead: {k: 3}}") as? SAM)
        #expect(sam.radius == 0.2 && sam.adaptive && (sam.base as? Lookahead)?.period == 3)
        let lbfgs = try #require(try optimizer("{kind: lbfgs, max_iter: 8, line_search: none}") as? LBFGS)
        #expect(lbfgs.iterations == 8 && lbfgs.evaluations == 10 && !lbfgs.searchesLine && lbfgs.groups.count == 1)
        let counted = try #require(
            try optimizer("{kind: lbfgs, max_eval: 9, tolerance_grad: 1e-3, tolerance_change: 1e-4}") as? LBFGS)
        #expect(counted.evaluations == 9 && counted.gradientTolerance == 1e-3 && counted.changeTolerance == 1e-4)
        let ahead = try #require(try optimizer("{kind: sgd, lookahead: {k: 4, alpha: 0.3}}") as? Lookahead)
        #expect(ahead.period == 4 && ahead.share == 0.3)
        #expect((try optimizer("{kind: lars, trust_coefficient: 0.01}") as? LARS)?.trust == 0.01)
        let free = try #require(try optimizer("{kind: schedule_free_adamw, warmup: 7}") as? ScheduleFreeAdamW)
        #expect(free.warmup == 7)
    }

    @Test(
        "every optimizer trains by a recipe, in parts of a step, and the effective recipe makes the same run",
        arguments: [
            "sgd", "{kind: sgd, momentum: 0.9, sam: 0.05}", "{kind: muon, lr: 0.02}", "{kind: lbfgs, max_iter: 4}",
            "{kind: schedule_free_sgd, lr: 0.3}", "{kind: schedule_free_adamw, lr: 0.01}",
            "{kind: adam, lookahead: {}, groups: [{parameters: \"0.*\", lr: 0.02, betas: [0.8, 0.9]}]}",
        ])
    func training(optimizer: String) throws {
        let text = """
            data: {kind: spirals, count: 300, classes: 3}
            model: {layers: [{Linear: 16}, BatchNorm, ReLU, {Linear: 16}, ReLU, {Linear: 3}]}
            optimizer: \(optimizer)
            training: {epochs: 4, batch_size: 16, accumulate_batches: \(optimizer.contains("lbfgs") ? 20 : 2)}
            metrics: [accuracy, f1_macro]
            callbacks: {early_stopping: {patience: 4, monitor: validation_f1_macro}}
            """
        func losses(_ text: String) throws -> (Recipe, [Double]) {
            try withGenerator(seed: 3) {
                let recipe = try Recipe(text)
                let run = try RecipeRun(recipe, data: RecipeData(recipe))
                let outcome = try run.fit().outcome
                #expect(outcome.history.allSatisfy { $0.validationMetrics[.f1Macro] != nil })
                return (recipe, outcome.history.map(\.trainLoss))
            }
        }
        let (recipe, first) = try losses(text)
        let (_, again) = try losses(recipe.effectiveText)
        #expect(first == again && first.count == 4)
        #expect(first[3] < first[0])
    }

    @Test(
        "schedules of the effective recipe say the same rates, whatever they were written in",
        arguments: [
            "constant", "cosine", "{kind: step, every_epochs: 2, factor: 0.5}", "{kind: cosine, warmup_epochs: 1}",
            "{kind: multi_step, milestones_epochs: [1, 3]}", "{kind: warmup, epochs: 1, start: 0, then: cosine}",
            "{kind: cyclic, low: 0.01, climb_epochs: 1}", "{kind: one_cycle, climb: 0.2}",
            "{kind: warm_restarts, epochs: 1}",
            "{kind: sequence, parts: [{schedule: constant, epochs: 1}], then: {kind: exponential, factor: 0.5}}",
        ])
    func schedules(schedule: String) throws {
        func rates(_ text: String) throws -> (Recipe, [Double]) {
            let recipe = try Recipe(text)
            let schedules = try recipe.schedule.make(
                rate: recipe.optimizer.learningRate, .init(stepsPerEpoch: 7, epochs: 4))
            return (recipe, schedules.settings.learningRates[0].values(28))
        }
        let (recipe, first) = try rates("optimizer: {kind: sgd, lr: 0.3}\nschedule: \(schedule)\n")
        #expect(try rates(recipe.effectiveText).1 == first)
    }

    @Test("a last batch of one sample is an error with its line where a batch normalisation cannot take it")
    func lonelySample() throws {
        let text = """
            data: {kind: spirals, count: 93, classes: 3}
            split: {validation: 0, test: 0}
            model: {layers: [{Linear: 4}, BatchNorm, {Linear: 3}]}
            training:
              batch_size: 23
            """
        func run(_ text: String) throws -> RecipeRun {
            let recipe = try Recipe(text, file: "r.yaml")
            return try RecipeRun(recipe, data: RecipeData(recipe))
        }
        let error = #expect(throws: RecipeError.self) { try run(text) }
        #expect(
            error?.description.hasPrefix("r.yaml:5: training.batch_size: expected two samples in an epoch's last batch")
                == true)
        #expect(try run(text + "\n  drop_last: true").loader.count == 4)
    }

    @Test("each recipe of the folder reads, and the one of groups, parts and SAM does what it says")
    func folder() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("recipes").path
        let files = try FileManager.default.subpathsOfDirectory(atPath: root).filter { $0.hasSuffix(".yaml") }
        #expect(files.count > 5)
        for file in files { _ = try Recipe(contentsOf: "\(root)/\(file)") }
        let recipe = try Recipe(contentsOf: "\(root)/spirals-sam.yaml")
        let (outcome, test) = try withGenerator(seed: 0) { try RecipeRun(recipe, data: RecipeData(recipe)).fit() }
        #expect(outcome.end != .interrupted)
        #expect((test?.accuracy ?? 0) > 0.95, "\(test?.accuracy ?? 0)")
    }
}
