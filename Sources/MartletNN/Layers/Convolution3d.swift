import MartletGraph
import MartletTensor

/// A convolution over three axes.
///
/// ## Shapes
/// - `[batch, inputs, depth, height, width]` → `[batch, outputs, ⌊(depth + 2·padding - dilation·(kernel - 1) - 1) / stride⌋ + 1, ...]`
/// - weight `[outputs, inputs / groups, kernel, kernel, kernel]`, bias `[outputs]`
public final class Conv3d: Layer, CountsOperations {
    public let weight: Parameter
    public let bias: Parameter?
    public let stride: Int
    public let padding: Padding
    public let dilation: Int
    public let groups: Int

    /// Starts from U(-1/√fan in, 1/√fan in), as PyTorch does, unless told otherwise.
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, padding: Padding = 0, dilation: Int = 1,
        groups: Int = 1, bias: Bool = true, initializer: Initializer = .torchDefault
    ) {
        guard groups > 0, inputs % groups == 0, outputs % groups == 0 else {
            stop("Conv3d(\(inputs), \(outputs)): channels are no multiples of \(groups) groups")
        }
        let shape: Shape = [outputs, inputs / groups, kernelSize, kernelSize, kernelSize]
        weight = Parameter(initializer(shape))
        self.bias = bias ? Parameter(Initializer.torchBias(fanIn: Initializer.fans(of: shape).input)([outputs])) : nil
        (self.stride, self.padding, self.dilation, self.groups) = (stride, padding, dilation, groups)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            conv3d(
                x, weight.value, bias: bias?.value, stride: [stride], padding: padding, dilation: [dilation],
                groups: groups
            )
        }
    }

    public func multiplyAdds(input: Shape, output: Shape) -> Int {
        output.elementCount * weight.shape.sizes.dropFirst().reduce(1, *)
    }
}
