import MartletNN
import MartletTensor

/// The notes' convolutional network: two convolutions of 3 by 3, a hidden layer of 128, dropout; 225,034 parameters.
///
/// ## Shapes
/// `[batch, 1, 28, 28]` → `[batch, 10]`, logits
public final class NotesCNN: Layer {
    /// The layers, in the order they run.
    public let layers: Sequential

    /// The network with weights drawn from `Generator.current`.
    ///
    /// - Parameter dropout: the probability that a hidden unit is silent in a training step.
    public init(dropout: Double = 0.25) {
        layers = Sequential {
            Conv2d(1, 32, kernelSize: 3)
            ReLU()
            MaxPool2d(2)
            Conv2d(32, 64, kernelSize: 3)
            ReLU()
            MaxPool2d(2)
            Flatten()
            Linear(1600, 128)
            ReLU()
            Dropout(dropout)
            Linear(128, 10)
        }
    }

    /// The names are those of the bare `Sequential`: `0.weight`, `3.weight`, ...
    public var members: [(name: String, value: Any)] { layers.members }

    /// The logits of a batch of images.
    public func callAsFunction(_ x: Tensor) -> Tensor { layers(x) }
}
