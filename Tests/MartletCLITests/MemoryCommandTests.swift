import Foundation
import MartletTesting
import Testing

@Suite("martlet summary --memory of a recipe")
final class MemoryCommandTests {
    /// A folder of this test, which goes with it.
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("memory-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private static let spirals = """
        data: {kind: spirals, count: 120, classes: 3}
        model: {layers: [{Linear: 128}, ReLU, {Linear: 128}, ReLU, {Linear: 3}]}

        """

    /// The path of a recipe with this text.
    private func recipe(_ text: String) throws -> String {
        let path = folder.appendingPathComponent("\(UUID().uuidString).yaml").path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// What the command says of a network's memory, as JSON.
    private func forecast(_ arguments: String...) throws -> Forecast {
        let run = try ProgramRun("martlet", ["summary", "--memory", "--json"] + arguments)
        #expect(run.exitCode == 0, "\(run.errors)")
        return try JSONDecoder().decode(Forecast.self, from: Data(try #require(run.lines.last).utf8))
    }

    /// A line of `--json`.
    private struct Forecast: Decodable {
        let batch: Int
        let optimizer: String
        let precision: String
        let loss: String
        let assumptions: [String]
        let notCounted: [String]
        let inference: [String: Int]
        let training: [String: Int]

        subscript(part: String) -> Int { training[part] ?? -1 }
    }

    @Test("the optimizer is the recipe's with its settings: SGD takes less without momentum than with it")
    func optimizers() throws {
        func peak(_ optimizer: String) throws -> (state: Int, peak: Int) {
            let found = try forecast(try recipe(Self.spirals + "optimizer: \(optimizer)\n"))
            return (found["optimizerState"], found["peak"])
        }
        let (plain, momentum) = (try peak("sgd"), try peak("{kind: sgd, momentum: 0.9}"))
        let (adam, amsgrad) = (try peak("adam"), try peak("{kind: adam, amsgrad: true}"))
        #expect(plain.state == 0 && momentum.state > 0)
        #expect(adam.state == 2 * momentum.state && amsgrad.state == 3 * momentum.state)
        #expect(plain.peak < momentum.peak && momentum.peak < adam.peak && adam.peak < amsgrad.peak)
    }

    @Test("a recipe's batch is forecast as the same batch without a recipe is, and what is given wins over the recipe")
    func batches() throws {
        let files = try SmallMNIST(train: 32, test: 8)
        defer { withExtendedLifetime(files) {} }
        let start = "data: {kind: mnist, directory: \(files.folder.path)}\nmodel: lenet5\n"
        let path = try recipe(start + "training: {batch_size: 32}\n")
        let (own, plain) = (try forecast(path), try forecast("lenet5", "--batch", "32"))
        #expect(own.training == plain.training && own.inference == plain.inference)
        #expect(own.batch == 32 && own.assumptions == ["batch 32", "adam", "float32", "cross_entropy"])
        #expect(plain.assumptions == own.assumptions && plain.notCounted.isEmpty && !own.notCounted.isEmpty)

        let other = try recipe(start + "optimizer: {kind: sgd, momentum: 0.9}\ntraining: {batch_size: 32}\n")
        let given = try forecast(other, "--batch", "8", "--optimizer", "adam")
        #expect(try forecast("lenet5", "--batch-size", "8").training == given.training)
        // The recipe's own kind keeps its settings.
        #expect(try forecast(other, "--optimizer", "sgd").training == forecast(other).training)
        #expect(try forecast(other)["peak"] != own["peak"])
        #expect(try forecast("lenet5").batch == 1)
    }

    @Test("activations are as narrow as the recipe's precision, and float16's scaled steps are planned too")
    func precision() throws {
        func forecast(_ precision: String) throws -> Forecast {
            try self.forecast(
                try recipe(Self.spirals + "precision: \(precision)\ntraining: {batch_size: 2048}\n"))
        }
        let (wide, narrow, scaled) = (try forecast("float32"), try forecast("bfloat16"), try forecast("float16"))
        #expect([wide, narrow, scaled].map(\.precision) == ["float32", "bfloat16", "float16"])
        #expect(narrow["activations"] < wide["activations"], "\(narrow) \(wide)")
        #expect(narrow["parameters"] == wide["parameters"] && scaled["peak"] > 0)
    }

    @Test("the loss is the recipe's, or that of the labels, and numbers are labels too")
    func losses() throws {
        let table = folder.appendingPathComponent("table.csv").path
        let rows = (0..<40).map { "\($0),\($0 % 7),\(0.5 + Double($0))\n" }.joined()
        try ("a,b,y\n" + rows).write(toFile: table, atomically: true, encoding: .utf8)
        let text = "data: {kind: csv, file: \(table), target: y}\nmodel: {layers: [{Linear: 8}, ReLU, {Linear: 1}]}\n"
        #expect(try forecast(try recipe(text)).loss == "mse")
        let huber = try forecast(try recipe(text + "loss: huber\ntraining: {batch_size: 16}\n"))
        #expect(huber.assumptions == ["batch 16", "adam", "float32", "huber"])
        #expect(try forecast(try recipe(Self.spirals + "loss: multi_margin\n")).loss == "multi_margin")
    }

    @Test("gradients of several batches, averages and second gradients are counted, and what is left out is said")
    func others() throws {
        let plain = try forecast(try recipe(Self.spirals))
        let weights = plain["parameters"]
        #expect(plain["average"] == 0 && plain["gradients"] < weights)
        let parts = try forecast(try recipe(Self.spirals + "training: {accumulate_batches: 4}\n"))
        #expect(parts["gradients"] >= weights && parts.assumptions.contains("4 batches a step"))
        for kind in ["exponential", "equal"] {
            let averaged = try forecast(try recipe(Self.spirals + "regularization: {average: \(kind)}\n"))
            #expect(averaged["average"] >= weights && averaged.assumptions.contains("\(kind) average"))
            #expect(averaged["peak"] > plain["peak"])
        }
        let limited = try forecast(try recipe(Self.spirals + "regularization: {clip_norm: 1, gradient_noise: 0.01}\n"))
        #expect(limited.assumptions.suffix(2) == ["clip_norm", "gradient_noise"])
        let once = try forecast(try recipe(Self.spirals + "optimizer: sgd\n"))
        let twice = try forecast(try recipe(Self.spirals + "optimizer: {kind: sgd, sam: 0.05}\n"))
        #expect(twice.optimizer == "sam of sgd" && twice["peak"] > once["peak"])
        let watched = try forecast(
            try recipe(Self.spirals + "callbacks: {statistics: 10}\ntraining: {workers: 1}\n"))
        #expect(watched.notCounted.count == 3)
    }

    @Test("the heading says what is assumed, and an optimizer whose step is no one plan is refused")
    func heading() throws {
        let path = try recipe(
            Self.spirals + "optimizer: sgd\nprecision: bfloat16\nregularization: {average: exponential}\n"
                + "training: {batch_size: 20}\n")
        let run = try ProgramRun("martlet", ["summary", path, "--memory"])
        #expect(run.lines.first?.hasPrefix("Network, input 20×2, cpu") == true, "\(run.lines) \(run.errors)")
        #expect(run.lines.contains("Training: batch 20, sgd, bfloat16, cross_entropy, exponential average"))
        #expect(run.lines.contains { $0.hasPrefix("Average of the weights") })
        #expect(run.lines.last?.hasPrefix("Not counted: held-out data") == true)
        let plain = try ProgramRun("martlet", ["summary", "lenet5", "--memory"])
        #expect(plain.lines.contains("Training: batch 1, adam, float32, cross_entropy"))
        #expect(!plain.lines.contains { $0.contains("Average") || $0.contains("Not counted") })

        let searching = try recipe(Self.spirals + "optimizer: lbfgs\n")
        let refused = try ProgramRun("martlet", ["summary", searching, "--memory"])
        #expect(refused.exitCode == 64)
        #expect(refused.errors.contains("the recipe's optimizer lbfgs") && refused.errors.contains("--optimizer"))
        #expect(try forecast(searching, "--optimizer", "sgd").optimizer == "sgd")
    }

    @Test("a run's folder is forecast by the recipe that it was trained by")
    func runs() throws {
        let path = try recipe(Self.spirals + "optimizer: sgd\ntraining: {epochs: 1, batch_size: 20}\n")
        let run = folder.appendingPathComponent("run").path
        let trained = try ProgramRun("martlet", ["train", path, "--output", run])
        #expect(trained.exitCode == 0, "\(trained.errors)")
        let (before, after) = (try forecast(path), try forecast(run))
        #expect(after.assumptions == before.assumptions && after.training == before.training)
    }
}
