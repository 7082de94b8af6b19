import Foundation
import MartletGraph
import MartletNN
import MartletTensor
import Testing

/// Post-training quantization to 8 bits.
@Suite("Quantization")
struct QuantizationTests {
    /// A stem, a residual block, a grouped convolution and a linear layer.
    private final class Network: Layer {
        let stem = Conv2d(3, 32, kernelSize: 3, stride: 2, padding: 1)
        let first = Conv2d(32, 32, kernelSize: 3, padding: 1, bias: false)
        let norm = BatchNorm2d(32)
        let second = Conv2d(32, 32, kernelSize: 1)
        let odd = Conv2d(32, 6, kernelSize: 3)
        let head = Linear(6, 5)

        func callAsFunction(_ x: Tensor) -> Tensor {
            let a = relu(stem(x))
            let b = relu(second(relu(norm(first(a)))) + a)
            return head(relu(odd(b)).mean(axes: [2, 3]))
        }
    }

    private static func network() -> Network {
        let network = withGenerator(seed: 8) { Network() }
        // Statistics that are not 0 and 1.
        network.train()
        for seed in 1...5 { _ = network(images(seed: UInt64(seed))).sum().item() }
        network.eval()
        return network
    }

    private static func images(seed: UInt64) -> Tensor { withGenerator(seed: seed) { Tensor.randn([6, 3, 17, 15]) } }

    @Test("A quantized network's outputs are near those of the float32 one", arguments: [true, false])
    func near(usesPercentile: Bool) {
        let network = Self.network()
        let calibration = Calibration(
            of: network, on: (1...4).map { Self.images(seed: $0) },
            method: usesPercentile ? .percentile(99.99) : .largest)
        let quantized = QuantizedModel(network, calibration)
        #expect(quantized.quantizedLayerCount == 5)
        #expect(calibration.inputs["stem"]?.isSigned == true)
        #expect(calibration.inputs["second"]?.isSigned == false)
        let x = Self.images(seed: 9)
        let (wide, narrow) = (withoutGradient { network(x) }, quantized(x))
        let apart = (wide - narrow).square().mean().sqrt().item() / wide.square().mean().sqrt().item()
        #expect(apart < 0.03, "root mean square apart by \(apart)")
        #expect(apart > 0)
        #expect(!narrow.requiresGradient)
    }

    @Test("The kernels give what the definition gives: one layer at a time, read between, as all at once")
    func folded() {
        let network = Self.network()
        let calibration = Calibration(of: network, on: [Self.images(seed: 1)])
        let quantized = QuantizedModel(network, calibration)
        let x = Self.images(seed: 2)
        let whole = quantized(x).array()
        var seen: [[Float]] = []
        let cut = withForwardHook { _, _, output in
            seen.append(output.array())
        } _: {
            quantized(x).array()
        }
        #expect(seen.count > 5)
        for (a, b) in zip(whole, cut) { #expect(abs(a - b) <= 2e-3 * (1 + abs(b)), "\(a) against \(b)") }
    }

    @Test("A calibration survives being saved, and a model of other layers stays in float32 where it names none")
    func saved() throws {
        let network = Self.network()
        let calibration = Calibration(of: network, on: [Self.images(seed: 1)])
        let text = try JSONEncoder().encode(calibration)
        let again = try JSONDecoder().decode(Calibration.self, from: text)
        #expect(again == calibration)
        let other = Sequential { Linear(4, 4) }
        #expect(QuantizedModel(other, calibration).quantizedLayerCount == 0)
    }

    @Test("Calibration leaves the model's mode and statistics as they were")
    func mode() {
        let network = Self.network()
        network.train()
        let before = network.norm.runningMean.value.array()
        _ = Calibration(of: network, on: [Self.images(seed: 1)])
        #expect(network.norm.mode.isTraining)
        #expect(network.norm.runningMean.value.array() == before)
    }

    @Test("A channel of zeros, and inputs of zeros, quantize to zeros")
    func zeros() {
        let layer = Linear(4, 3)
        layer.weight.update { $0 * Tensor([1, 0, 1] as [Float]).reshape([3, 1]) }
        let quantized = QuantizedModel(layer, Calibration(of: layer, on: [Tensor.zeros([2, 4])]))
        let y = quantized(Tensor.ones([2, 4])).array()
        let areFinite = y.allSatisfy { $0.isFinite }
        #expect(areFinite)
        #expect(abs(y[1] - (layer.bias?.value.array()[1] ?? 0)) < 1e-6)
    }

    @Test("Calibration looks at every input: of features of two sizes the larger sets the scale")
    func everyInput() {
        let layer = Linear(2, 1, bias: false)
        layer.weight.update { _ in Tensor([1, 1] as [Float], shape: [1, 2]) }
        let rows = 65_536
        var numbers: [Float] = []
        for row in 0..<rows {
            numbers.append(0.0001 * Float(row % 100))
            numbers.append(Float(row % 101))
        }
        let calibration = Calibration(of: layer, on: [Tensor(numbers, shape: [rows, 2])])
        let y = QuantizedModel(layer, calibration)(Tensor([0.005, 50] as [Float], shape: [1, 2])).item()
        #expect(abs(y - 50) < 0.4, "\(y)")
    }

    @Test("A percentile leaves out the largest magnitudes, and never all but zeros")
    func percentile() throws {
        let layer = Linear(1, 1)
        func scale(_ numbers: [Float], _ percent: Double) throws -> Float {
            let x = Tensor(numbers, shape: [numbers.count, 1])
            return try #require(Calibration(of: layer, on: [x], method: .percentile(percent)).inputs.values.first).scale
        }
        let ramp = (1...1000).map(Float.init) + [50_000]
        #expect(abs(try scale(ramp, 99) * 255 / 991 - 1) < 1e-3)
        #expect(try scale(ramp, 100) == 50_000 / 255)
        #expect(try scale([Float](repeating: 0, count: 999) + [3], 99) == 3 / 255)
    }

    @Test("Weights that are loaded through a quantized model are quantized again")
    func loaded() throws {
        let x = Tensor.ones([1, 2])
        let (trained, fresh) = (Linear(2, 1), Linear(2, 1))
        trained.weight.update { _ in Tensor([1, 1] as [Float], shape: [1, 2]) }
        let calibration = Calibration(of: trained, on: [Tensor.ones([4, 2])])
        let (good, late) = (QuantizedModel(trained, calibration), QuantizedModel(fresh, calibration))
        #expect(good(x).item() != late(x).item())
        try late.load(good.stateDictionary)
        #expect(good(x).item() == late(x).item())
    }
}
