import MartletGraph
import MartletTensor

/// Batch normalisation over volumes, a mean and a variance a channel.
///
///     y = (x - mean) / √(variance + ε) · weight + bias
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → the same
///
/// Source: S. Ioffe and C. Szegedy (2015), in the form of torch.nn.BatchNorm3d.
public final class BatchNorm3d: NormalizationLayer {
    /// The scale of each channel, from 1 on; nil where not `affine`.
    public let weight: Parameter?
    /// The shift of each channel, from 0 on; nil where not `affine`.
    public let bias: Parameter?
    /// The mean that evaluation uses, from 0 on: `running_mean`.
    public let runningMean: ModuleBuffer
    /// The variance that evaluation uses, from 1 on: `running_var`.
    public let runningVariance: ModuleBuffer
    /// The batches normalised in training, int64 `[]`: `num_batches_tracked`.
    public let batchCount: ModuleBuffer
    /// Training or evaluation, as `train()` and `eval()` set it.
    public let mode = ModeSwitch()
    /// The share of a new batch in the running statistics.
    public let momentum: Double
    /// ε, added to the variance under the root.
    public let epsilon: Double

    /// A layer for so many channels.
    ///
    /// - Parameters:
    ///   - channels: the size of the second axis.
    ///   - epsilon: ε, added to the variance under the root.
    ///   - momentum: the share of a new batch in the running statistics.
    ///   - affine: whether there are weight and bias.
    public init(_ channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1, affine: Bool = true) {
        weight = affine ? Parameter(.ones([channels])) : nil
        bias = affine ? Parameter(.zeros([channels])) : nil
        runningMean = ModuleBuffer("running_mean", .zeros([channels]))
        runningVariance = ModuleBuffer("running_var", .ones([channels]))
        batchCount = ModuleBuffer("num_batches_tracked", .zeros([], dtype: .int64))
        (self.momentum, self.epsilon) = (momentum, epsilon)
    }

    /// The normalised input. Stops unless it has 5 axes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.rank == 5 else { stop("BatchNorm3d: needs 5 axes, the shape is \(x.shape)") }
        return observed(x) { normalized($0, weight: weight?.value, bias: bias?.value) }
    }
}
