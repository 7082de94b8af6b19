import MartletGraph
import MartletTensor

/// Sets elements to 0 with a probability while training and scales the others by 1 / (1 - p); nothing in evaluation.
///
/// Source: N. Srivastava et al., "Dropout" (2014).
public final class Dropout: Layer, ModeDependent {
    /// Training or evaluation, as `train()` and `eval()` set it.
    public let mode = ModeSwitch()
    /// The probability that an element becomes 0, from 0 up to 1.
    public let probability: Double

    /// A layer that drops with this probability; stops where it is not in 0..<1.
    public init(_ probability: Double = 0.5) {
        guard (0..<1).contains(probability) else {
            stop("Dropout(\(probability)): a probability from 0 up to 1 is expected")
        }
        self.probability = probability
    }

    /// `dropout` of x in training; x itself in evaluation.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in mode.isTraining && probability > 0 ? dropout(x, probability: probability) : x }
    }
}

/// Elements set to 0 with a probability, the others scaled by 1 / (1 - p).
public func dropout(_ x: Tensor, probability: Double) -> Tensor {
    let kept = onNoDevice { Tensor.rand(x.shape) }.value .>= Value.scalar(probability, dtype: .float32)
    let scaled = x.value * Value.scalar(1 / (1 - probability), dtype: x.dtype)
    return Tensor(Value.choose(kept, scaled, scaled.constant(0)))
}
