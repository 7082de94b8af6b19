import MartletGraph
import MartletNN
import MartletTensor

/// Residual networks: ResNet-50 has 25,557,032 parameters for 1,000 classes.
///
/// A 7 by 7 convolution and a maximum take an image to a quarter of its size; four stages of residual blocks follow, each but
/// the first at half the size of the one before; then the mean over the image and a dense layer.
///
/// ## Shapes
/// `[batch, 3, height, width]` → `[batch, classes]`, logits; made for 224 by 224
///
/// Source: K. He, X. Zhang, S. Ren and J. Sun (2016), "Deep residual learning for image recognition", as torchvision has it
/// ("v1.5"): the stride of a bottleneck is in its 3 by 3 convolution.
public final class ResNet: Layer {
    /// 3 to 64 channels, 7 by 7, at half the size.
    public let conv1 = Conv2d(3, 64, kernelSize: 7, stride: 2, padding: 3, bias: false, initializer: .heNormal(.output))
    /// After `conv1`.
    public let bn1 = BatchNorm2d(64)
    private let maxpool = MaxPool2d(3, stride: 2, padding: 1)
    /// The stage of width 64, at a quarter of the image's size.
    public let layer1: Sequential
    /// The stage of width 128, at an eighth.
    public let layer2: Sequential
    /// The stage of width 256, at a sixteenth.
    public let layer3: Sequential
    /// The stage of width 512, at a thirty-second.
    public let layer4: Sequential
    private let avgpool = AdaptiveAvgPool2d(1)
    /// From the mean of each channel to the logits.
    public let fc: Linear

    /// The kind of block and the blocks of each stage, by the number of layers with weights: table 1 of the paper.
    private static let stages: [Int: (block: any ResidualBlock.Type, counts: [Int])] = [
        18: (BasicBlock.self, [2, 2, 2, 2]),
        34: (BasicBlock.self, [3, 4, 6, 3]),
        50: (Bottleneck.self, [3, 4, 6, 3]),
        101: (Bottleneck.self, [3, 4, 23, 3]),
        152: (Bottleneck.self, [3, 8, 36, 3]),
    ]

    /// The network with weights drawn from `Generator.current`: of N(0, 2 / fan out) in convolutions.
    ///
    /// - Parameters:
    ///   - depth: the number of layers with weights, 18, 34, 50, 101 or 152.
    ///   - classes: the number of logits.
    public init(depth: Int, classes: Int = 1000) {
        guard let (block, counts) = Self.stages[depth] else {
            stop("ResNet(depth: \(depth)): the depths are 18, 34, 50, 101 and 152")
        }
        func stage(_ inputs: Int, width: Int, blocks: Int, stride: Int) -> Sequential {
            Sequential {
                block.init(inputs, width: width, stride: stride)
                for _ in 1..<blocks { block.init(width * block.expansion, width: width, stride: 1) }
            }
        }
        layer1 = stage(64, width: 64, blocks: counts[0], stride: 1)
        layer2 = stage(64 * block.expansion, width: 128, blocks: counts[1], stride: 2)
        layer3 = stage(128 * block.expansion, width: 256, blocks: counts[2], stride: 2)
        layer4 = stage(256 * block.expansion, width: 512, blocks: counts[3], stride: 2)
        fc = Linear(512 * block.expansion, classes)
    }

    /// The logits of a batch of images.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let stem = maxpool(relu(bn1(conv1(x))))
        return fc(avgpool(layer4(layer3(layer2(layer1(stem))))).flattened(from: 1))
    }
}
