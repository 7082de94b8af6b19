import MartletNN
import MartletTensor

/// The notes' first network: a hidden layer of 128 with ReLU, 101,770 parameters.
///
/// ## Shapes
/// `[batch, 1, 28, 28]` or `[batch, 784]` → `[batch, 10]`, logits
public final class MLP: Layer {
    /// From the 784 pixels to the hidden layer.
    public let fc1 = Linear(784, 128)
    /// From the hidden layer to the logits of ten classes.
    public let fc2 = Linear(128, 10)

    /// The network with weights drawn from `Generator.current`.
    public init() {}

    /// The logits of a batch of images.
    public func callAsFunction(_ x: Tensor) -> Tensor { fc2(relu(fc1(x.flattened(from: 1)))) }
}
