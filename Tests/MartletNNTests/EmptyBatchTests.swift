import MartletNN
import MartletTensor
import Testing

/// Batches without examples: the proposals of a detection head that found none, an empty share of a batch.
@Suite("Empty batches")
struct EmptyBatchTests {
    @Test(
        "have outputs without rows and gradients of zeros",
        arguments: [(1, 3), (3, 1), (1, 1)])
    func gradients(groups: Int, size: Int) {
        let model = Sequential {
            Conv2d(3, 6, kernelSize: size, padding: 1, groups: groups)
            ReLU()
            Flatten()
            Linear(6 * (size == 1 ? 100 : 64), 2)
        }
        let output = model(Tensor.zeros([0, 3, 8, 8]))
        #expect(output.shape == [0, 2])
        output.sum().backward()
        for parameter in model.parameters {
            #expect(parameter.gradient?.array(as: Float.self).allSatisfy { $0 == 0 } == true)
        }
    }

    @Test("go through normalisations, resizing and adaptive pools")
    func heads() {
        let x = Tensor.zeros([0, 4, 6, 6])
        #expect(GroupNorm(groups: 2, channels: 4)(x).shape == [0, 4, 6, 6])
        #expect(LocalResponseNorm(3)(x).shape == [0, 4, 6, 6])
        #expect(interpolate(x, by: 2).shape == [0, 4, 12, 12])
        #expect(interpolate(x, size: [5, 5], mode: .linear).shape == [0, 4, 5, 5])
        #expect(adaptiveMaxPool2d(x, outputSize: [4, 1]).shape == [0, 4, 4, 1])
        #expect(adaptiveAvgPool2d(x, outputSize: [4, 1]).shape == [0, 4, 4, 1])
    }
}
