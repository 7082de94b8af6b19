import MartletTensor

/// A layer that can be computed with another weight than its parameter's: what `WeightNorm` and `SpectralNorm` wrap.
public protocol ReweightableLayer: Layer {
    /// The weight as the layer holds it.
    var weight: Parameter { get }
    /// The bias; nil where there is none.
    var bias: Parameter? { get }
    /// The layer's output for x with this weight in the place of its own.
    func output(_ x: Tensor, weight: Tensor) -> Tensor
}

extension Linear: ReweightableLayer {
    /// x·Wᵀ + b with another W.
    public func output(_ x: Tensor, weight: Tensor) -> Tensor { linear(x, weight, bias: bias?.value) }
}

extension Conv1d: ReweightableLayer {
    /// x ∗ W + b with another W.
    public func output(_ x: Tensor, weight: Tensor) -> Tensor {
        conv1d(x, weight, bias: bias?.value, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
}

extension Conv2d: ReweightableLayer {
    /// x ∗ W + b with another W.
    public func output(_ x: Tensor, weight: Tensor) -> Tensor {
        conv2d(x, weight, bias: bias?.value, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
}

extension Conv3d: ReweightableLayer {
    /// x ∗ W + b with another W.
    public func output(_ x: Tensor, weight: Tensor) -> Tensor {
        conv3d(x, weight, bias: bias?.value, stride: [stride], padding: padding, dilation: [dilation], groups: groups)
    }
}

extension ConvTranspose1d: ReweightableLayer {
    /// The transposed convolution of x by another weight, plus the bias.
    public func output(_ x: Tensor, weight: Tensor) -> Tensor {
        convTranspose1d(
            x, weight, bias: bias?.value, stride: stride, padding: padding, outputPadding: outputPadding,
            dilation: dilation, groups: groups)
    }
}

extension ConvTranspose2d: ReweightableLayer {
    /// The transposed convolution of x by another weight, plus the bias.
    public func output(_ x: Tensor, weight: Tensor) -> Tensor {
        convTranspose2d(
            x, weight, bias: bias?.value, stride: [stride], padding: [padding], outputPadding: [outputPadding],
            dilation: [dilation], groups: groups)
    }
}

extension ConvTranspose3d: ReweightableLayer {
    /// The transposed convolution of x by another weight, plus the bias.
    public func output(_ x: Tensor, weight: Tensor) -> Tensor {
        convTranspose3d(
            x, weight, bias: bias?.value, stride: [stride], padding: [padding], outputPadding: [outputPadding],
            dilation: [dilation], groups: groups)
    }
}
