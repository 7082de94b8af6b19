import MartletGraph
import MartletNN
import MartletTensor

/// The very deep networks of 3 by 3 convolutions: VGG-16 has 138,357,544 parameters for 1,000 classes.
///
/// Five stages of convolutions, each with ReLU and, where asked for, batch normalisation between the two; a 2 by 2 maximum
/// ends a stage. Then 25,088-4,096-4,096-classes with dropout.
///
/// ## Shapes
/// `[batch, 3, height, width]` → `[batch, classes]`, logits; made for 224 by 224, 32 by 32 is the least
///
/// Source: K. Simonyan and A. Zisserman (2015), "Very deep convolutional networks for large-scale image recognition", as
/// torchvision has it.
public final class VGG: Layer {
    /// The five stages of convolutions.
    public let features: Sequential
    private let avgpool = AdaptiveAvgPool2d(7)
    /// Three dense layers, dropout after the first two.
    public let classifier: Sequential

    /// The convolutions of each stage, by the number of layers with weights: the paper's columns A, B, D and E.
    private static let convolutions = [
        11: [1, 1, 2, 2, 2],
        13: [2, 2, 2, 2, 2],
        16: [2, 2, 3, 3, 3],
        19: [2, 2, 4, 4, 4],
    ]
    /// The channels of the image and of each stage.
    private static let channels = [3, 64, 128, 256, 512, 512]

    /// The network with weights drawn from `Generator.current`: of N(0, 2 / fan out) in convolutions, N(0, 0.01²) in dense
    /// layers; biases are 0.
    ///
    /// - Parameters:
    ///   - depth: the number of layers with weights, 11, 13, 16 or 19.
    ///   - batchNorm: whether a batch normalisation follows each convolution.
    ///   - classes: the number of logits.
    ///   - dropout: the probability that an output of the first two dense layers is silent in a training step.
    public init(depth: Int, batchNorm: Bool = false, classes: Int = 1000, dropout: Double = 0.5) {
        guard let convolutions = Self.convolutions[depth] else {
            stop("VGG(depth: \(depth)): the depths are 11, 13, 16 and 19")
        }
        features = Sequential {
            for (stage, count) in convolutions.enumerated() {
                for index in 0..<count {
                    Conv2d(
                        Self.channels[index == 0 ? stage : stage + 1], Self.channels[stage + 1], kernelSize: 3,
                        padding: 1, initializer: .heNormal(.output), biasInitializer: .zeros)
                    if batchNorm { BatchNorm2d(Self.channels[stage + 1]) }
                    ReLU()
                }
                MaxPool2d(2)
            }
        }
        func dense(_ inputs: Int, _ outputs: Int) -> Linear {
            Linear(inputs, outputs, initializer: .normal(standardDeviation: 0.01), biasInitializer: .zeros)
        }
        classifier = Sequential {
            dense(512 * 7 * 7, 4096)
            ReLU()
            Dropout(dropout)
            dense(4096, 4096)
            ReLU()
            Dropout(dropout)
            dense(4096, classes)
        }
    }

    /// The logits of a batch of images.
    public func callAsFunction(_ x: Tensor) -> Tensor { classifier(avgpool(features(x)).flattened(from: 1)) }
}
