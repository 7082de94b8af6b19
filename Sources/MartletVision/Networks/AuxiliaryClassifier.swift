import MartletNN
import MartletTensor

/// A classifier on features from the middle of a `GoogLeNet`, which brings gradients to its beginning in training.
///
/// ## Shapes
/// `[batch, inputs, height, width]` → `[batch, classes]`, logits
///
/// Source: C. Szegedy et al. (2015), section 5; the mean over 4 by 4 windows is torchvision's.
public final class AuxiliaryClassifier: Layer {
    private let pool = AdaptiveAvgPool2d(4)
    /// 1 by 1, to 128 channels.
    public let conv: ConvolutionUnit
    /// From the 128 · 4 · 4 features.
    public let fc1 = Linear(2048, 1024, initializer: .truncatedNormal(standardDeviation: 0.01))
    /// To the logits.
    public let fc2: Linear
    private let dropout: Dropout

    /// A classifier of features with so many channels.
    ///
    /// - Parameters:
    ///   - inputs: the features' channels.
    ///   - classes: the number of logits.
    ///   - dropout: the probability that an input of the last layer is silent in a training step.
    public init(_ inputs: Int, classes: Int, dropout: Double = 0.7) {
        conv = ConvolutionUnit(inputs, 128, kernelSize: 1)
        fc2 = Linear(1024, classes, initializer: .truncatedNormal(standardDeviation: 0.01))
        self.dropout = Dropout(dropout)
    }

    /// The logits of a batch of features.
    public func callAsFunction(_ x: Tensor) -> Tensor { fc2(dropout(relu(fc1(conv(pool(x)).flattened(from: 1))))) }
}
