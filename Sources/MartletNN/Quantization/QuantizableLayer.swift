import MartletGraph
import MartletTensor

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
        guard let scope = QuantizedLayers.current, let own = scope.layers[ObjectIdentifier(self)] else { return nil }
        return quantized(x, own.input, own.weights)
    }
}

/// The quantized layers of the model that is being called.
struct QuantizedLayers: Sendable {
    struct Entry: Sendable {
        let input: Quantize
        let weights: QuantizedWeights
    }
    var layers: [ObjectIdentifier: Entry] = [:]

    @TaskLocal static var current: QuantizedLayers?
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
