import Foundation
import MartletData
import MartletNN
import MartletOptim
import MartletTensor
import MartletTraining
import Testing

@Suite("Learning-rate range test", .ownGenerator)
struct LearningRateFinderTests {
    private func bits(_ tensors: [String: Tensor]) throws -> [String: [UInt8]] {
        try tensors.mapValues { try $0.withUnsafeBytes { Array($0) } }
    }

    /// Least squares whose curvature is 2 along every axis: steps above 1 go away from the minimum. Two batches disagree, so
    /// that no step comes to rest.
    private func problem() -> (model: Linear, loader: DataLoader) {
        let rows: [Float] = [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2]
        let data = TensorDataset(
            Tensor(rows + rows, shape: [8, 4]), Tensor([4, -4, 4, -4, 5, -3, 5, -3] as [Float], shape: [8, 1]))
        return (withGenerator(seed: 3) { Linear(4, 1, bias: false) }, DataLoader(data, batchSize: 4))
    }

    @Test("Rates grow exponentially from the lowest to the highest")
    func rates() {
        let finder = LearningRateFinder(lowest: 1e-5, highest: 1, steps: 6)
        let wanted = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]
        for (step, rate) in wanted.enumerated() { #expect(abs(finder.rate(step) / rate - 1) < 1e-12) }
    }

    @Test("It ends where steps become too long, and suggests a rate below that")
    func divergence() throws {
        let (model, loader) = problem()
        let optimizer = SGD(model.parameters, learningRate: 0.5)
        let finder = LearningRateFinder(lowest: 1e-5, highest: 100, steps: 140)
        var seen = 0
        let sweep = try finder.run(
            model, optimizer, on: loader, loss: { meanSquaredError($0, $1) }, didStep: { seen = $0 })
        #expect(sweep.hasDiverged && sweep.points.count == seen && seen < 140)
        let last = try #require(sweep.points.last)
        // Growth of (2·rate - 1)² a step takes a while to reach four times the best.
        #expect(last.rate > 1 && last.rate < 20)
        let (steepest, minimum) = (try #require(sweep.steepest), try #require(sweep.minimum))
        #expect(steepest > 1e-3 && steepest < 1 && steepest < minimum && minimum < 2)
        #expect(sweep.suggestion == steepest)
        #expect(abs(try #require(sweep.tenthOfMinimum) / minimum - 0.1) < 1e-12)
    }

    @Test("A loss that is no number ends the sweep")
    func notFinite() throws {
        let (model, loader) = problem()
        var calls = 0
        let optimizer = SGD(model.parameters, learningRate: 0.5)
        let finder = LearningRateFinder(lowest: 1, highest: 1e30, steps: 50, divergence: 1e300)
        let sweep = try finder.run(
            model, optimizer, on: loader, loss: { meanSquaredError($0, $1) }, didStep: { _ in calls += 1 })
        #expect(sweep.hasDiverged && calls < 50)
        #expect(sweep.points.last.map { !$0.smoothed.isFinite } == true)
        #expect(model.weight.value.isFinite().all().item(as: Bool.self))
    }

    @Test("Model, optimizer, loader and generator are as they were, bit by bit")
    func restores() throws {
        let settings = TrainingSettings(epochs: 2)
        func run(finds: Bool) throws -> (ToyProblem, Trainer.Outcome) {
            let toy = try ToyProblem(settings: settings)
            // Moments and statistics that a careless restoration would lose.
            _ = try toy.trainer.fit(toy.loader)
            if finds {
                toy.trainer.model.eval()
                let (model, optimizer) = (toy.trainer.model, toy.trainer.optimizer)
                let before = (
                    try toy.bits, try bits(optimizer.state.tensors), optimizer.stepCount, optimizer.learningRate,
                    Generator.current.state, toy.loader.state
                )
                let sweep = try LearningRateFinder(steps: 20).run(model, optimizer, on: toy.loader)
                #expect(sweep.points.count == 20 || sweep.hasDiverged)
                #expect(Set(sweep.points.map(\.loss)).count > 10)
                #expect(try toy.bits == before.0)
                #expect(try bits(optimizer.state.tensors) == before.1)
                #expect(optimizer.stepCount == before.2 && optimizer.learningRate == before.3)
                #expect(Generator.current.state == before.4)
                #expect(toy.loader.state == before.5)
                #expect(model.modeSwitches.allSatisfy { !$0.isTraining })
            }
            return (toy, try toy.trainer.fit(toy.loader))
        }
        let (plain, first) = try run(finds: false)
        let (searched, second) = try run(finds: true)
        #expect(try plain.bits == searched.bits)
        #expect(first.history.map(\.trainLoss) == second.history.map(\.trainLoss))
    }

    @Test("An optimizer that has not stepped yet has no state afterwards either")
    func freshOptimizer() throws {
        let (model, loader) = problem()
        let optimizer = Adam(model.parameters)
        _ = try LearningRateFinder(steps: 12).run(model, optimizer, on: loader, loss: { meanSquaredError($0, $1) })
        #expect(optimizer.state.tensors.isEmpty && optimizer.stepCount == 0)
        #expect(model.weight.gradient == nil)
    }

    @Test("The steepest place is where the curve falls most, and none where it only rises")
    func suggestions() {
        var fall = SweepRecorder(divergence: 1e9, smoothing: 0)
        let losses: [Double] = [9, 9, 9, 8.5, 7, 4, 2, 1.5, 3, 30]
        for (step, loss) in losses.enumerated() { fall.add(rate: pow(10, Double(step) - 6), loss: loss) }
        let falling = fall.sweep
        #expect(falling.steepest == pow(10, -1.0))
        #expect(falling.minimum == 10)
        #expect(!falling.hasDiverged)
        var rise = SweepRecorder(divergence: 4, smoothing: 0.5)
        for step in 0..<5 { rise.add(rate: pow(10, Double(step)), loss: pow(2, Double(step))) }
        let rising = rise.sweep
        #expect(rising.steepest == nil && rising.minimum == 1 && rising.suggestion == 0.1)
        #expect(rising.hasDiverged)
        #expect(SweepRecorder(divergence: 4, smoothing: 0.5).sweep.suggestion == nil)
    }

    @Test("Its pictures fit 80 columns and name what they suggest")
    func pictures() throws {
        var recorder = SweepRecorder(divergence: 4, smoothing: 0.3)
        for step in 0..<60 {
            let rate = pow(10, Double(step) / 10 - 5)
            recorder.add(rate: rate, loss: 2.3 / (1 + 300 * rate) + 40 * rate * rate)
        }
        let sweep = recorder.sweep
        for isUnicode in [true, false] {
            let terminal = Terminal(isTerminal: true, isUnicode: isUnicode, width: { 80 }, write: { _ in })
            let lines = sweep.lines(for: terminal)
            #expect(lines.count == 18)
            #expect(lines.dropLast().allSatisfy { $0.columns <= 80 })
            #expect(lines.last?.contains("steepest descent at ") == true)
            let ink = lines[1...14].joined().unicodeScalars.filter { isUnicode ? $0.value > 0x2800 : $0 == "*" }
            #expect(ink.count > 40)
        }
        let svg = try #require(sweep.svg)
        #expect(svg.hasPrefix("<svg") && svg.contains("steepest ") && svg.contains("learning rate"))
        #expect(!svg.contains("nan") && !svg.contains("inf"))
        let restored = try JSONDecoder().decode(LearningRateSweep.self, from: JSONEncoder().encode(sweep))
        #expect(restored == sweep)
        recorder.add(rate: 10, loss: .nan)
        let spoilt = try JSONDecoder().decode(LearningRateSweep.self, from: JSONEncoder().encode(recorder.sweep))
        #expect(spoilt.points.last?.loss.isNaN == true && spoilt.hasDiverged && spoilt.steepest == sweep.steepest)
    }
}
