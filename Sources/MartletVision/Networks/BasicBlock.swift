import MartletNN
import MartletTensor

/// Two 3 by 3 convolutions: the block of ResNet-18 and ResNet-34.
///
/// ## Shapes
/// `[batch, inputs, height, width]` → `[batch, width, height / stride, width / stride]`
///
/// Source: K. He et al. (2016), figure 5, on the left.
public final class BasicBlock: ResidualBlock {
    /// 1: as many channels as the block is wide.
    public static let expansion = 1
    /// To the block's width, with the stride.
    public let conv1: Conv2d
    /// After `conv1`.
    public let bn1: BatchNorm2d
    /// Between channels of the block's width.
    public let conv2: Conv2d
    /// After `conv2`.
    public let bn2: BatchNorm2d
    /// What x goes through; nil where the shape stays.
    public let downsample: Sequential?

    /// A block from so many channels to `width`, at 1 / `stride` of the size.
    public init(_ inputs: Int, width: Int, stride: Int = 1) {
        conv1 = Self.convolution(inputs, width, kernelSize: 3, stride: stride)
        bn1 = BatchNorm2d(width)
        conv2 = Self.convolution(width, width, kernelSize: 3)
        bn2 = BatchNorm2d(width)
        downsample = Self.downsample(inputs, width: width, stride: stride)
    }

    /// relu(f(x) + x).
    public func callAsFunction(_ x: Tensor) -> Tensor { joined(bn2(conv2(relu(bn1(conv1(x))))), x) }
}
