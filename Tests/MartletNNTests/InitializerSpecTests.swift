import Foundation
import MartletGraph
import MartletNN
import MartletTensor
import Testing

/// Initialisers by name, structured ones, and whole models.
struct InitializerSpecTests {
    private func decoded(_ json: String) throws -> InitializerSpec {
        try JSONDecoder().decode(InitializerSpec.self, from: Data(json.utf8))
    }

    @Test(arguments: InitializerSpec.names)
    func `Every name gives an initialiser, and survives a file`(name: String) throws {
        let spec = try decoded("\"\(name)\"")
        let shape: Shape = name == "dirac" ? [6, 4, 3] : [6, 4]
        let weight = withGenerator(seed: 5) { spec.initializer(shape) }
        #expect(weight.shape == shape)
        #expect(weight.isFinite().all().item(as: Bool.self))
        let again = try decoded(String(decoding: try JSONEncoder().encode(spec), as: UTF8.self))
        #expect(again == spec)
        let named = try Initializer.named(name)
        #expect(withGenerator(seed: 5) { named(shape) }.array() == weight.array())
    }

    @Test func `Settings change what is drawn`() throws {
        let spec = try decoded(#"{"name": "he_normal", "fan": "output", "gain": 3}"#)
        let weight = withGenerator(seed: 7) { spec.initializer([400, 100]) }
        #expect(abs(weight.standardDeviation().item() - 3 / 20) < 0.002)
        let constant = try decoded(#"{"name": "constant", "value": 0.25}"#)
        #expect(constant.initializer([2]).array() == [0.25, 0.25])
        let encoded = try JSONEncoder().encode(spec)
        #expect(try JSONDecoder().decode(InitializerSpec.self, from: encoded) == spec)
    }

    @Test(arguments: [
        (#""he_norml""#, "did you mean \"he_normal\"?"),
        (#"{"name": "glorot", "gain": 1}"#, "did you mean \"glorot_normal\"?"),
        (#"{"name": "he_normal", "gian": 1}"#, "he_normal: no setting \"gian\"; expected gain, fan"),
        (#"{"name": "lecun_normal", "fan": "input"}"#, "lecun_normal: no setting \"fan\"; it has none"),
        (#"{"name": "sparse", "sparsity": 2}"#, "sparse: sparsity is 2.0; a share from 0 to 1 is expected"),
        (#"{"name": "uniform", "low": 1}"#, "uniform: low is 1.0; a number below high, 1.0, is expected"),
    ])
    func `What is wrong in a file is named`(json: String, message: String) {
        #expect { try decoded(json) } throws: { error in
            guard case .dataCorrupted(let context) = error as? DecodingError else { return false }
            return context.debugDescription.contains(message)
        }
    }

    @Test(arguments: Initializer.Distribution.allCases, [Initializer.Fan.input, .output, .average])
    func `Scaled variances are scale by fan`(distribution: Initializer.Distribution, fan: Initializer.Fan) {
        let weight = withGenerator(seed: 3) { Initializer.varianceScaling(2, fan, distribution)([300, 200]) }
        let sizes: [Initializer.Fan: Double] = [.input: 200, .output: 300, .average: 250]
        let variance = 2 / (sizes[fan] ?? 1)
        let ratio = weight.variance().item(as: Double.self) / variance
        #expect(abs(ratio - 1) < 0.02)
        #expect(abs(weight.mean().item()) < 0.002)
        let largest = weight.abs().max().item(as: Double.self) / variance.squareRoot()
        switch distribution {
        case .uniform: #expect(largest <= 3.0.squareRoot() + 1e-5)
        case .truncatedNormal: #expect(largest <= 2 / 0.8796256610342398 + 1e-5 && largest > 2.2)
        case .normal: #expect(largest > 3)
        }
    }

    @Test func `Identities and Dirac's kernels give back what they take`() {
        let x = Tensor.randn([3, 5])
        #expect(linear(x, Initializer.identity(gain: 2)([5, 5])).isClose(to: x * 2))
        let image = Tensor.randn([2, 4, 6, 5])
        #expect(conv2d(image, Initializer.dirac()([4, 4, 3, 3]), padding: 1).isClose(to: image))
        let grouped = conv2d(image, Initializer.dirac(groups: 2)([4, 2, 3, 3]), padding: 1, groups: 2)
        #expect(grouped.isClose(to: image))
    }

    @Test func `Sparse columns have their share of zeros`() {
        let weight = withGenerator(seed: 1) { Initializer.sparse(0.25, standardDeviation: 0.5)([50, 40]) }
        #expect((weight .== 0).sum(axis: 0).array(as: Int.self) == Array(repeating: 13, count: 40))
        let kept = (weight.square().sum() / Double(37 * 40)).sqrt().item()
        #expect(abs(kept - 0.5) < 0.04)
    }

    @Test func `Gains are PyTorch's`() {
        #expect(Initializer.gain(for: .linear) == 1)
        #expect(Initializer.gain(for: .sigmoid) == 1)
        #expect(Initializer.gain(for: .tanh) == 5.0 / 3)
        #expect(Initializer.gain(for: .relu) == 2.0.squareRoot())
        #expect(abs(Initializer.gain(for: .leakyReLU(slope: 0.2)) - 1.3867504905630728) < 1e-15)
        #expect(Initializer.gain(for: .selu) == 0.75)
    }

    @Test func `A model's weights and biases start anew, its normalisations stay`() {
        let model = Sequential {
            Conv2d(1, 2, kernelSize: 3)
            BatchNorm2d(2)
            PReLU(2)
            Flatten()
            LSTM(3, 2)
            MultiheadAttention(4, heads: 2)
            LayerNorm([4, 4])
            WeightNorm(Linear(4, 2))
        }
        let norms = model.namedParameters.first { $0.name == "7.parametrizations.weight.original0" }?.parameter.value
            .array()
        model.initialize(weights: .constant(0.5), biases: .constant(0.25))
        for (name, parameter) in model.namedParameters {
            if name.hasSuffix("original0") {
                #expect(parameter.value.array() == norms)
                continue
            }
            let expected: Float
            switch name {
            case "1.weight", "6.weight": expected = 1
            case "1.bias", "6.bias": expected = 0
            case "2.weight": expected = 0.25
            default: expected = name.contains("bias") ? 0.25 : 0.5
            }
            #expect(Set(parameter.value.array()) == [expected], "\(name)")
        }
        model.initialize(biases: .zeros)
        #expect(Set(model.namedParameters.first { $0.name == "0.weight" }?.parameter.value.array() ?? []) == [0.5])
    }
}
