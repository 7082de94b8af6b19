import MartletGraph
import MartletNN
import MartletTensor
import Testing

/// Reading an output before `backward()` cuts the recording between a value and its derivative; no bit may differ.
struct ReadBeforeBackwardTests {
    /// Gradients of a network whose derivative needs views of its weights and inputs, with reads where `reads` says.
    private func gradients(of model: Sequential, at x: Tensor, readsOutput: Bool, readsLoss: Bool) -> [[Float]?] {
        model.zeroGradients()
        let output = model(x)
        if readsOutput { _ = output.array() }
        let loss = crossEntropy(output, Tensor([0, 2, 1] as [Int]))
        if readsLoss { _ = loss.item() }
        loss.backward()
        return model.parameters.map { $0.gradient?.array() }
    }

    @Test(arguments: [(true, false), (false, true), (true, true)])
    func gradientsAreTheSameWhereverTheRecordingIsCut(readsOutput: Bool, readsLoss: Bool) {
        let model = Sequential {
            Conv2d(1, 4, kernelSize: 3, padding: 1)
            ReLU()
            MaxPool2d(2)
            Flatten()
            Linear(16, 5)
            Tanh()
            Linear(5, 3)
        }
        let x = Tensor.randn([3, 1, 4, 4])
        let uncut = gradients(of: model, at: x, readsOutput: false, readsLoss: false)
        #expect(!uncut.contains { $0 == nil })
        #expect(gradients(of: model, at: x, readsOutput: readsOutput, readsLoss: readsLoss) == uncut)
    }
}
