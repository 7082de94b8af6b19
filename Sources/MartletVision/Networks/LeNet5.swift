import MartletNN
import MartletTensor

/// LeNet-5 as it is used today, with ReLU and max pooling: 61,706 parameters.
///
/// Convolutions 1→6 and 6→16 of 5 by 5, each with ReLU and a 2 by 2 maximum; then 400-120-84-10.
///
/// ## Shapes
/// `[batch, 1, 28, 28]` → `[batch, 10]`, logits
///
/// Source: LeCun, Bottou, Bengio, Haffner 1998, "Gradient-based learning applied to document recognition"; the first
/// convolution pads by 2 where the paper has images of 32 by 32.
public final class LeNet5: Layer {
    /// 1 to 6 channels, 5 by 5, padded by 2: images stay 28 by 28.
    public let conv1 = Conv2d(1, 6, kernelSize: 5, padding: 2)
    /// 6 to 16 channels, 5 by 5: 14 by 14 becomes 10 by 10.
    public let conv2 = Conv2d(6, 16, kernelSize: 5)
    /// From the 16 · 5 · 5 features.
    public let fc1 = Linear(400, 120)
    /// The second dense layer.
    public let fc2 = Linear(120, 84)
    /// To the logits of ten classes.
    public let fc3 = Linear(84, 10)
    private let pool = MaxPool2d(2)

    /// The network with weights drawn from `Generator.current`.
    public init() {}

    /// The logits of a batch of images.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let features = pool(relu(conv2(pool(relu(conv1(x))))))
        return fc3(relu(fc2(relu(fc1(features.flattened(from: 1))))))
    }
}
