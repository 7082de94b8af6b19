import Foundation
import MartletGraph
import MartletNN
import MartletTensor
import MartletTesting
import Testing

/// Initialisers and the layers' defaults against the moments of PyTorch's.
@Suite struct InitializerTests {
    /// What PyTorch drew for one parameter.
    private struct Moments: Decodable {
        let shape: [Int]
        /// The end of a uniform distribution; nil for others.
        let bound: Double?
        let mean: Double
        let standardDeviation: Double
        let minimum: Double
        let maximum: Double
    }

    private struct Golden: Decodable {
        let layers: [String: [String: Moments]]
        let initializers: [String: [String: Moments]]

        static func read() throws -> Golden {
            let url = URL(fileURLWithPath: Repository.root + "/Tests/Goldens/initializers.json")
            return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
        }
    }

    /// Both are draws of `count` numbers: means differ by a few standard errors, deviations by a few of theirs.
    private func expect(_ tensor: Tensor, like golden: Moments, _ name: String) {
        #expect(tensor.shape.sizes == golden.shape, "\(name)")
        let values = tensor.array(as: Double.self)
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
        let spread = golden.standardDeviation
        #expect(abs(mean - golden.mean) <= 6 * spread / count.squareRoot() + 1e-6, "\(name): mean \(mean)")
        #expect(abs(deviation - spread) <= 6 * spread / count.squareRoot() + 1e-6, "\(name): deviation \(deviation)")
        guard let bound = golden.bound, let least = values.min(), let most = values.max() else { return }
        #expect(-bound * (1 + 1e-6) <= least && most <= bound * (1 + 1e-6), "\(name): \(least) to \(most)")
        // The ends are reached: the bound is no wider than it must be.
        #expect(most > bound * (1 - 20 / count) - 1e-6 && least < -bound * (1 - 20 / count) + 1e-6, "\(name)")
    }

    @Test func layersStartAsPyTorchsDo() throws {
        let golden = try Golden.read().layers
        let layers: [String: any Module] = [
            "Linear(784, 512)": Linear(784, 512), "Linear(16, 20000)": Linear(16, 20000),
            "Conv1d(32, 4096, 3)": Conv1d(32, 4096, kernelSize: 3),
            "Conv2d(3, 8192, 3)": Conv2d(3, 8192, kernelSize: 3),
            "Conv2d(64, 512, 3)": Conv2d(64, 512, kernelSize: 3),
            "Conv2d(64, 2048, 3, groups: 4)": Conv2d(64, 2048, kernelSize: 3, groups: 4),
            "ConvTranspose2d(64, 512, 3)": ConvTranspose2d(64, 512, kernelSize: 3),
            "Embedding(1000, 256)": Embedding(1000, 256), "BatchNorm2d(64)": BatchNorm2d(64),
            "LayerNorm(64)": LayerNorm([64]),
        ]
        #expect(Set(layers.keys) == Set(golden.keys))
        for (name, layer) in layers {
            let parameters = Dictionary(uniqueKeysWithValues: layer.namedParameters.map { ($0.0, $0.1) })
            let expected = try #require(golden[name])
            #expect(Set(parameters.keys) == Set(expected.keys), "\(name)")
            for (parameter, moments) in expected {
                expect(try #require(parameters[parameter]).value, like: moments, "\(name).\(parameter)")
            }
        }
    }

    @Test func initializersHavePyTorchsMoments() throws {
        let golden = try Golden.read().initializers
        let initializers: [String: Initializer] = [
            "xavierUniform": .glorotUniform(), "xavierNormal": .glorotNormal(), "kaimingUniform": .heUniform(),
            "kaimingNormal": .heNormal(), "kaimingNormal.fanOut": .heNormal(.output),
            "truncatedNormal(0.02)": .truncatedNormal(standardDeviation: 0.02),
        ]
        #expect(Set(initializers.keys) == Set(golden.keys))
        for (name, initializer) in initializers {
            for (kind, moments) in try #require(golden[name]) {
                expect(initializer(Shape(moments.shape)), like: moments, "\(name), \(kind)")
            }
        }
    }

    @Test func lecunScalesByTheInputsAlone() {
        for initializer in [Initializer.lecunNormal(), .lecunUniform()] {
            let weight = initializer([400, 300])
            #expect(abs(weight.variance().item() * 300 - 1) < 0.03)
            #expect(abs(weight.mean().item()) < 0.001)
        }
    }

    @Test func constantsAreConstant() {
        #expect(Initializer.zeros([2, 2]).array() == [0, 0, 0, 0])
        #expect(Initializer.ones([2]).array() == [1, 1])
        #expect(Initializer.constant(0.25)([3]).array() == [0.25, 0.25, 0.25])
    }

    @Test(arguments: [[6, 4], [4, 6], [4, 3, 2, 2]])
    func orthogonalRowsOrColumnsHaveLengthOneAndNothingInCommon(sizes: [Int]) {
        let weight = Initializer.orthogonal(gain: 2)(Shape(sizes), dtype: .float64).reshape([sizes[0], -1])
        let isTall = weight.shape[0] >= weight.shape[1]
        let product = isTall ? matmul(weight.transpose(), weight) : matmul(weight, weight.transpose())
        let difference = product - Tensor.eye(product.shape[0], dtype: .float64) * 4
        #expect(difference.abs().max().item(as: Double.self) < 1e-12)
    }
}
