import MartletGraph
import MartletTensor

/// Layer normalisation: y = (x - mean) / √(variance + ε) · weight + bias, over the last axes of each example.
///
/// ## Shapes
/// - `[..., shape...]` → the same
///
/// Source: J. Ba et al. (2016).
public final class LayerNorm: Layer {
    public let weight: Parameter?
    public let bias: Parameter?
    public let shape: Shape
    public let epsilon: Double

    public init(_ shape: Shape, epsilon: Double = 1e-5, affine: Bool = true) {
        weight = affine ? Parameter(.ones(shape)) : nil
        bias = affine ? Parameter(.zeros(shape)) : nil
        (self.shape, self.epsilon) = (shape, epsilon)
    }

    public convenience init(_ size: Int, epsilon: Double = 1e-5, affine: Bool = true) {
        self.init([size] as Shape, epsilon: epsilon, affine: affine)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.shape.sizes.suffix(shape.rank).elementsEqual(shape.sizes) else {
            stop("LayerNorm: normalises \(shape), the input's shape is \(x.shape)")
        }
        return observed(x) { x in
            let axes = Array((x.rank - shape.rank)..<x.rank)
            let centred = x - x.mean(axes: axes, keepingAxes: true)
            let variance = centred.square().mean(axes: axes, keepingAxes: true)
            var result = centred * (variance + epsilon).rsqrt()
            if let weight { result = result * weight.value }
            if let bias { result = result + bias.value }
            return result
        }
    }
}
