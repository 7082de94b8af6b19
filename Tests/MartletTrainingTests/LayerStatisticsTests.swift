import Foundation
import MartletNN
import MartletOptim
import MartletTensor
import MartletTraining
import Testing

@Suite("Layer statistics", .ownGenerator)
struct LayerStatisticsTests {
    private func network() -> Sequential {
        withGenerator(seed: 3) {
            Sequential {
                Linear(5, 8)
                Tanh()
                Linear(8, 6)
                ReLU()
                Linear(6, 3)
            }
        }
    }

    private let x = withGenerator(seed: 4) { Tensor.randn([16, 5]) * 3.0 }
    private let labels = Tensor((0..<16).map { $0 % 3 })

    private func quiet(_ model: any Module, every: Int = 1, limits: LayerStatistics.Limits = .init()) -> LayerStatistics
    {
        LayerStatistics(of: model, every: every, limits: limits, warn: { _ in })
    }

    private func isNear(_ a: Double?, _ b: Double) -> Bool { a.map { abs($0 - b) <= 1e-5 * max(1, abs(b)) } ?? false }

    @Test("Figures of outputs and gradients follow their definitions")
    func figures() throws {
        let model = network()
        let statistics = quiet(model)
        var outputs: [Tensor] = []
        let loss = statistics.watch {
            withForwardHook { _, _, output in
                outputs.append(output)
            } _: {
                crossEntropy(model(x), labels)
            }
        }
        loss.backward()
        statistics.collect()
        let report = try #require(statistics.advance())
        #expect(report.step == 1 && report.rows.map(\.layer) == ["0", "1", "2", "3", "4"])
        #expect(report.rows.map(\.type) == ["Linear", "Tanh", "Linear", "ReLU", "Linear"])
        for (row, output) in zip(report.rows, outputs) {
            let numbers = output.array(as: Double.self)
            let count = Double(numbers.count)
            let mean = numbers.reduce(0, +) / count
            let squares = numbers.reduce(0) { $0 + $1 * $1 }
            let spread = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let found = try #require(row.activations)
            #expect(isNear(found.mean, mean) && isNear(found.norm, squares.squareRoot()))
            #expect(isNear(found.deviation, (spread / count).squareRoot()))
            #expect(isNear(found.largest, numbers.map(\.magnitude).max() ?? 0))
            #expect(isNear(found.zeroShare, Double(numbers.count { $0 == 0 }) / count))
            if row.type == "Tanh" {
                #expect(isNear(found.saturatedShare, Double(numbers.count { abs($0) > 0.99 }) / count))
                #expect(found.saturatedShare != 0)
            } else {
                #expect(found.saturatedShare == nil)
            }
        }
        #expect(report.rows[3].activations?.zeroShare != 0)
        // The gradient of the logits is (softmax - one-hot) / batch.
        let logits = model(x).detached()
        let gradient = ((logits.softmax(axis: 1) - labels.oneHot(classes: 3)) / 16.0).array(as: Double.self)
        let last = try #require(report.rows.last)
        #expect(isNear(last.gradient?.norm, gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()))
        for (index, row) in report.rows.enumerated() where row.type == "Linear" {
            let parameters = model[index].parameters
            func norm(_ tensors: [Tensor]) -> Double {
                tensors.flatMap { $0.array(as: Double.self) }.reduce(0) { $0 + $1 * $1 }.squareRoot()
            }
            #expect(isNear(row.gradientNorm, norm(parameters.compactMap(\.gradient))))
            #expect(isNear(row.weightNorm, norm(parameters.map { $0.value.detached() })))
        }
        #expect(report.rows[1].gradientNorm == nil && report.rows[1].gradient != nil)
    }

    private struct Run {
        var bits: [[UInt32]] = []
        var reports: [LayerReport] = []
        var plans = 0
    }

    private func train(isCompiled: Bool, isWatched: Bool) -> Run {
        let model = network()
        let optimizer = Adam(model.parameters, learningRate: 0.01)
        let statistics = quiet(model, every: 3)
        func take(_ x: Tensor, _ labels: Tensor) -> Tensor {
            optimizer.zeroGradients()
            let loss =
                isWatched
                ? statistics.watch { crossEntropy(model(x), labels) } : crossEntropy(model(x), labels)
            loss.backward()
            if isWatched { statistics.collect() }
            clipGradientNorm(model.parameters, to: 0.5)
            optimizer.step()
            return loss
        }
        let step = compile(updating: model, optimizer, statistics) { (x: Tensor, labels: Tensor) in take(x, labels) }
        var run = Run()
        for _ in 0..<8 {
            _ = isCompiled ? step(x, labels) : take(x, labels)
            if let report = statistics.advance() { run.reports.append(report) }
        }
        run.bits = model.parameters.map { $0.value.array().map(\.bitPattern) }
        run.plans = step.planCount
        return run
    }

    @Test("Every third step is reported, training is the same without, and compiled as eager")
    func steps() {
        let (plain, eager) = (train(isCompiled: false, isWatched: false), train(isCompiled: false, isWatched: true))
        let compiled = train(isCompiled: true, isWatched: true)
        #expect(eager.bits == plain.bits && compiled.bits == plain.bits)
        #expect(plain.reports.isEmpty)
        #expect(eager.reports.map(\.step) == [1, 4, 7])
        #expect(eager.reports == compiled.reports)
        // The first step makes the optimizer's state; of the others those that are due and those that are not.
        #expect(compiled.plans == 3)
    }

    @Test("A layer whose outputs are all zero throughout the window is dead, said once, by its path")
    func dead() {
        let model = network()
        let limits = LayerStatistics.Limits(window: 3)
        var said: [String] = []
        let statistics = LayerStatistics(of: model, every: 1, limits: limits) { said.append("\($0)") }
        var kinds: [[LayerReport.Warning.Kind]] = []
        func look() {
            let loss = statistics.watch { crossEntropy(model(x), labels) }
            loss.backward()
            statistics.collect()
            kinds.append((statistics.advance()?.warnings ?? []).map(\.kind))
            model.zeroGradients()
        }
        look()
        #expect(said.isEmpty)
        (model[2] as? Linear)?.bias?.update { Tensor.full($0.shape, Float(-1000)) }
        for _ in 0..<5 { look() }
        #expect(said.contains("layer 3 is dead: all its outputs were 0 in 3 reports (step 4)"))
        #expect(said.filter { $0.contains("dead") }.count == 1)
        // Nothing flows back through it either.
        #expect(kinds.map { $0.contains(.dead) } == [false, false, false, true, false, false])
        #expect(said.contains { $0.hasPrefix("layer 2 has a vanishing gradient") })
    }

    @Test(
        "Vanishing and exploding gradients are said, and those that are no numbers", arguments: [1e-12, 1e6, .infinity])
    func gradients(_ factor: Double) throws {
        let model = network()
        let statistics = quiet(model, limits: LayerStatistics.Limits(window: 2))
        var warnings: [LayerReport.Warning] = []
        for _ in 0..<3 {
            model.zeroGradients()
            let loss = statistics.watch { crossEntropy(model(x), labels) * factor }
            loss.backward()
            statistics.collect()
            warnings += try #require(statistics.advance()).warnings
        }
        #expect(warnings.map(\.layer) == ["0", "2", "4"])
        #expect(warnings.allSatisfy { $0.kind == (factor < 1 ? .vanishing : .exploding) })
        #expect(warnings.allSatisfy { $0.step == (factor < 1 ? 2 : 1) })
        if factor == .infinity { #expect(warnings[0].description.contains("is not a finite number")) }
    }

    @Test("The table fits 80 columns, and JSON lines have every figure")
    func texts() throws {
        let model = network()
        let statistics = quiet(model)
        let loss = statistics.watch { crossEntropy(model(x), labels) * Double.infinity }
        loss.backward()
        statistics.collect()
        let report = try #require(statistics.advance(step: 40))
        let terminal = Terminal(isTerminal: true, width: { 80 }, write: { _ in })
        let lines = report.lines(for: terminal)
        #expect(lines.count == 2 + 5 + 3)
        #expect(lines.prefix(7).allSatisfy { $0.columns <= 80 })
        #expect(lines[0].hasPrefix("Layer") && lines[0].hasSuffix("g/w"))
        #expect(lines.last?.hasPrefix("warning: layer 4 has a gradient") == true)
        let json = try report.jsonLines()
        #expect(json.count == 5)
        let first = try #require(try JSONSerialization.jsonObject(with: Data(json[1].utf8)) as? [String: Any])
        #expect(first["event"] as? String == "layer" && first["step"] as? Int == 40)
        #expect(first["layer"] as? String == "1" && first["type"] as? String == "Tanh")
        let activations = try #require(first["activations"] as? [String: Any])
        #expect(Set(activations.keys) == ["mean", "std", "norm", "max", "zeros", "saturated"])
        #expect((first["gradient"] as? [String: Any])?["norm"] is NSNull)
        #expect(json[0].contains("\"weight_norm\":") && json[0].contains("\"gradient_norm\":null"))
    }

    @Test("A probe reports from a training run and changes none of its bits")
    func probe() throws {
        func run(isProbed: Bool) throws -> (ToyProblem, [LayerReport]) {
            let toy = try ToyProblem(settings: TrainingSettings(epochs: 2))
            var reports: [LayerReport] = []
            let inputs = withGenerator(seed: 8) { Tensor.randn([9, 6]) }
            if isProbed {
                toy.trainer.observers.append(
                    LayerProbe(
                        of: toy.trainer.model, inputs: inputs, labels: Tensor([0, 1, 2, 0, 1, 2, 0, 1, 2] as [Int]),
                        every: 5,
                        warn: { _ in }, report: { reports.append($0) }))
            }
            _ = try toy.trainer.fit(toy.loader)
            return (toy, reports)
        }
        let (plain, probed) = (try run(isProbed: false), try run(isProbed: true))
        #expect(try plain.0.bits == probed.0.bits)
        #expect(probed.1.map(\.step) == [5, 10])
        #expect(probed.1.allSatisfy { $0.rows.contains { $0.layer == "last" && ($0.gradientNorm ?? 0) > 0 } })
        #expect(probed.1[0] != probed.1[1])
    }
}

@Suite("First gradient that is not finite", .ownGenerator)
struct NonFiniteGradientTests {
    private final class Root: Layer {
        func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { $0.sqrt() } }
    }

    private final class RootScale: Layer {
        let scale = Parameter(Tensor([0] as [Float]))
        func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { $0 * scale.value.sqrt() } }
    }

    @Test("A layer whose derivative is infinite is found, with outputs that are all finite")
    func output() {
        let model = Sequential {
            Linear(3, 4)
            Root()
            Linear(4, 2)
        }
        for parameter in model[0].parameters { parameter.update { Tensor.zeros(like: $0) } }
        model[2].parameters[0].gradient = Tensor.ones([2, 4])
        let x = Tensor.ones([5, 3])
        #expect(firstNonFiniteLayer(of: model) { _ = model(x).sum() } == nil)
        let found = firstNonFiniteGradient(of: model) { model(x).sum() }
        #expect(found == NonFiniteGradient(place: .output, name: "0", source: "1"))
        #expect("\(found.map { "\($0)" } ?? "")".contains("the output of 0 is the first that is not finite"))
        // Gradients are those of before.
        #expect(model[0].parameters.allSatisfy { $0.gradient == nil })
        #expect(model[2].parameters[0].gradient?.array() == [Float](repeating: 1, count: 8))
    }

    @Test("A parameter's own gradient is found where those of all outputs are finite")
    func parameter() {
        let model = Sequential { RootScale() }
        let found = firstNonFiniteGradient(of: model) { model(Tensor.ones([2, 3])).sum() }
        #expect(found == NonFiniteGradient(place: .parameter, name: "0.scale", source: "0"))
    }

    @Test("The loss is named where its own derivative is infinite, and nothing where all is finite")
    func others() {
        let model = Sequential { Linear(3, 4) }
        let x = Tensor.ones([2, 3])
        #expect(firstNonFiniteGradient(of: model) { model(x).square().sum() } == nil)
        let found = firstNonFiniteGradient(of: model) { model(x).sum() * Double.infinity }
        #expect(found == NonFiniteGradient(place: .output, name: "0", source: nil))
    }
}
