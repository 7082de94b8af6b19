import MartletData
import MartletNN
import MartletOptim
import MartletTensor
import MartletTraining
import Testing

/// Models whose outputs are not one column for each class of the data.
@Suite("Outputs that are not as many as classes", .serialized, .ownGenerator)
struct OneLogitTests {
    private func data() throws -> TensorDataset {
        let x = Tensor([-2, -1, -3, 1, 2, 3, 4, 5] as [Float], shape: [8, 1])
        return try TensorDataset(x, Tensor([0, 0, 0, 1, 1, 1, 1, 0] as [Int]), classCount: 2)
    }

    private func loss(_ outputs: Tensor, _ labels: Tensor) -> Tensor {
        binaryCrossEntropyWithLogits(outputs.reshape([-1]), labels.to(dtype: .float32))
    }

    @Test("one logit tells two classes apart by its sign")
    func oneLogit() throws {
        let model = Linear(1, 1)
        model.weight.update { _ in Tensor.ones([1, 1]) }
        model.bias?.update { _ in Tensor.zeros([1]) }
        let found = try model.evaluate(
            on: DataLoader(data(), batchSize: 3), loss: loss, metrics: HeldOutMetrics([.accuracy]))
        #expect(found.accuracy == 7.0 / 8 && found.metrics[.accuracy] == 7.0 / 8)
        #expect(found.mistakes.map(\.index) == [7] && found.mistakes.map(\.predicted) == [1])
        // σ(5)
        #expect(abs((found.mistakes.first?.probability ?? 0) - 0.993307) < 1e-5)
        #expect(found.confusion?[predicted: 0, actual: 0] == 3)
    }

    @Test("training counts its hits by the sign too")
    func training() throws {
        let model = Linear(1, 1)
        model.weight.update { _ in Tensor.ones([1, 1]) }
        model.bias?.update { _ in Tensor.zeros([1]) }
        let trainer = Trainer(
            model, SGD(model.parameters, learningRate: 1e-6), settings: TrainingSettings(epochs: 1), loss: loss)
        let outcome = try trainer.fit(DataLoader(data(), batchSize: 4), validation: DataLoader(data(), batchSize: 8))
        #expect(outcome.history.last?.trainAccuracy == 7.0 / 8)
        #expect(outcome.history.last?.validationAccuracy == 7.0 / 8)
    }

    @Test("a model that knows more classes than the data has is measured; what it takes for others is wrong")
    func more() throws {
        let model = Linear(1, 5)
        model.weight.update { _ in Tensor([-1, 0, 0, 0, 1] as [Float], shape: [5, 1]) }
        model.bias?.update { _ in Tensor.zeros([5]) }
        let found = try model.evaluate(on: DataLoader(data(), batchSize: 3))
        #expect(found.accuracy == 3.0 / 8)
        #expect(found.confusion?.classes == 5 && found.confusion?[predicted: 4, actual: 1] == 4)
    }
}
