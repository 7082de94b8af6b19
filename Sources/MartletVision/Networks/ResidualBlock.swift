import MartletNN
import MartletTensor

/// A block of a `ResNet`: y = relu(f(x) + x), where x goes through `downsample` if f changes its shape.
public protocol ResidualBlock: Layer {
    /// Output channels for each channel of the block's width.
    static var expansion: Int { get }

    /// A block from so many channels to `width` · `expansion`, at 1 / `stride` of the size.
    init(_ inputs: Int, width: Int, stride: Int)

    /// A 1 by 1 convolution and its batch normalisation beside f; nil where f keeps the shape.
    var downsample: Sequential? { get }
}

extension ResidualBlock {
    /// relu(f + x), x brought to the shape of f.
    func joined(_ f: Tensor, _ x: Tensor) -> Tensor { relu(f + (downsample.map { $0(x) } ?? x)) }

    /// A convolution without bias that keeps the size at stride 1.
    static func convolution(_ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1) -> Conv2d {
        Conv2d(
            inputs, outputs, kernelSize: kernelSize, stride: stride, padding: .zeros([kernelSize / 2]), bias: false,
            initializer: .heNormal(.output))
    }

    /// What x goes through; nil where neither channels nor size change.
    static func downsample(_ inputs: Int, width: Int, stride: Int) -> Sequential? {
        guard stride != 1 || inputs != width * expansion else { return nil }
        return Sequential {
            convolution(inputs, width * expansion, kernelSize: 1, stride: stride)
            BatchNorm2d(width * expansion)
        }
    }
}
