import MartletNN
import MartletTensor

/// A convolution without bias, batch normalisation and ReLU: the part that `GoogLeNet` is made of.
///
/// ## Shapes
/// `[batch, inputs, height, width]` → `[batch, outputs, ...]`, sized as `Conv2d`'s
public final class ConvolutionUnit: Layer {
    /// The convolution.
    public let conv: Conv2d
    /// Its normalisation, with ε = 0.001.
    public let bn: BatchNorm2d

    /// A unit with weights drawn from N(0, 0.01²).
    public init(_ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, padding: Padding = 0) {
        conv = Conv2d(
            inputs, outputs, kernelSize: kernelSize, stride: stride, padding: padding, bias: false,
            initializer: .truncatedNormal(standardDeviation: 0.01))
        bn = BatchNorm2d(outputs, epsilon: 0.001)
    }

    /// relu(bn(conv(x))).
    public func callAsFunction(_ x: Tensor) -> Tensor { relu(bn(conv(x))) }
}
