import MartletGraph
import MartletNN
import MartletTensor
import Testing

/// First and second derivatives of layers by their input against differences in float64.
struct LayerGradientTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let input: Shape
        let make: @Sendable () -> any Layer
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(name: "RNN", input: [3, 2, 2]) { RNN(2, 2) },
        Row(name: "LSTM", input: [3, 2, 2]) { LSTM(2, 2, layers: 2, bidirectional: true) },
        Row(name: "GRU", input: [3, 2, 2]) { GRU(2, 2, bidirectional: true) },
        Row(name: "MultiheadAttention", input: [3, 1, 4]) { MultiheadAttention(4, heads: 2) },
        Row(name: "TransformerEncoderLayer", input: [3, 1, 4]) {
            TransformerEncoderLayer(4, heads: 2, feedforward: 3, dropout: 0, activation: GELU())
        },
        Row(name: "InstanceNorm1d", input: [2, 2, 4]) { InstanceNorm1d(2, affine: true) },
        Row(name: "LocalResponseNorm", input: [1, 4, 3]) { LocalResponseNorm(3, alpha: 0.5) },
        Row(name: "Upsample", input: [1, 1, 3, 2]) { Upsample(size: [4, 5], mode: .cubic) },
        Row(name: "PixelShuffle", input: [1, 4, 2, 1]) { PixelShuffle(2) },
        Row(name: "LpPool2d", input: [1, 1, 4, 4]) { LpPool2d(power: 2, 2) },
        Row(name: "ConvTranspose1d", input: [1, 2, 3]) { ConvTranspose1d(2, 2, kernelSize: 2, stride: 2) },
        Row(name: "WeightNorm", input: [2, 3]) { WeightNorm(Linear(3, 2)) },
        Row(name: "Residual", input: [2, 3]) { Residual(Linear(3, 3), activation: Tanh()) },
        Row(name: "GLU", input: [2, 4]) { GLU() }, Row(name: "CELU", input: [2, 4]) { CELU(1.5) },
        Row(name: "Mish", input: [2, 4]) { Mish() }, Row(name: "Softsign", input: [2, 4]) { Softsign() },
        Row(name: "LogSigmoid", input: [2, 4]) { LogSigmoid() },
        Row(name: "Tanhshrink", input: [2, 4]) { Tanhshrink() },
    ]

    @Test(arguments: rows)
    func `Derivatives of first and second order are those of differences`(row: Row) {
        let layer = withGenerator(seed: 21) { row.make() }
        layer.to(dtype: .float64)
        let x = withGenerator(seed: 22) { Tensor.uniform(row.input, low: 0.1, high: 1.5, dtype: .float64) }
        for order in 1...2 {
            let report = checkGradient(
                of: { layer($0).square().sum() + layer($0).sum() }, at: x, order: order, tolerance: 1e-5)
            #expect(report.passed, "order \(order): \(report)")
        }
    }

    @Test(arguments: [false, true])
    func `A recurrent layer's weights have second derivatives too`(backwards: Bool) {
        let layer = withGenerator(seed: 23) { LSTM(2, 2, bidirectional: backwards) }
        layer.to(dtype: .float64)
        let x = withGenerator(seed: 24) { Tensor.randn([3, 2, 2], dtype: .float64) }
        let before = layer.parameters.map { $0.value.detached() }
        /// The squared length of the gradient by the input, and its derivative by each parameter.
        func squaredLength() -> (value: Double, gradients: [[Double]]) {
            layer.zeroGradients()
            let y = gradient(of: { (x: Tensor) in
                layer(x, state: nil, lengths: Tensor([3, 2] as [Int])).output.square().sum()
            })
            let length = y(x.requiringGradient()).square().sum()
            length.backward()
            return (length.item(as: Double.self), layer.parameters.map { $0.gradient?.array(as: Double.self) ?? [] })
        }
        let derivatives = squaredLength().gradients
        for (index, parameter) in layer.parameters.enumerated() {
            func moved(_ step: Double) -> Double {
                let shift = Tensor(
                    [step] + Array(repeating: 0, count: parameter.shape.elementCount - 1), shape: parameter.shape)
                parameter.update { _ in before[index] + shift }
                defer { parameter.update { _ in before[index] } }
                return squaredLength().value
            }
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5
            #expect(abs((derivatives[index].first ?? .nan) - difference) < 1e-6, "parameter \(index)")
        }
    }
}
