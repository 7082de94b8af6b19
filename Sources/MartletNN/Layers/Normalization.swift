import MartletGraph
import MartletTensor

/// Layer normalisation: y = (x - mean) / √(variance + ε) · weight + bias, over the last axes of each example.
///
/// ## Shapes
/// - `[..., shape...]` → the same
///
/// Source: J. Ba et al. (2016).
public final class LayerNorm: Layer {
    /// The scale, of the normalised shape, from 1 on; nil where not `affine`.
    public let weight: Parameter?
    /// The shift, of the normalised shape, from 0 on; nil where not `affine`.
    public let bias: Parameter?
    /// The sizes of the last axes, those that are normalised over.
    public let shape: Shape
    /// ε, added to the variance under the root.
    public let epsilon: Double

    /// Normalises over last axes of these sizes, with weight and bias where `affine`, or weight alone where not `bias`.
    public init(_ shape: Shape, epsilon: Double = 1e-5, affine: Bool = true, bias: Bool = true) {
        weight = affine ? Parameter(.ones(shape)) : nil
        self.bias = affine && bias ? Parameter(.zeros(shape)) : nil
        (self.shape, self.epsilon) = (shape, epsilon)
    }

    /// Normalises over a last axis of this size, with weight and bias where `affine`, or weight alone where not `bias`.
    public convenience init(_ size: Int, epsilon: Double = 1e-5, affine: Bool = true, bias: Bool = true) {
        self.init([size] as Shape, epsilon: epsilon, affine: affine, bias: bias)
    }

    /// The normalised input. Stops where its last axes have other sizes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.shape.sizes.suffix(shape.rank).elementsEqual(shape.sizes) else {
            stop("LayerNorm: normalises \(shape), the input's shape is \(x.shape)")
        }
        return observed(x) { input in
            let x = Tensor(input.value.forStatistics)
            let axes = Array((x.rank - shape.rank)..<x.rank)
            let centred = x - x.mean(axes: axes, keepingAxes: true)
            let variance = centred.square().mean(axes: axes, keepingAxes: true)
            var result = centred * (variance + epsilon).rsqrt()
            if let weight { result = result * weight.value }
            if let bias { result = result + bias.value }
            return narrowed(result, as: input)
        }
    }
}

/// Group normalisation: each example's channels in groups, each normalised over its channels and positions.
///
/// ## Shapes
/// - `[batch, channels, spatial...]` → the same; weight and bias `[channels]`
///
/// Source: Y. Wu and K. He (2018).
public final class GroupNorm: Layer {
    /// The scale of each channel, `[channels]`, from 1 on; nil where not `affine`.
    public let weight: Parameter?
    /// The shift of each channel, `[channels]`, from 0 on; nil where not `affine`.
    public let bias: Parameter?
    /// The groups that channels fall into, neighbours together.
    public let groups: Int
    /// The size of the second axis.
    public let channels: Int
    /// ε, added to the variance under the root.
    public let epsilon: Double

    /// A layer with weight and bias where `affine`. Stops where the channels do not fall into groups of one size.
    public init(groups: Int, channels: Int, epsilon: Double = 1e-5, affine: Bool = true) {
        guard groups > 0, channels % groups == 0 else { stop("GroupNorm: \(channels) channels in \(groups) groups") }
        weight = affine ? Parameter(.ones([channels])) : nil
        bias = affine ? Parameter(.zeros([channels])) : nil
        (self.groups, self.channels, self.epsilon) = (groups, channels, epsilon)
    }

    /// The normalised input. Stops where its second axis has another size.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.rank >= 2, x.shape[1] == channels else {
            stop("GroupNorm: has \(channels) channels, the input's shape is \(x.shape)")
        }
        return observed(x) { input in
            let x = Tensor(input.value.forStatistics)
            let spatial = x.shape.sizes.dropFirst(2).reduce(1, *)
            let grouped = x.reshape([x.shape[0], groups, channels / groups * spatial])
            let centred = grouped - grouped.mean(axis: 2, keepingAxes: true)
            let variance = centred.square().mean(axis: 2, keepingAxes: true)
            var result = (centred * (variance + epsilon).rsqrt()).reshape(x.shape)
            let perChannel = Shape([1, channels] + Array(repeating: 1, count: x.rank - 2))
            if let weight { result = result * weight.value.reshape(perChannel) }
            if let bias { result = result + bias.value.reshape(perChannel) }
            return narrowed(result, as: input)
        }
    }
}

/// Root-mean-square normalisation: y = x / √(mean(x²) + ε) · weight, over the last axes.
///
/// ε is 10⁻⁶, as large language models have it; PyTorch's layer takes the type's own, 1.19·10⁻⁷ in float32.
///
/// Source: B. Zhang and R. Sennrich (2019).
public final class RMSNorm: Layer {
    /// The scale, of the normalised shape, from 1 on.
    public let weight: Parameter
    /// The sizes of the last axes, those that are normalised over.
    public let shape: Shape
    /// ε, added to the mean square under the root.
    public let epsilon: Double

    /// Normalises over last axes of these sizes.
    public init(_ shape: Shape, epsilon: Double = 1e-6) {
        weight = Parameter(.ones(shape))
        (self.shape, self.epsilon) = (shape, epsilon)
    }

    /// The normalised input. Stops where its last axes have other sizes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.shape.sizes.suffix(shape.rank).elementsEqual(shape.sizes) else {
            stop("RMSNorm: normalises \(shape), the input's shape is \(x.shape)")
        }
        return observed(x) { input in
            let x = Tensor(input.value.forStatistics)
            let axes = Array((x.rank - shape.rank)..<x.rank)
            let scale = (x.square().mean(axes: axes, keepingAxes: true) + epsilon).rsqrt()
            return narrowed(x * scale * weight.value, as: input)
        }
    }
}

/// A result in its input's type where that is a 16-bit one: sums and roots were taken in float32.
func narrowed(_ result: Tensor, as input: Tensor) -> Tensor {
    input.dtype == .bfloat16 || input.dtype == .float16 ? result.to(dtype: input.dtype) : result
}
