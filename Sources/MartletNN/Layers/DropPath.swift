import MartletGraph
import MartletTensor

/// Stochastic depth: a whole branch set to 0 with a probability while training, and scaled by 1 / (1 - p) where it is kept, so
/// that a residual block falls back to its shortcut.
///
///     Residual { Conv2d(64, 64, kernelSize: 3, padding: 1); DropPath(0.2) }
///
/// Source: G. Huang et al., "Deep networks with stochastic depth" (2016), in the form of torchvision.ops.StochasticDepth.
public final class DropPath: Layer, ModeDependent {
    /// What is dropped together: each example by itself (`row`), or the whole batch.
    public enum Extent: String, Sendable, Codable { case row, batch }

    /// Training or evaluation, as `train()` and `eval()` set it.
    public let mode = ModeSwitch()
    /// The probability that a branch becomes 0, from 0 up to 1.
    public let probability: Double
    /// What is dropped together.
    public let extent: Extent

    /// A layer that drops with this probability; stops where it is not in 0..<1.
    public init(_ probability: Double, _ extent: Extent = .row) {
        self.probability = checkedProbability(probability, "DropPath")
        self.extent = extent
    }

    /// x with examples dropped in training; x itself in evaluation.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            guard mode.isTraining, probability > 0, x.rank > 0 else { return x }
            var shape = [Int](repeating: 1, count: x.rank)
            if extent == .row { shape[0] = x.shape[0] }
            return dropped(x, probability: probability, drawing: Shape(shape))
        }
    }
}
