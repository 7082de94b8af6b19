import MartletGraph
import MartletTensor

/// A transposed convolution over one axis: the derivative of `Conv1d` by its input, which makes sequences longer.
///
/// ## Shapes
/// - `[batch, inputs, length]` →
///   `[batch, outputs, (length - 1)·stride - 2·padding + dilation·(kernel - 1) + outputPadding + 1]`
/// - weight `[inputs, outputs / groups, kernel]`, bias `[outputs]`
public final class ConvTranspose1d: Layer, CountsOperations {
    /// The kernels, `[inputs, outputs / groups, kernel]`.
    public let weight: Parameter
    /// What is added to each output channel, `[outputs]`; nil where there is none.
    public let bias: Parameter?
    /// Positions of the output between neighbouring positions of the input.
    public let stride: Int
    /// Positions cut off each side of the output.
    public let padding: Int
    /// Positions added to the output at the end of each spatial axis.
    public let outputPadding: Int
    /// The distance between neighbouring elements of the kernel, in positions; 1 leaves no gaps.
    public let dilation: Int
    /// Groups that the channels fall into: outputs see the inputs of their own group alone.
    public let groups: Int

    /// Starts from U(-1/√fan in, 1/√fan in), the fan counted as PyTorch does: outputs / groups · kernel.
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
        dilation: Int = 1, groups: Int = 1, bias: Bool = true, initializer: Initializer = .torchDefault
    ) {
        guard groups > 0, inputs % groups == 0, outputs % groups == 0 else {
            stop("ConvTranspose1d(\(inputs), \(outputs)): channels are no multiples of \(groups) groups")
        }
        let shape: Shape = [inputs, outputs / groups, kernelSize]
        weight = Parameter(initializer(shape))
        self.bias = bias ? Parameter(Initializer.torchBias(fanIn: Initializer.fans(of: shape).input)([outputs])) : nil
        (self.stride, self.padding, self.outputPadding) = (stride, padding, outputPadding)
        (self.dilation, self.groups) = (dilation, groups)
    }

    /// The transposed convolution of x, plus the bias.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            convTranspose1d(
                x, weight.value, bias: bias?.value, stride: stride, padding: padding,
                outputPadding: outputPadding, dilation: dilation, groups: groups)
        }
    }

    /// Each element of the input meets each weight of its channel once.
    public func multiplyAdds(input: Shape, output: Shape) -> Int {
        input.elementCount * weight.shape.sizes.dropFirst().reduce(1, *)
    }
}

/// A transposed convolution over three axes: the derivative of `Conv3d` by its input, which makes volumes larger.
///
/// ## Shapes
/// - `[batch, inputs, depth, height, width]` →
///   `[batch, outputs, (depth - 1)·stride - 2·padding + dilation·(kernel - 1) + outputPadding + 1, ...]`
/// - weight `[inputs, outputs / groups, kernel, kernel, kernel]`, bias `[outputs]`
public final class ConvTranspose3d: Layer, CountsOperations {
    /// The kernels, `[inputs, outputs / groups, kernel, kernel, kernel]`.
    public let weight: Parameter
    /// What is added to each output channel, `[outputs]`; nil where there is none.
    public let bias: Parameter?
    /// Positions of the output between neighbouring positions of the input.
    public let stride: Int
    /// Positions cut off each side of the output.
    public let padding: Int
    /// Positions added to the output at the end of each spatial axis.
    public let outputPadding: Int
    /// The distance between neighbouring elements of the kernel, in positions; 1 leaves no gaps.
    public let dilation: Int
    /// Groups that the channels fall into: outputs see the inputs of their own group alone.
    public let groups: Int

    /// Starts from U(-1/√fan in, 1/√fan in), the fan counted as PyTorch does: outputs / groups · kernel³.
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
        dilation: Int = 1, groups: Int = 1, bias: Bool = true, initializer: Initializer = .torchDefault
    ) {
        guard groups > 0, inputs % groups == 0, outputs % groups == 0 else {
            stop("ConvTranspose3d(\(inputs), \(outputs)): channels are no multiples of \(groups) groups")
        }
        let shape: Shape = [inputs, outputs / groups, kernelSize, kernelSize, kernelSize]
        weight = Parameter(initializer(shape))
        self.bias = bias ? Parameter(Initializer.torchBias(fanIn: Initializer.fans(of: shape).input)([outputs])) : nil
        (self.stride, self.padding, self.outputPadding) = (stride, padding, outputPadding)
        (self.dilation, self.groups) = (dilation, groups)
    }

    /// The transposed convolution of x, plus the bias.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            convTranspose3d(
                x, weight.value, bias: bias?.value, stride: [stride], padding: [padding],
                outputPadding: [outputPadding], dilation: [dilation], groups: groups)
        }
    }

    /// Each element of the input meets each weight of its channel once.
    public func multiplyAdds(input: Shape, output: Shape) -> Int {
        input.elementCount * weight.shape.sizes.dropFirst().reduce(1, *)
    }
}
