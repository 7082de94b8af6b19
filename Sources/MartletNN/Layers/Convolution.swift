import MartletGraph
import MartletTensor

/// A convolution over images: y = x ∗ W + b, the kernel not flipped.
///
/// ## Shapes
/// - `[batch, inputs, height, width]` → `[batch, outputs, ⌊(height + 2·padding - dilation·(kernel - 1) - 1) / stride⌋ + 1, ...]`
/// - weight `[outputs, inputs / groups, kernel, kernel]`, bias `[outputs]`
public final class Conv2d: ConvolutionLayer {
    /// The kernels, `[outputs, inputs / groups, kernel, kernel]`.
    public let weight: Parameter
    /// What is added to each output channel, `[outputs]`; nil where there is none.
    public let bias: Parameter?
    /// Positions that the kernel moves by along each spatial axis.
    public let stride: Int
    /// What stands beyond the border of the input.
    public let padding: Padding
    /// The distance between neighbouring elements of the kernel, in positions; 1 leaves no gaps.
    public let dilation: Int
    /// Groups that the channels fall into: outputs see the inputs of their own group alone.
    public let groups: Int

    /// Weight and bias start from U(-1/√fan in, 1/√fan in), as PyTorch's do, unless told otherwise.
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, padding: Padding = 0, dilation: Int = 1,
        groups: Int = 1, bias: Bool = true, initializer: Initializer = .torchDefault,
        biasInitializer: Initializer? = nil
    ) {
        (weight, self.bias) = Self.parameters(
            inputs, outputs, kernel: [kernelSize, kernelSize], groups: groups, bias: bias, initializer, biasInitializer)
        (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
    }

    /// x ∗ W + b.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            quantized(x)
                ?? conv2d(
                    x, weight.value, bias: bias?.value, stride: stride, padding: padding, dilation: dilation,
                    groups: groups
                )
        }
    }
}

/// A convolution over one axis.
///
/// ## Shapes
/// - `[batch, inputs, length]` → `[batch, outputs, ⌊(length + 2·padding - dilation·(kernel - 1) - 1) / stride⌋ + 1]`
public final class Conv1d: ConvolutionLayer {
    /// The kernels, `[outputs, inputs / groups, kernel]`.
    public let weight: Parameter
    /// What is added to each output channel, `[outputs]`; nil where there is none.
    public let bias: Parameter?
    /// Positions that the kernel moves by along each spatial axis.
    public let stride: Int
    /// What stands beyond the border of the input.
    public let padding: Padding
    /// The distance between neighbouring elements of the kernel, in positions; 1 leaves no gaps.
    public let dilation: Int
    /// Groups that the channels fall into: outputs see the inputs of their own group alone.
    public let groups: Int

    /// Weight and bias start from U(-1/√fan in, 1/√fan in), as PyTorch's do, unless told otherwise.
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, padding: Padding = 0, dilation: Int = 1,
        groups: Int = 1, bias: Bool = true, initializer: Initializer = .torchDefault,
        biasInitializer: Initializer? = nil
    ) {
        (weight, self.bias) = Self.parameters(
            inputs, outputs, kernel: [kernelSize], groups: groups, bias: bias, initializer, biasInitializer)
        (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
    }

    /// x ∗ W + b.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            quantized(x)
                ?? conv1d(
                    x, weight.value, bias: bias?.value, stride: stride, padding: padding, dilation: dilation,
                    groups: groups
                )
        }
    }
}
