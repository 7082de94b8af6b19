import MartletNN
import MartletTensor

/// Convolutions of 1 by 1, 3 by 3 and 1 by 1: the block of ResNet-50 and deeper.
///
/// ## Shapes
/// `[batch, inputs, height, width]` → `[batch, 4 · width, height / stride, width / stride]`
///
/// Source: K. He et al. (2016), figure 5, on the right; the stride in the 3 by 3 convolution is torchvision's.
public final class Bottleneck: ResidualBlock {
    /// 4: the last convolution widens.
    public static let expansion = 4
    /// 1 by 1, to the block's width.
    public let conv1: Conv2d
    /// After `conv1`.
    public let bn1: BatchNorm2d
    /// 3 by 3, with the stride.
    public let conv2: Conv2d
    /// After `conv2`.
    public let bn2: BatchNorm2d
    /// 1 by 1, to four times the width.
    public let conv3: Conv2d
    /// After `conv3`.
    public let bn3: BatchNorm2d
    /// What x goes through; nil where the shape stays.
    public let downsample: Sequential?

    /// A block from so many channels to 4 · `width`, at 1 / `stride` of the size.
    public init(_ inputs: Int, width: Int, stride: Int = 1) {
        conv1 = Self.convolution(inputs, width, kernelSize: 1)
        bn1 = BatchNorm2d(width)
        conv2 = Self.convolution(width, width, kernelSize: 3, stride: stride)
        bn2 = BatchNorm2d(width)
        conv3 = Self.convolution(width, width * Self.expansion, kernelSize: 1)
        bn3 = BatchNorm2d(width * Self.expansion)
        downsample = Self.downsample(inputs, width: width, stride: stride)
    }

    /// relu(f(x) + x).
    public func callAsFunction(_ x: Tensor) -> Tensor {
        joined(bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x)))))))), x)
    }
}
