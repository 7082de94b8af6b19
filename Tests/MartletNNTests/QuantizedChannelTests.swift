import MartletGraph
import MartletNN
import MartletTensor
import Testing

/// A scale for each output channel: channels with small weights keep as many digits as those with large ones.
@Suite("Quantized channels")
struct QuantizedChannelTests {
    /// What the output channels' weights are multiplied by: up to a thousand apart.
    private static let scales: [Float] = [1, 1e-3, 0.3, 1e-3, 0.02, 1, 5e-3, 1e-3]
    /// Channels whose weights one scale for all would leave without a digit.
    private static let small = [1, 3, 7]

    /// Eight bits of normal numbers, input and weights, leave one part in a hundred as a root mean square.
    private static let bound: Float = 0.025

    /// For each channel, how far `found` is from `expected`, relative to what is expected of the channel: root mean squares.
    private static func errors(_ found: Tensor, _ expected: Tensor, over axes: [Int]) -> [Float] {
        let apart = (found - expected).square().mean(axes: axes) / expected.square().mean(axes: axes)
        return apart.sqrt().array()
    }

    /// Compares a layer whose channels are scaled with itself in integers, and with itself on weights of one scale for all.
    private static func check(_ layer: some Layer, _ weight: Parameter, on x: Tensor, over axes: [Int]) {
        let shape = Shape([scales.count] + Array(repeating: 1, count: weight.shape.rank - 1))
        weight.update { $0 * Tensor(scales, shape: shape) }
        let expected = withoutGradient { layer(x) }
        let quantized = QuantizedModel(layer, Calibration(of: layer, on: [x], method: .largest))
        #expect(quantized.quantizedLayerCount == 1)
        let perChannel = errors(quantized(x), expected, over: axes)
        #expect(perChannel.count == scales.count && perChannel.allSatisfy { $0 < bound }, "\(perChannel)")
        #expect(perChannel.allSatisfy { $0 > 0 })
        // With the weights alone in eight bits of one scale, small channels are nothing but zeros: wrong by all they are.
        weight.update { weight in
            let step = weight.abs().max() / 127
            return (weight / step).round() * step
        }
        let perTensor = errors(withoutGradient { layer(x) }, expected, over: axes)
        for channel in small { #expect(perTensor[channel] > 20 * bound, "channel \(channel): \(perTensor)") }
    }

    @Test("A linear layer's outputs are as near for features of small weights as for those of large ones")
    func linear() {
        let (layer, x) = withGenerator(seed: 41) { (Linear(96, 8, bias: false), Tensor.randn([40, 96])) }
        Self.check(layer, layer.weight, on: x, over: [0])
    }

    @Test(
        "A convolution's channels are as near for small weights as for large ones", arguments: [[16, 3], [6, 1]])
    func convolution(sizes: [Int]) {
        let (layer, x) = withGenerator(seed: 42) {
            (Conv2d(sizes[0], 8, kernelSize: sizes[1], bias: false), Tensor.randn([3, sizes[0], 10, 9]))
        }
        Self.check(layer, layer.weight, on: x, over: [0, 2, 3])
    }

    @Test("Weights in integers reach the end of their range in every channel, and their scales tell the channels apart")
    func weights() {
        let weight = withGenerator(seed: 43) { Tensor.randn([8, 96]) } * Tensor(Self.scales, shape: [8, 1])
        let quantized = QuantizedWeights(weight)
        #expect(quantized.values.abs().max(axis: 1).array() == Array(repeating: 127, count: 8))
        let largest = weight.abs().max(axis: 1).array()
        for (scale, largest) in zip(quantized.scales.array(), largest) {
            #expect(abs(scale * 127 - largest) <= 1e-6 * largest)
        }
    }
}
