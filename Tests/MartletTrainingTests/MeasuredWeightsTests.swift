import MartletData
import MartletNN
import MartletOptim
import MartletTensor
import MartletTraining
import Testing

/// What is kept of runs whose weights to evaluate are not those that are trained.
@Suite("Measured weights", .serialized, .ownGenerator)
struct MeasuredWeightsTests {
    private func scheduleFree(_ settings: TrainingSettings) throws -> ToyProblem {
        try ToyProblem(settings: settings) { ScheduleFreeSGD($0.parameters, learningRate: 0.3) }
    }

    @Test(
        "a checkpoint gives the weights that a schedule-free optimizer evaluates with, and the run goes on bit by bit")
    func checkpoint() throws {
        let settings = TrainingSettings(epochs: 3, checkpointSeconds: nil)
        let whole = try scheduleFree(settings)
        _ = try whole.trainer.fit(whole.loader)
        try withScratchFolder { path in
            let folder = try RunFolder.create(at: path)
            try folder.writeConfiguration(settings)
            let first = try scheduleFree(settings)
            var steps = 0
            _ = try first.trainer.fit(first.loader, in: folder) {
                steps += 1
                return steps == 9
            }
            let trained = try first.bits
            first.trainer.optimizer.eval()
            let evaluated = try first.bits
            #expect(evaluated != trained)
            let loaded = try ToyProblem(settings: settings, seed: 9)
            let file = try #require(folder.checkpoints().last).path
            try Checkpoint(contentsOf: file).load(into: loaded.trainer.model, averaged: true)
            #expect(try loaded.bits == evaluated)
            let second = try scheduleFree(settings)
            _ = try second.trainer.fit(second.loader, in: folder, resumes: true)
            #expect(try second.bits == whole.bits)
        }
    }

    @Test("an epoch's checkpoint of a schedule-free run answers as the run measured it, batch normalisations too")
    func statistics() throws {
        try withScratchFolder { path in
            let folder = try RunFolder.create(at: path)
            let settings = TrainingSettings(epochs: 2, checkpointSeconds: nil)
            try folder.writeConfiguration(settings)
            let problem = try scheduleFree(settings)
            let outcome = try problem.trainer.fit(problem.loader, validation: problem.test, in: folder)
            let file = try #require(folder.checkpoints().last).path
            let loaded = try ToyProblem(settings: settings, seed: 9)
            try Checkpoint(contentsOf: file).load(into: loaded.trainer.model, averaged: true)
            let loss = try loaded.trainer.model.evaluate(on: loaded.test).loss
            #expect(loss == outcome.history.last?.validationLoss)
            // What the run goes on from stays what it trained with.
            let trained = try ToyProblem(settings: settings, seed: 9)
            try Checkpoint(contentsOf: file).load(into: trained.trainer.model, averaged: false)
            #expect(try trained.trainer.model.evaluate(on: loaded.test).loss != loss)
        }
    }

    @Test("the best epoch's weights are those to evaluate, though nothing is held out")
    func best() throws {
        try withScratchFolder { path in
            let folder = try RunFolder.create(at: path)
            let problem = try scheduleFree(TrainingSettings(epochs: 1, checkpointSeconds: nil))
            let model = problem.trainer.model
            problem.trainer.best = BestEpoch(.loss(.train)) { try model.save(to: $0.bestModelPath) }
            _ = try problem.trainer.fit(problem.loader, in: folder)
            let kept = ToyProblem.Net()
            try kept.load(from: folder.bestModelPath)
            // The end of the run leaves them in the model.
            for (a, b) in zip(kept.parameters, model.parameters) {
                #expect(a.value.array(as: Float.self) == b.value.array(as: Float.self))
            }
        }
    }

    @Test("a trainer whose run left the average in the model trains again, from the weights that were trained")
    func secondRun() throws {
        for average in [AverageSettings.exponential(decay: 0.9), .equal(fromEpoch: 1)] {
            let settings = TrainingSettings(epochs: 2, checkpointSeconds: nil, average: average)
            let problem = try ToyProblem(settings: settings)
            let first = try problem.trainer.fit(problem.loader)
            let again = try problem.trainer.fit(problem.loader)
            #expect(again.end == .finished)
            #expect((again.history.last?.trainLoss ?? 1) < first.history[0].trainLoss)
        }
    }

    /// Adds the column that the network needs.
    private struct Widening: BatchTransform {
        func callAsFunction(_ batch: Batch) -> Batch {
            let column = Tensor.zeros([batch.count, 1])
            return Batch(
                inputs: concatenated([batch.inputs, column], axis: 1), labels: batch.labels, indices: batch.indices)
        }
    }

    /// Every other sample.
    private struct EvenSampler: Sampler {
        func count(of sampleCount: Int) -> Int { (sampleCount + 1) / 2 }
        func indices(of epoch: SamplingEpoch) -> [Int] { Array(stride(from: 0, to: epoch.sampleCount, by: 2)) }
    }

    @Test("statistics are gathered over batches that are sampled and transformed as the training's are")
    func recalibration() throws {
        let problem = try ToyProblem(
            settings: TrainingSettings(epochs: 1, checkpointSeconds: nil, average: .equal(fromEpoch: 1)))
        // Odd samples are no numbers: statistics over them would be none.
        let rows = (0..<60).map { row in (0..<5).map { row % 2 == 1 ? Float.nan : Float(row * $0 % 7) } }
        let data = try TensorDataset(
            Tensor(rows.flatMap(\.self), shape: [60, 5]), Tensor((0..<60).map { $0 % 3 }), classCount: 3)
        let loader = DataLoader(data, batchSize: 10, sampler: EvenSampler(), batchTransform: Widening())
        #expect(try problem.trainer.fit(loader).end == .finished)
        let buffers = problem.trainer.model.namedBuffers.filter { $0.name.contains("running") }
        #expect(!buffers.isEmpty && buffers.allSatisfy { $0.buffer.value.isFinite().all().item(as: Bool.self) })
        // So is the batch that shows what a last sample alone would do.
        let lonely = DataLoader(data, batchSize: 29, sampler: EvenSampler(), batchTransform: Widening())
        let error = #expect(throws: DataError.self) { try problem.trainer.fit(lonely) }
        #expect(error?.field == "batches")
    }
}
