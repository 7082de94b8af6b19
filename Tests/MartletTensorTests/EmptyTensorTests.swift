import MartletTensor
import Testing

/// Tensors without elements: they have shapes, take part in everything, and never reach a kernel.
struct EmptyTensorTests {
    @Test func resultsWithoutElementsCanBeRead() {
        let empty = Tensor.zeros([2, 0, 3])
        #expect((empty + 1).array() == [])
        #expect((empty * empty).shape == [2, 0, 3])
        #expect(empty.exp().description == "[]  float32 [2, 0, 3]")
        #expect(matmul(Tensor.ones([0, 4]), Tensor.ones([4, 2])).array() == [])
        #expect(empty.sorted(axis: 0).indices.array() == [])
    }

    @Test func sumsOfNothingAreZeroAndMeansNotANumber() {
        let empty = Tensor.zeros([2, 0])
        #expect(empty.sum(axis: 1).array() == [0, 0])
        #expect(empty.product(axis: 1).array() == [1, 1])
        #expect(empty.mean(axis: 1).isNaN().array() == [1, 1])
        #expect(matmul(Tensor.ones([2, 0]), Tensor.ones([0, 2])).array() == [0, 0, 0, 0])
    }

    @Test func gradientsWithoutElementsArrive() {
        let x = Tensor.ones([2, 0, 3]).requiringGradient()
        (x.sum(axis: 1) * 2).sum().backward()
        #expect(x.gradient?.shape == [2, 0, 3])
        #expect(x.gradient?.array() == [])
    }
}
