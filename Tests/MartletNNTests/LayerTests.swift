import MartletGraph
import MartletNN
import MartletTensor
import Testing

struct LayerTests {
    @Test func embeddingsLookUpRowsAndAddUpTheirGradients() {
        let layer = Embedding(4, 2)
        layer.weight.update { _ in Tensor([[0, 1], [2, 3], [4, 5], [6, 7]]) }
        let y = layer(Tensor([3, 1, 1, 0] as [Int]).reshape([2, 2]))
        #expect(y.shape == [2, 2, 2])
        #expect(y.array() == [6, 7, 2, 3, 2, 3, 0, 1])
        y.sum().backward()
        #expect(layer.weight.gradient?.array() == [1, 1, 2, 2, 0, 0, 1, 1])
    }

    @Test func anIndexOutsideAnEmbeddingStopsWithItsPlace() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Embedding(4, 2)(Tensor([0, 4] as [Int]))
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("Embedding: index 4 at position 1 is outside 0..<4"), "\(message.prefix(400))")
    }

    @Test func transposedConvolutionsUndoTheShapeOfConvolutions() {
        let down = Conv2d(3, 8, kernelSize: 3, stride: 2, padding: 1)
        let up = ConvTranspose2d(8, 3, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1)
        let x = Tensor.randn([2, 3, 8, 8])
        #expect(up(down(x)).shape == x.shape)
        #expect(up.weight.shape == [8, 3, 3, 3])
        // The adjoint: ⟨conv(x), y⟩ = ⟨x, convTranspose(y)⟩ with one weight and no bias.
        let y = Tensor.randn([2, 8, 4, 4])
        let weight = down.weight.value
        let left = (conv2d(x, weight, stride: 2, padding: 1) * y).sum().item()
        let back = convTranspose2d(y, weight, stride: [2], padding: [1], outputPadding: [1])
        #expect(abs(left - (x * back).sum().item()) < 1e-3)
    }

    @Test func threeDimensionalConvolutionsSumOverTheirWindow() {
        let layer = Conv3d(2, 1, kernelSize: 2, initializer: .ones)
        layer.bias?.update { _ in Tensor([0.5]) }
        let y = layer(Tensor.ones([1, 2, 3, 3, 3]))
        #expect(y.shape == [1, 1, 2, 2, 2])
        #expect(y.array() == Array(repeating: 16.5, count: 8))
    }

    @Test func `Biases start from an initializer of their own where one is named`() {
        #expect(Linear(3, 2, biasInitializer: .ones).bias?.value.array() == [1, 1])
        #expect(Conv2d(3, 2, kernelSize: 3, biasInitializer: .zeros).bias?.value.array() == [0, 0])
        #expect(Conv1d(3, 2, kernelSize: 3, bias: false, biasInitializer: .zeros).bias == nil)
        #expect(Linear(3, 2).bias?.value.array() != Linear(3, 2).bias?.value.array())
    }
}
