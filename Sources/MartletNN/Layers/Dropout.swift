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
        self.probability = checkedProbability(probability, "Dropout")
    }

    /// `dropout` of x in training; x itself in evaluation.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in mode.isTraining && probability > 0 ? dropout(x, probability: probability) : x }
    }
}

/// Elements set to 0 with a probability, the others scaled by 1 / (1 - p). Stops where the probability is not in 0...1.
public func dropout(_ x: Tensor, probability: Double) -> Tensor {
    dropped(x, probability: probability, drawing: x.shape)
}

/// Elements set to 0 together where they share a number of `shape`, which broadcasts to x.
func dropped(_ x: Tensor, probability: Double, drawing shape: Shape) -> Tensor {
    guard (0...1).contains(probability) else {
        stop("dropout(probability: \(probability)): a probability from 0 to 1 is expected")
    }
    let kept = onNoDevice { Tensor.rand(shape) }.value .>= Value.scalar(probability, dtype: .float32)
    // Where nothing is kept an infinite factor would meet gradients of 0.
    let factor = probability < 1 ? 1 / (1 - probability) : 0
    let scaled = x.value * Value.scalar(factor, dtype: x.dtype)
    return Tensor(Value.choose(kept, scaled, scaled.constant(0)))
}

/// The probability; stops where it is not in 0..<1.
func checkedProbability(_ probability: Double, _ name: String) -> Double {
    guard (0..<1).contains(probability) else {
        stop("\(name)(\(probability)): a probability from 0 up to 1 is expected")
    }
    return probability
}

/// Sets elements to the limit of SELU far below 0 with a probability while training, scaled and shifted so that mean and variance
/// stay: the dropout of self-normalising networks.
///
///     a·(x·kept + α'·(1 - kept)) + b          α' = -1.7581, a = ((1 - p)·(1 + p·α'²))^-½, b = -a·p·α'
///
/// Source: G. Klambauer et al., "Self-normalizing neural networks" (2017).
public final class AlphaDropout: Layer, ModeDependent {
    /// Training or evaluation, as `train()` and `eval()` set it.
    public let mode = ModeSwitch()
    /// The probability that an element is dropped, from 0 up to 1.
    public let probability: Double

    /// A layer that drops with this probability; stops where it is not in 0..<1.
    public init(_ probability: Double = 0.5) {
        self.probability = checkedProbability(probability, "AlphaDropout")
    }

    /// The dropped elements at SELU's limit in training; x itself in evaluation.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            guard mode.isTraining, probability > 0 else { return x }
            let limit = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717
            let scale = 1 / ((1 - probability) * (1 + probability * limit * limit)).squareRoot()
            let kept = onNoDevice { Tensor.rand(x.shape) } .>= probability
            return `where`(kept, x, Tensor(x.value.number(limit))) * scale - scale * probability * limit
        }
    }
}
