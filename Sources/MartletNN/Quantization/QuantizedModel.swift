import MartletGraph
import MartletTensor

/// A trained model whose convolutions and linear layers run in 8-bit integers: post-training static quantization.
///
///     let quick = QuantizedModel(model, Calibration(of: model, on: batches))
///     let logits = quick(images)
///
/// Weights are int8 with a scale for each output channel, w ≈ scale·q, taken when this is made, and again at the first call after
/// the model's weights have been replaced (by `load`, say). A compiled function keeps those of its trace. Inputs are int8 or uint8
/// with the scale that the calibration found; sums are exact in 32 bits. What comes between (normalisation, activations, pooling,
/// additions) is float32 and folded into the kernels where it can be.
///
/// For inference: results carry no history, and the model is called as it stands, `eval()` or not. Layers that the calibration did
/// not meet stay in float32.
///
/// Quick where the processor multiplies bytes (AVX512_VNNI, AMX) and the engine is found; elsewhere correct and slow.
///
/// Source: B. Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference" (2018).
public final class QuantizedModel<Model: Layer>: Layer {
    /// The model, with its weights in float32.
    public let model: Model
    /// How its layers' inputs become integers.
    public let calibration: Calibration
    private let quantized: QuantizedLayers

    /// Quantizes the weights of the layers that the calibration names.
    public init(_ model: Model, _ calibration: Calibration) {
        (self.model, self.calibration) = (model, calibration)
        quantized = QuantizedLayers()
        for (path, module) in model.namedModules {
            guard let layer = module as? any QuantizableLayer, let input = calibration.inputs[path] else { continue }
            quantized.add(layer, Quantize(scale: input.scale, dtype: input.isSigned ? .int8 : .uint8))
        }
    }

    /// The model's output, from integers.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        quantized.renew()
        return withoutGradient { QuantizedLayers.$current.withValue(quantized) { model(x) } }
    }

    /// How many layers run in integers.
    public var quantizedLayerCount: Int { quantized.count }
}
