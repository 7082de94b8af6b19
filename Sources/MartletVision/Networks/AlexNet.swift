import MartletNN
import MartletTensor

/// AlexNet, the network that began the age of deep vision: 61,100,840 parameters for 1,000 classes.
///
/// ## Shapes
/// `[batch, 3, height, width]` → `[batch, classes]`, logits; made for 224 by 224, 63 by 63 is the least
///
/// Source: A. Krizhevsky (2014), "One weird trick for parallelizing convolutional neural networks", as torchvision has it:
/// one tower in place of the two of A. Krizhevsky, I. Sutskever and G. Hinton (2012), and no response normalisation.
public final class AlexNet: Layer {
    /// Five convolutions, each with ReLU, and three maxima.
    public let features = Sequential {
        Conv2d(3, 64, kernelSize: 11, stride: 4, padding: 2)
        ReLU()
        MaxPool2d(3, stride: 2)
        Conv2d(64, 192, kernelSize: 5, padding: 2)
        ReLU()
        MaxPool2d(3, stride: 2)
        Conv2d(192, 384, kernelSize: 3, padding: 1)
        ReLU()
        Conv2d(384, 256, kernelSize: 3, padding: 1)
        ReLU()
        Conv2d(256, 256, kernelSize: 3, padding: 1)
        ReLU()
        MaxPool2d(3, stride: 2)
    }
    private let avgpool = AdaptiveAvgPool2d(6)
    /// Three dense layers, the first two after dropout.
    public let classifier: Sequential

    /// The network with weights drawn from `Generator.current`.
    ///
    /// - Parameters:
    ///   - classes: the number of logits.
    ///   - dropout: the probability that an input of the first two dense layers is silent in a training step.
    public init(classes: Int = 1000, dropout: Double = 0.5) {
        classifier = Sequential {
            Dropout(dropout)
            Linear(256 * 6 * 6, 4096)
            ReLU()
            Dropout(dropout)
            Linear(4096, 4096)
            ReLU()
            Linear(4096, classes)
        }
    }

    /// The logits of a batch of images.
    public func callAsFunction(_ x: Tensor) -> Tensor { classifier(avgpool(features(x)).flattened(from: 1)) }
}
