import MartletGraph
import MartletTensor

/// A transposed convolution over images: the derivative of `Conv2d` by its input, which makes images larger.
///
/// ## Shapes
/// - `[batch, inputs, height, width]` →
///   `[batch, outputs, (height - 1)·stride - 2·padding + dilation·(kernel - 1) + outputPadding + 1, ...]`
/// - weight `[inputs, outputs / groups, kernel, kernel]`, bias `[outputs]`
public final class ConvTranspose2d: Layer, CountsOperations {
    public let weight: Parameter
    public let bias: Parameter?
    public let stride: Int
    public let padding: Int
    public let outputPadding: Int
    public let dilation: Int
    public let groups: Int

    /// Starts from U(-1/√fan in, 1/√fan in), the fan counted as PyTorch does: outputs / groups · kernel².
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
        dilation: Int = 1, groups: Int = 1, bias: Bool = true, initializer: Initializer = .torchDefault
    ) {
        guard groups > 0, inputs % groups == 0, outputs % groups == 0 else {
            stop("ConvTranspose2d(\(inputs), \(outputs)): channels are no multiples of \(groups) groups")
        }
        let shape: Shape = [inputs, outputs / groups, kernelSize, kernelSize]
        weight = Parameter(initializer(shape))
        self.bias = bias ? Parameter(Initializer.torchBias(fanIn: Initializer.fans(of: shape).input)([outputs])) : nil
        (self.stride, self.padding, self.outputPadding) = (stride, padding, outputPadding)
        (self.dilation, self.groups) = (dilation, groups)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            convTranspose2d(
                x, weight.value, bias: bias?.value, stride: [stride], padding: [padding],
                outputPadding: [outputPadding], dilation: [dilation], groups: groups)
        }
    }

    /// Each element of the input meets each weight of its channel once.
    public func multiplyAdds(input: Shape, output: Shape) -> Int {
        input.elementCount * weight.shape.sizes.dropFirst().reduce(1, *)
    }
}
