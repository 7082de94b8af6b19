import MartletData
import MartletNN
import MartletOptim
import MartletTensor
import MartletTraining
import Testing

/// What a scaled loss and skipped steps must not change.
@Suite("Training in float16", .serialized, .ownGenerator)
struct HalfPrecisionTests {
    /// Gives one example, where it comes, an output that float16 cannot hold.
    private final class Overflowing: Layer {
        let first = Linear(6, 8)
        let last = Linear(8, 3)
        let factor: Float

        init(by factor: Float) { self.factor = factor }

        func callAsFunction(_ x: Tensor) -> Tensor { last(relu(first(x * factor))) }
    }

    private let settings = TrainingSettings(epochs: 40, checkpointSeconds: nil, precision: .float16)

    @Test("an input that is no number is named in the step that it spoils, with its place in the data")
    func poisonedData() throws {
        let problem = try ToyProblem(settings: settings, poisonedAt: 42)
        let batch = try #require(problem.loader.position(of: 42))
        let error = #expect(throws: DataError.self) { _ = try problem.trainer.fit(problem.loader) }
        #expect(error?.field == "inputs" && error?.index == 42)
        #expect(error?.found.contains("step \(batch + 1)") == true)
        var free = settings
        free.epochs = 1
        free.stopsAtNonFiniteLoss = false
        let other = try ToyProblem(settings: free, poisonedAt: 42)
        #expect(try other.trainer.fit(other.loader).history[0].trainLoss.isFinite)
    }

    @Test("steps that overflow at any scale end the run, and the layer is named")
    func persistentOverflow() throws {
        manualSeed(1)
        let model = Overflowing(by: 1e6)
        let trainer = Trainer(model, SGD(model.parameters, learningRate: 0.1), settings: settings)
        let loader = DataLoader(try ToyProblem.data(count: 30, poisonedAt: nil), batchSize: 15)
        let error = #expect(throws: PersistentOverflow.self) { _ = try trainer.fit(loader) }
        #expect(error?.layer == "first" && error?.scale == 1)
        // From 65,536 down to 1 and one more.
        #expect(error?.step == 17)
        #expect(error?.examples == Array(0..<15))
        #expect(error?.description.contains("step 17 overflowed float16 with a loss scale of 1.0") == true)
    }

    @Test("an average of the weights does not count steps that were skipped")
    func averageOfTakenSteps() throws {
        var settings = settings
        settings.epochs = 3
        settings.average = .exponential(decay: 0.9)
        settings.stopsAtNonFiniteLoss = false
        try withScratchFolder { path in
            // The batch with the poisoned example is skipped, once an epoch.
            let problem = try ToyProblem(settings: settings, poisonedAt: 42)
            let folder = try RunFolder.create(at: path)
            _ = try problem.trainer.fit(problem.loader, in: folder)
            let newest = try #require(folder.checkpoints().last)
            let kept = try Checkpoint(contentsOf: newest.path)
            #expect(kept.average["update_count"]?.item(as: Double.self) == Double(3 * (ToyProblem.batches - 1)))
            #expect(kept.position.optimizerSteps == Double(3 * (ToyProblem.batches - 1)))
        }
    }

    private final class Reports: TrainingObserver {
        var all: [LayerReport] = []
        func layersWereMeasured(_ report: LayerReport) { all.append(report) }
    }

    private func reports(_ precision: TrainingPrecision, parts: Int, poisonedAt: Int? = nil) throws -> [LayerReport] {
        var settings = TrainingSettings(
            epochs: 1, checkpointSeconds: nil, stopsAtNonFiniteLoss: false, precision: precision,
            accumulatedBatches: parts)
        settings.gradientNormLimit = 1e-3
        let problem = try ToyProblem(settings: settings, poisonedAt: poisonedAt, statistics: 2)
        let seen = Reports()
        problem.trainer.observers = [seen]
        _ = try problem.trainer.fit(problem.loader)
        return seen.all
    }

    @Test("layer statistics are those of the loss itself, neither scaled nor shared among batches", arguments: [1, 3])
    func unscaledStatistics(parts: Int) throws {
        let (half, whole) = (try reports(.float16, parts: parts), try reports(.float32, parts: parts))
        #expect(half.map(\.step) == whole.map(\.step) && !half.isEmpty)
        for (a, b) in zip(half[0].rows, whole[0].rows) {
            for (figure, expected) in [
                (a.gradient?.norm, b.gradient?.norm), (a.gradient?.largest, b.gradient?.largest),
                (a.gradient?.deviation, b.gradient?.deviation), (a.gradientNorm, b.gradientNorm),
            ] {
                guard let figure, let expected else {
                    #expect(figure == nil && expected == nil)
                    continue
                }
                #expect(abs(figure - expected) <= 0.02 * expected, "\(a.layer): \(figure), \(expected)")
            }
        }
        // A batch's own mean loss: the logits' gradient is of the size that one batch alone gives.
        let alone = try reports(.float32, parts: 1)
        let (norm, other) = (whole[0].rows.last?.gradient?.norm ?? 0, alone[0].rows.last?.gradient?.norm ?? 0)
        #expect(norm > 0.5 * other && norm < 2 * other)
    }

    @Test("a skipped step is not looked at: the next one is in its place, and nothing is warned of")
    func skippedStep() throws {
        let place = try #require(
            try ToyProblem(settings: settings, poisonedAt: 42).loader.position(of: 42))
        let seen = try reports(.float16, parts: 1, poisonedAt: 42)
        #expect(seen.allSatisfy { $0.warnings.isEmpty })
        #expect(!seen.map(\.step).contains(place + 1))
        #expect(seen.count == 3 || seen.count == 4)
    }
}
