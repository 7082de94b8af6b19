import MartletGraph
import MartletTensor
import Synchronization

/// A layer that can be computed in 8-bit integers: convolutions and linear layers.
protocol QuantizableLayer: Layer {
    /// What becomes int8, `[out channels, ...]`.
    var weight: Parameter { get }
    /// What is added to each output channel.
    var bias: Parameter? { get }
    /// The layer's output, from an input and weights in integers.
    func quantized(_ x: Tensor, _ input: Quantize, _ weights: QuantizedWeights) -> Tensor
}

extension QuantizableLayer {
    /// The layer's output in integers, where a quantized model is being called that holds this layer.
    func quantized(_ x: Tensor) -> Tensor? {
        guard let own = QuantizedLayers.current?[self] else { return nil }
        return quantized(x, own.input, own.weights)
    }
}

/// The layers of a quantized model, with their weights in integers.
final class QuantizedLayers: Sendable {
    struct Entry: Sendable {
        let layer: any QuantizableLayer
        let input: Quantize
        let weights: QuantizedWeights
        /// Which value of the layer's parameter they were taken from; the value itself is not held.
        let source: UInt64?
    }
    private let entries = Mutex<[ObjectIdentifier: Entry]>([:])

    /// Those of the model that is being called.
    @TaskLocal static var current: QuantizedLayers?

    var count: Int { entries.withLock(\.count) }

    subscript(layer: some QuantizableLayer) -> Entry? { entries.withLock { $0[ObjectIdentifier(layer)] } }

    /// Takes a layer's weights.
    func add(_ layer: any QuantizableLayer, _ input: Quantize) {
        let source = layer.weight.identity
        let weights = QuantizedWeights(layer.weight.value)
        let entry = Entry(layer: layer, input: input, weights: weights, source: source)
        entries.withLock { $0[ObjectIdentifier(layer)] = entry }
    }

    /// Takes those weights again that have been replaced. Inside a trace nothing is: what a trace records is its own.
    func renew() {
        guard StateRecorder.current == nil, Recording.current.transformation == nil else { return }
        let replaced = entries.withLock { $0.values.filter { $0.layer.weight.identity != $0.source } }
        for entry in replaced { add(entry.layer, entry.input) }
    }
}

extension Conv1d: QuantizableLayer {
    func quantized(_ x: Tensor, _ input: Quantize, _ weights: QuantizedWeights) -> Tensor {
        x.quantizedConvolution(
            input, weights, bias: bias?.value, strides: [stride], padding: padding, dilations: [dilation],
            groups: groups)
    }
}

extension Conv2d: QuantizableLayer {
    func quantized(_ x: Tensor, _ input: Quantize, _ weights: QuantizedWeights) -> Tensor {
        x.quantizedConvolution(
            input, weights, bias: bias?.value, strides: [stride], padding: padding, dilations: [dilation],
            groups: groups)
    }
}

extension Linear: QuantizableLayer {
    func quantized(_ x: Tensor, _ input: Quantize, _ weights: QuantizedWeights) -> Tensor {
        x.quantizedLinear(input, weights, bias: bias?.value)
    }
}
