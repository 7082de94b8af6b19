import MartletGraph
import MartletTensor

/// A dropout that sets whole channels of an example to 0 while training, and scales the others by 1 / (1 - p): neighbouring
/// positions say the same, so that dropping them one by one drops little.
///
/// Source: J. Tompson et al., "Efficient object localization using convolutional networks" (2015).
public protocol ChannelDropout: Layer, ModeDependent {
    /// Spatial axes of an input.
    static var spatialAxes: Int { get }
    /// The probability that a channel becomes 0, from 0 up to 1.
    var probability: Double { get }
}

extension ChannelDropout {
    /// x with channels dropped in training; x itself in evaluation. Stops where it has another number of axes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.rank == Self.spatialAxes + 2 else {
            stop(
                "\(Self.self): needs \(Self.spatialAxes) spatial axes after batch and channels, the shape is \(x.shape)"
            )
        }
        return observed(x) { x in
            guard mode.isTraining, probability > 0 else { return x }
            let shape = Shape(x.shape.sizes.prefix(2) + Array(repeating: 1, count: Self.spatialAxes))
            return dropped(x, probability: probability, drawing: shape)
        }
    }
}

/// Drops whole channels of a sequence.
///
/// ## Shapes
/// - `[batch, channels, length]` → the same
public final class Dropout1d: ChannelDropout {
    /// 1.
    public static var spatialAxes: Int { 1 }
    /// Training or evaluation, as `train()` and `eval()` set it.
    public let mode = ModeSwitch()
    /// The probability that a channel becomes 0, from 0 up to 1.
    public let probability: Double
    /// A layer that drops with this probability; stops where it is not in 0..<1.
    public init(_ probability: Double = 0.5) {
        self.probability = checkedProbability(probability, "Dropout1d")
    }
}

/// Drops whole channels of an image.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → the same
public final class Dropout2d: ChannelDropout {
    /// 2.
    public static var spatialAxes: Int { 2 }
    /// Training or evaluation, as `train()` and `eval()` set it.
    public let mode = ModeSwitch()
    /// The probability that a channel becomes 0, from 0 up to 1.
    public let probability: Double
    /// A layer that drops with this probability; stops where it is not in 0..<1.
    public init(_ probability: Double = 0.5) {
        self.probability = checkedProbability(probability, "Dropout2d")
    }
}

/// Drops whole channels of a volume.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → the same
public final class Dropout3d: ChannelDropout {
    /// 3.
    public static var spatialAxes: Int { 3 }
    /// Training or evaluation, as `train()` and `eval()` set it.
    public let mode = ModeSwitch()
    /// The probability that a channel becomes 0, from 0 up to 1.
    public let probability: Double
    /// A layer that drops with this probability; stops where it is not in 0..<1.
    public init(_ probability: Double = 0.5) {
        self.probability = checkedProbability(probability, "Dropout3d")
    }
}
