import Foundation
import MartletData
import MartletNN
import MartletOptim
import MartletTensor
import MartletTraining
import Testing

/// Steps of several batches, and of optimizers that do more than one gradient's step.
@Suite("Steps of the trainer", .serialized, .ownGenerator)
struct StepComputationTests {
    private final class Net: Layer {
        let first = Linear(6, 8)
        let last = Linear(8, 3)

        func callAsFunction(_ x: Tensor) -> Tensor { last(tanh(first(x))) }
    }

    private func numbers(_ model: any Module) -> [Float] {
        model.parameters.flatMap { $0.value.array(as: Float.self) }
    }

    @Test(
        "gradients of k batches of b make the step of one batch of k·b, in each kind of step",
        arguments: ["plain", "clipping", "float16", "sam", "average"])
    func accumulation(form: String) throws {
        func train(batch: Int, parts: Int) throws -> (parameters: [Float], history: [MetricsRecord]) {
            manualSeed(5)
            let model = Net()
            var settings = TrainingSettings(epochs: 3, checkpointSeconds: nil, accumulatedBatches: parts)
            var optimizer: Optimizer = SGD(model.parameters, learningRate: 0.1, momentum: 0.9)
            switch form {
            case "clipping": settings.gradientNormLimit = 0.05
            case "float16": settings.precision = .float16
            case "sam": optimizer = SAM(optimizer)
            case "average": settings.average = .exponential(decay: 0.5)
            default: break
            }
            let trainer = Trainer(model, optimizer, settings: settings)
            // 50 examples: the last step has one batch of 8 and one of 2, or one of 10.
            let loader = DataLoader(try ToyProblem.data(count: 50, poisonedAt: nil), batchSize: batch)
            let outcome = try trainer.fit(loader)
            return (numbers(model), outcome.history)
        }
        let (parts, whole) = (try train(batch: 5, parts: 4), try train(batch: 20, parts: 1))
        #expect(parts.history.map(\.step) == [3, 6, 9] && whole.history.map(\.step) == [3, 6, 9])
        let tolerance: Float = form == "float16" ? 2e-3 : 1e-6
        for (a, b) in zip(parts.parameters, whole.parameters) { #expect(abs(a - b) <= tolerance, "\(form)") }
        for (a, b) in zip(parts.history, whole.history) {
            #expect(abs(a.trainLoss - b.trainLoss) <= Double(tolerance))
            #expect(a.trainAccuracy == b.trainAccuracy)
        }
    }

    /// Optimizers whose continuation has more to remember than moments, and settings that have.
    enum Kind: String, CaseIterable {
        case muon, lbfgs, sam, samAround, scheduleFreeSGD, scheduleFreeAdamW, lookahead, accumulation, float16, groups

        func optimizer(_ model: ToyProblem.Net) -> Optimizer {
            let parameters = model.parameters
            switch self {
            case .muon:
                return CombinedOptimizer([
                    Muon([model.first.weight], learningRate: 0.02),
                    AdamW(parameters.filter { $0 !== model.first.weight }, learningRate: 0.01),
                ])
            case .lbfgs: return LBFGS(parameters, learningRate: 0.5, iterations: 3)
            case .sam: return SAM(SGD(parameters, learningRate: 0.05, momentum: 0.9))
            case .samAround: return SAM(Lookahead(Adam(parameters, learningRate: 0.01), period: 3), adaptive: true)
            case .scheduleFreeSGD: return ScheduleFreeSGD(parameters, learningRate: 0.5)
            case .scheduleFreeAdamW: return ScheduleFreeAdamW(parameters, learningRate: 0.01, warmup: 5)
            case .lookahead: return Lookahead(Adam(parameters, learningRate: 0.01), period: 4)
            case .accumulation, .float16: return Adam(parameters, learningRate: 0.01)
            case .groups:
                return AdamW([
                    ParameterGroup(Array(parameters.prefix(2)), learningRate: 0.001, weightDecay: 0.1),
                    ParameterGroup(Array(parameters.dropFirst(2)), learningRate: 0.01, betas: (0.8, 0.95)),
                ])
            }
        }

        var settings: TrainingSettings {
            var settings = TrainingSettings(epochs: 4, checkpointSteps: 2, checkpointSeconds: nil)
            switch self {
            case .accumulation, .sam: settings.accumulatedBatches = 3
            case .lbfgs: settings.accumulatedBatches = ToyProblem.batches
            case .float16: settings.precision = .float16
            default: break
            }
            if self == .accumulation || self == .float16 { settings.average = .exponential(decay: 0.9) }
            if self != .lbfgs { settings.gradientNormLimit = 1 }
            return settings
        }
    }

    @Test(
        "each optimizer's run interrupted and resumed ends with the same weights, bit by bit", arguments: Kind.allCases)
    func continuation(kind: Kind) throws {
        func problem(seed: UInt64 = 3) throws -> ToyProblem {
            try ToyProblem(settings: kind.settings, seed: seed, optimizer: kind.optimizer)
        }
        let whole = try problem()
        let reference = try whole.trainer.fit(whole.loader, test: whole.test)
        let expected = try whole.bits
        #expect(reference.history.last.map { $0.trainLoss < reference.history[0].trainLoss } == true)
        let stepsPerEpoch =
            (ToyProblem.batches + kind.settings.accumulatedBatches - 1) / kind.settings.accumulatedBatches
        #expect(reference.steps == 4 * stepsPerEpoch)
        for stop in [1, 2, stepsPerEpoch, 2 * stepsPerEpoch + 1, 4 * stepsPerEpoch] {
            try withScratchFolder { path in
                let folder = try RunFolder.create(at: path)
                try folder.writeConfiguration(kind.settings)
                let first = try problem()
                var steps = 0
                _ = try first.trainer.fit(first.loader, test: first.test, in: folder) {
                    steps += 1
                    return steps == stop
                }
                let second = try problem(seed: 99)
                let outcome = try second.trainer.fit(
                    second.loader, test: second.test, in: RunFolder.open(path), resumes: true)
                #expect(outcome.end == .finished)
                #expect(try second.bits == expected, "\(kind) interrupted after step \(stop)")
                #expect(outcome.history.map(\.trainLoss) == reference.history.map(\.trainLoss))
                #expect(outcome.history.map(\.testLoss) == reference.history.map(\.testLoss))
                #expect(outcome.test?.loss == reference.test?.loss)
            }
        }
    }

    @Test("a step of SAM in the trainer is SAM's own, with running statistics and sums of the first pass alone")
    func samStep() throws {
        manualSeed(2)
        let model = ToyProblem.Net()
        let start = model.stateDictionary
        let loader = DataLoader(try ToyProblem.data(count: 15, poisonedAt: nil), batchSize: 15)
        let settings = TrainingSettings(epochs: 1, checkpointSeconds: nil)
        let trainer = Trainer(model, SAM(SGD(model.parameters, learningRate: 0.1), radius: 0.2), settings: settings)
        let batch = try #require(DataLoader(loader.dataset, batchSize: 15).first { _ in true })
        let outcome = try withGenerator(seed: 4) { try trainer.fit(loader) }

        let other = ToyProblem.Net()
        try other.load(start)
        let sam = SAM(SGD(other.parameters, learningRate: 0.1), radius: 0.2)
        var passes = 0
        var statistics: Tensor?
        withGenerator(seed: 4) {
            let random = Generator.current.state
            sam.step {
                Generator.current.state = random
                passes += 1
                let loss = crossEntropy(other(batch.inputs), batch.labels)
                loss.backward()
                if passes == 1 { statistics = other.norm.runningMean.value }
                return loss
            }
        }
        #expect(passes == 2)
        for (a, b) in zip(numbers(model), numbers(other)) { #expect(abs(a - b) <= 1e-6) }
        let expected = try #require(statistics).array(as: Float.self)
        for (a, b) in zip(model.norm.runningMean.value.array(as: Float.self), expected) { #expect(abs(a - b) <= 1e-6) }
        #expect(model.norm.batchCount.value.item(as: Int.self) == 1)
        #expect(outcome.history.count == 1 && outcome.history[0].trainLoss.isFinite)
    }

    @Test("schedule-free: the average is measured and left at the end, and measuring changes no number")
    func scheduleFree() throws {
        func train(measuring: Bool) throws -> (ToyProblem, Trainer.Outcome) {
            let problem = try ToyProblem(settings: TrainingSettings(epochs: 6, checkpointSeconds: nil)) {
                ScheduleFreeAdamW($0.parameters, learningRate: 0.02)
            }
            return (problem, try problem.trainer.fit(problem.loader, test: measuring ? problem.test : nil))
        }
        let ((measured, outcome), (plain, _)) = (try train(measuring: true), try train(measuring: false))
        #expect(try measured.bits == plain.bits)
        // What is left is the average x, whose measurement the outcome has; y is behind train().
        let evaluation = try measured.trainer.model.evaluate(on: measured.test)
        #expect(evaluation.loss == outcome.test?.loss)
        let left = try measured.bits
        measured.trainer.optimizer.train()
        #expect(try measured.bits != left)
        #expect((evaluation.accuracy ?? 0) > 0.6)
    }

    @Test("L-BFGS on whole epochs as one step fits a line")
    func lbfgs() throws {
        manualSeed(1)
        let model = Linear(2, 1)
        let x = Tensor.randn([40, 2])
        let y = (x[.all, 0] * 3.0 - x[.all, 1] + 0.5).detached()
        let data = TensorDataset(x, y)
        let trainer = Trainer(
            model, LBFGS(model.parameters), settings: TrainingSettings(epochs: 3, accumulatedBatches: 5),
            loss: { meanSquaredError($0.reshape([-1]), $1) })
        let outcome = try trainer.fit(DataLoader(data, batchSize: 8))
        #expect(outcome.steps == 3)
        let weights = model.weight.value.array(as: Float.self)
        #expect(abs(weights[0] - 3) < 1e-4 && abs(weights[1] + 1) < 1e-4, "\(weights)")
    }

    private final class Reports: TrainingObserver {
        var all: [LayerReport] = []
        func layersWereMeasured(_ report: LayerReport) { all.append(report) }
    }

    @Test("layers are looked at where a step begins, whatever its optimizer asks for afterwards")
    func statisticsOfTheFirstGradient() throws {
        func first(_ optimizer: @escaping (ToyProblem.Net) -> Optimizer) throws -> [LayerReport.Row] {
            let problem = try ToyProblem(
                settings: TrainingSettings(epochs: 1, checkpointSeconds: nil), statistics: 4, optimizer: optimizer)
            let seen = Reports()
            problem.trainer.observers = [seen]
            _ = try problem.trainer.fit(problem.loader)
            #expect(seen.all.map(\.step) == [1, 5])
            return seen.all[0].rows
        }
        let plain = try first { SGD($0.parameters, learningRate: 0.1) }
        for other in [
            try first { SAM(SGD($0.parameters, learningRate: 0.1), radius: 3) },
            try first { LBFGS($0.parameters, iterations: 3) },
        ] {
            for (a, b) in zip(other, plain) {
                #expect(a.gradientNorm.map { Float($0) } == b.gradientNorm.map { Float($0) }, "\(a.layer)")
                #expect(abs((a.gradient?.norm ?? 0) - (b.gradient?.norm ?? 0)) <= 1e-6)
            }
        }
    }
}
