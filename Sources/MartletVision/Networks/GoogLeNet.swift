import MartletNN
import MartletTensor

/// GoogLeNet (Inception v1) with batch normalisation: 6,624,904 parameters for 1,000 classes without the auxiliary
/// classifiers, 13,004,888 with them.
///
/// ## Shapes
/// `[batch, 3, height, width]` → `[batch, classes]`, logits; made for 224 by 224
///
/// Source: C. Szegedy et al. (2015), "Going deeper with convolutions", as torchvision has it: every convolution is followed
/// by batch normalisation, and the 5 by 5 convolutions are 3 by 3.
public final class GoogLeNet: Layer {
    /// 7 by 7, at half the size.
    public let conv1 = ConvolutionUnit(3, 64, kernelSize: 7, stride: 2, padding: 3)
    private let maxpool1 = MaxPool2d(3, stride: 2, ceilMode: true)
    /// 1 by 1.
    public let conv2 = ConvolutionUnit(64, 64, kernelSize: 1)
    /// 3 by 3.
    public let conv3 = ConvolutionUnit(64, 192, kernelSize: 3, padding: 1)
    private let maxpool2 = MaxPool2d(3, stride: 2, ceilMode: true)

    // Table 1 of the paper: 1x1, 3x3 reduced and 3x3, 5x5 reduced and 5x5, pooling's projection.

    /// To 256 channels, at an eighth of the image's size.
    public let inception3a = Inception(192, 64, (96, 128), (16, 32), 32)
    /// To 480 channels.
    public let inception3b = Inception(256, 128, (128, 192), (32, 96), 64)
    private let maxpool3 = MaxPool2d(3, stride: 2, ceilMode: true)
    /// To 512 channels, at a sixteenth.
    public let inception4a = Inception(480, 192, (96, 208), (16, 48), 64)
    /// To 512 channels.
    public let inception4b = Inception(512, 160, (112, 224), (24, 64), 64)
    /// To 512 channels.
    public let inception4c = Inception(512, 128, (128, 256), (24, 64), 64)
    /// To 528 channels.
    public let inception4d = Inception(512, 112, (144, 288), (32, 64), 64)
    /// To 832 channels.
    public let inception4e = Inception(528, 256, (160, 320), (32, 128), 128)
    private let maxpool4 = MaxPool2d(2, stride: 2, ceilMode: true)
    /// To 832 channels, at a thirty-second.
    public let inception5a = Inception(832, 256, (160, 320), (32, 128), 128)
    /// To 1,024 channels.
    public let inception5b = Inception(832, 384, (192, 384), (48, 128), 128)

    /// The classifier after `inception4a`; nil without auxiliary classifiers.
    public let aux1: AuxiliaryClassifier?
    /// The classifier after `inception4d`; nil without auxiliary classifiers.
    public let aux2: AuxiliaryClassifier?
    private let avgpool = AdaptiveAvgPool2d(1)
    private let dropout: Dropout
    /// From the mean of each channel to the logits.
    public let fc: Linear

    /// The network with weights drawn from `Generator.current`, of N(0, 0.01²).
    ///
    /// - Parameters:
    ///   - classes: the number of logits.
    ///   - auxiliary: whether there are the two auxiliary classifiers that `outputs` asks in training.
    ///   - dropout: the probability that an input of the last layer is silent in a training step.
    ///   - auxiliaryDropout: the same in the auxiliary classifiers.
    public init(classes: Int = 1000, auxiliary: Bool = true, dropout: Double = 0.2, auxiliaryDropout: Double = 0.7) {
        aux1 = auxiliary ? AuxiliaryClassifier(512, classes: classes, dropout: auxiliaryDropout) : nil
        aux2 = auxiliary ? AuxiliaryClassifier(528, classes: classes, dropout: auxiliaryDropout) : nil
        self.dropout = Dropout(dropout)
        fc = Linear(1024, classes, initializer: .truncatedNormal(standardDeviation: 0.01))
    }

    /// What the network says in training.
    public struct Outputs {
        /// The logits, `[batch, classes]`.
        public let logits: Tensor
        /// The logits of `aux1` and `aux2`, `[batch, classes]` each; none in evaluation or without auxiliary classifiers.
        public let auxiliary: [Tensor]
    }

    /// The logits of a batch of images; the auxiliary classifiers are not asked.
    public func callAsFunction(_ x: Tensor) -> Tensor { logits(fromMiddle: middle(beginning(x))) }

    /// The logits, and in training those of the auxiliary classifiers. The paper's loss adds theirs by 0.3:
    ///
    ///     let outputs = network.outputs(images)
    ///     let loss = crossEntropy(outputs.logits, labels)
    ///         + 0.3 * outputs.auxiliary.reduce(Tensor(0)) { $0 + crossEntropy($1, labels) }
    public func outputs(_ x: Tensor) -> Outputs {
        let first = beginning(x)
        let second = middle(first)
        let auxiliary = dropout.mode.isTraining ? [aux1.map { $0(first) }, aux2.map { $0(second) }] : []
        return Outputs(logits: logits(fromMiddle: second), auxiliary: auxiliary.compactMap { $0 })
    }

    /// Up to `inception4a`: `[batch, 512, height / 16, width / 16]`.
    private func beginning(_ x: Tensor) -> Tensor {
        let stem = maxpool2(conv3(conv2(maxpool1(conv1(x)))))
        return inception4a(maxpool3(inception3b(inception3a(stem))))
    }

    /// From there up to `inception4d`: `[batch, 528, height / 16, width / 16]`.
    private func middle(_ x: Tensor) -> Tensor { inception4d(inception4c(inception4b(x))) }

    private func logits(fromMiddle x: Tensor) -> Tensor {
        let features = inception5b(inception5a(maxpool4(inception4e(x))))
        return fc(dropout(avgpool(features).flattened(from: 1)))
    }
}
