import Foundation
import MartletRecipes
import Synchronization
import Testing

@testable import MartletTuning

@Suite("Studies")
final class StudyTests {
    /// A folder of this test, which goes with it.
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("study-\(UUID().uuidString)")

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func plan(_ tune: String, measuring metrics: String = "") throws -> StudyPlan {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent("tune.yaml").path
        let text = "data: digits\nsplit: {validation: 10}\n\(metrics)\ntune: \(tune)\n"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return try StudyPlan(contentsOf: path)
    }

    /// The study of a name, begun or gone on with.
    private func study(_ tune: String, _ runner: Runner, named name: String = "study") throws -> Study {
        try Study(plan(tune), folder: folder.appendingPathComponent(name).path, runner: runner)
    }

    /// A training run in an instant: the loss falls from epoch to epoch towards a bowl about lr = 10⁻², decay = 0.3.
    private final class Runner: TrialRunner {
        let epochs: Int
        private let counts = Mutex((epochs: 0, begun: [Int]()))
        private let dyingAfter: Int?

        init(epochs: Int, dyingAfter: Int? = nil) { (self.epochs, self.dyingAfter) = (epochs, dyingAfter) }

        var epochsRun: Int { counts.withLock { $0.epochs } }
        var begun: [Int] { counts.withLock { $0.begun } }

        static func loss(_ settings: [String: String]) -> Double {
            let rate = Double(settings["optimizer.lr"] ?? "") ?? .nan
            let decay = Double(settings["optimizer.weight_decay"] ?? "0.3") ?? .nan
            return pow(log10(rate) + 2, 2) + 4 * pow(decay - 0.3, 2)
        }

        func run(
            _ trial: Trial, isInterrupted: @escaping @Sendable () -> Bool,
            report: @escaping @Sendable (Int, Double) throws -> Bool
        ) throws -> TrialEnd {
            let begun = counts.withLock { counts in
                counts.begun.append(trial.number)
                return counts.begun.count
            }
            for epoch in 1...epochs {
                if let dyingAfter, begun > dyingAfter { return .interrupted }
                counts.withLock { $0.epochs += 1 }
                guard try report(epoch, Self.loss(trial.settings) + 1 / Double(epoch)) else { return .interrupted }
            }
            return .finished
        }
    }

    private static let bowl =
        "space: {optimizer.lr: {log: [1e-5, 1]}, optimizer.weight_decay: {uniform: [0, 1]}}"

    @Test("a grid tries every point once")
    func grid() throws {
        let study = try self.study(
            "{algorithm: grid, space: {optimizer.lr: {log: [1e-3, 1e-1], steps: 3}, training.batch_size: [32, 64]}}",
            Runner(epochs: 1))
        try study.run()
        let tried = try study.trials.map { [$0.settings["optimizer.lr"], $0.settings["training.batch_size"]] }
        #expect(
            tried == [
                ["0.001", "32"], ["0.001", "64"], ["0.01", "32"], ["0.01", "64"], ["0.1", "32"], ["0.1", "64"],
            ])
        #expect(try study.best?.settings["optimizer.lr"] == "0.01")
    }

    @Test("TPE comes nearer than chance in as many trials, over twenty seeds")
    func parzen() throws {
        func median(_ algorithm: String) throws -> Double {
            let bests = try (0..<20).map { seed in
                let study = try self.study(
                    "{algorithm: \(algorithm), trials: 40, seed: \(seed), \(Self.bowl)}", Runner(epochs: 1),
                    named: "\(algorithm)-\(seed)")
                try study.run()
                return Runner.loss(try #require(try study.best).settings)
            }
            return bests.sorted()[10]
        }
        let (tpe, random) = (try median("tpe"), try median("random"))
        #expect(tpe < random / 2, "TPE \(tpe), random \(random)")
    }

    @Test("successive halving trains less and finds as good a trial")
    func halving() throws {
        let (whole, pruned) = (Runner(epochs: 9), Runner(epochs: 9))
        let tune = "algorithm: random, trials: 30, seed: 3, \(Self.bowl)"
        let all = try study("{\(tune)}", whole, named: "all")
        try all.run()
        let halved = try study("{\(tune), pruning: {reduction: 3, min_epochs: 1}}", pruned)
        try halved.run()
        #expect(whole.epochsRun == 270)
        #expect(pruned.epochsRun < 135, "\(pruned.epochsRun) epochs")
        #expect(try halved.best?.settings == all.best?.settings)
        let states = try halved.trials.map(\.state)
        #expect(states.contains(.pruned) && states.contains(.finished))
    }

    @Test("a study that died goes on where it was, and ends as one that did not")
    func resumption() throws {
        let tune = "{algorithm: tpe, trials: 25, seed: 1, \(Self.bowl)}"
        try study(tune, Runner(epochs: 2, dyingAfter: 7)).run()
        #expect(try study(tune, Runner(epochs: 2)).trials.map(\.state).filter { $0 == .running }.count == 1)
        let second = Runner(epochs: 2)
        let study = try self.study(tune, second)
        try study.run()
        #expect(second.begun == Array(7..<25))
        let undisturbed = try self.study(tune, Runner(epochs: 2), named: "undisturbed")
        try undisturbed.run()
        #expect(try study.trials.map(\.settings) == undisturbed.trials.map(\.settings))
    }

    @Test("several at a time run every trial once")
    func parallel() throws {
        let runner = Runner(epochs: 3)
        let study = try self.study("{algorithm: random, trials: 40, parallel: 4, \(Self.bowl)}", runner)
        let told = Mutex([Int]())
        try study.run(observer: { trial in told.withLock { $0.append(trial.number) } })
        #expect(runner.begun.sorted() == Array(0..<40))
        #expect(told.withLock { $0.sorted() } == Array(0..<40))
        #expect(try study.trials.allSatisfy { $0.state == .finished && $0.epochs == 3 })
    }

    @Test("the best recipe and the page are written")
    func results() throws {
        let study = try self.study("{algorithm: random, trials: 5, \(Self.bowl)}", Runner(epochs: 2))
        try study.run()
        let best = try Recipe(contentsOf: study.bestPath)
        let rate = try #require(try study.best?.settings["optimizer.lr"])
        #expect(best.optimizer.learningRate == Double(rate))
        let page = try String(contentsOfFile: study.pagePath, encoding: .utf8)
        #expect(page.contains("optimizer.weight_decay") && page.components(separatedBy: "class=\"trial ").count == 6)
    }

    @Test("a plan that cannot be run is said to be wrong before the first trial, with its line")
    func errors() throws {
        for (tune, message) in [
            ("{algorithm: tpe}", "tune.space: expected at least one setting to vary"),
            ("{space: {optimizer.lr: {log: [0, 1]}}}", "two numbers above 0, the lower first"),
            ("{space: {optimizer.lr: {lgo: [1, 2]}}}", "uniform, log or whole with two ends"),
            ("{space: {optimizer.lrr: [1, 2]}}", "--set optimizer.lrr="),
            ("{trails: 3, space: {optimizer.lr: [1, 2]}}", "did you mean trials?"),
            ("{space: {optimizer.kind: [adam, sdg]}}", "did you mean sgd?"),
        ] {
            let error = #expect(throws: RecipeError.self) { try plan(tune) }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
        _ = try study("{trials: 2, space: {optimizer.lr: [1, 2]}}", Runner(epochs: 1))
        let other = #expect(throws: StudyError.self) {
            try study("{trials: 2, space: {optimizer.lr: [1, 3]}}", Runner(epochs: 1))
        }
        #expect(other?.field == "space")
    }

    @Test("a recipe with folds is no trial's, one of its folds is")
    func folds() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent("folds.yaml").path
        let split = "split: {folds: 3, validation: 10}"
        try "data: digits\n\(split)\ntune: {space: {optimizer.lr: [1, 2]}}\n"
            .write(toFile: path, atomically: true, encoding: .utf8)
        let error = #expect(throws: RecipeError.self) { try StudyPlan(contentsOf: path) }
        #expect(error?.description.contains("folds.yaml:2: split: expected a trial's one split") == true)
        #expect(try StudyPlan(contentsOf: path, overrides: ["split.fold=2"]).trials == 30)
    }

    @Test("a folder whose database is no database is named")
    func brokenStore() throws {
        let plan = try plan("{space: {optimizer.lr: [1, 2]}}")
        let folder = self.folder.appendingPathComponent("broken")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(repeating: 7, count: 5000).write(to: folder.appendingPathComponent("study.sqlite"))
        let error = #expect(throws: StudyError.self) {
            try Study(plan, folder: folder.path, runner: Runner(epochs: 1))
        }
        #expect(error?.file.hasSuffix("broken/study.sqlite") == true)
    }

    @Test("a section that is varied as a whole keeps the settings inside it that are varied too")
    func nestedSettings() throws {
        let tune = "{algorithm: random, trials: 4, space: {optimizer: [adam, sgd], optimizer.lr: {log: [1e-4, 1]}}}"
        let study = try study(tune, Runner(epochs: 1))
        try study.run()
        let best = try #require(try study.best)
        let recipe = try Recipe(contentsOf: study.bestPath)
        #expect(recipe.optimizer.learningRate == Double(best.settings["optimizer.lr"] ?? ""))
        #expect(recipe.optimizer.kind.rawValue == best.settings["optimizer"])
    }

    @Test(
        "a study may go by any figure that the recipe measures of the training or the validation data, and by no other")
    func figures() throws {
        let space = "space: {optimizer.lr: [1, 2]}"
        let measuring = "metrics: [f1_macro, log_loss]"
        func plan(_ figure: String) throws -> StudyPlan {
            try self.plan("{metric: \(figure), \(space)}", measuring: measuring)
        }
        #expect(try plan("validation_f1_macro").metric.goal == .highest)
        #expect(try plan("validation_log_loss").metric.goal == .lowest)
        #expect(try plan("train_accuracy").metric == .metric(.accuracy, .train))
        for name in ["validation_auroc", "test_f1_macro", "f1_macro"] {
            let error = #expect(throws: RecipeError.self) { _ = try plan(name) }
            #expect(error?.key == "tune.metric" && error?.found.contains(name) == true, "\(name)")
        }
    }

    @Test("a study's folder that cannot be made is an error with its name")
    func unwritableFolder() throws {
        let tune = "{trials: 2, space: {optimizer.lr: [1, 2]}}"
        let file = try plan(tune).file
        let error = #expect(throws: StudyError.self) {
            _ = try study(tune, Runner(epochs: 1), named: "tune.yaml/study")
        }
        #expect(error?.file == file + "/study" && error?.field == "folder")
    }

    @Test("a trial without a figure ranks last, whichever way is better")
    func rankOfNothing() throws {
        let study = try study(
            "{metric: validation_accuracy, trials: 2, space: {optimizer.lr: [1, 2]}}", Runner(epochs: 1))
        let none = Trial(number: 0, settings: [:], point: [])
        var good = none
        good.figure = 0.9
        #expect(study.cost(none) > study.cost(good))
    }
}
