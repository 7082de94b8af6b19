import MartletGraph
import MartletTensor

/// Batch normalisation over `[batch, features]` or `[batch, features, length]`.
///
///     y = (x - mean) / √(variance + ε) · weight + bias
///
/// In training mean and (biased) variance are the batch's, and the running statistics follow them:
/// running ← (1 - momentum)·running + momentum·batch, with the unbiased variance. In evaluation the running ones are used.
///
/// Source: S. Ioffe and C. Szegedy (2015), in the form of torch.nn.BatchNorm1d.
public final class BatchNorm1d: NormalizationLayer {
    /// The scale of each feature, from 1 on; nil where not `affine`.
    public let weight: Parameter?
    /// The shift of each feature, from 0 on; nil where not `affine`.
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

    /// A layer for so many features.
    ///
    /// - Parameters:
    ///   - features: the size of the second axis.
    ///   - epsilon: ε, added to the variance under the root.
    ///   - momentum: the share of a new batch in the running statistics.
    ///   - affine: whether there are weight and bias.
    public init(_ features: Int, epsilon: Double = 1e-5, momentum: Double = 0.1, affine: Bool = true) {
        weight = affine ? Parameter(.ones([features])) : nil
        bias = affine ? Parameter(.zeros([features])) : nil
        runningMean = ModuleBuffer("running_mean", .zeros([features]))
        runningVariance = ModuleBuffer("running_var", .ones([features]))
        batchCount = ModuleBuffer("num_batches_tracked", .zeros([], dtype: .int64))
        (self.momentum, self.epsilon) = (momentum, epsilon)
    }

    /// The normalised input. Stops unless it has 2 or 3 axes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.rank == 2 || x.rank == 3 else { stop("BatchNorm1d: needs 2 or 3 axes, the shape is \(x.shape)") }
        return observed(x) { normalized($0, weight: weight?.value, bias: bias?.value) }
    }
}

/// Batch normalisation over images, a mean and a variance a channel.
///
///     y = (x - mean) / √(variance + ε) · weight + bias
///
/// ## Shapes
/// - `[batch, channels, height, width]` → the same
///
/// Source: S. Ioffe and C. Szegedy (2015), in the form of torch.nn.BatchNorm2d.
public final class BatchNorm2d: NormalizationLayer {
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

    /// The normalised input. Stops unless it has 4 axes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.rank == 4 else { stop("BatchNorm2d: needs 4 axes, the shape is \(x.shape)") }
        return observed(x) { normalized($0, weight: weight?.value, bias: bias?.value) }
    }
}

/// What the batch normalisations share.
public protocol NormalizationLayer: Layer, ModeDependent {
    /// The scale of each channel; nil for none.
    var weight: Parameter? { get }
    /// The shift of each channel; nil for none.
    var bias: Parameter? { get }
    /// The mean that evaluation uses, `[channels]`.
    var runningMean: ModuleBuffer { get }
    /// The variance that evaluation uses, `[channels]`.
    var runningVariance: ModuleBuffer { get }
    /// The batches normalised in training, int64 `[]`.
    var batchCount: ModuleBuffer { get }
    /// The share of a new batch in the running statistics.
    var momentum: Double { get }
    /// ε, added to the variance under the root.
    var epsilon: Double { get }
}

extension NormalizationLayer {
    /// The formula with any scale and shift, running statistics followed in training.
    package func normalized(_ x: Tensor, weight: Tensor?, bias: Tensor?) -> Tensor {
        let channels = runningMean.value.shape[0]
        guard x.shape[1] == channels else {
            stop("\(Self.self): has \(channels) channels, the input's shape is \(x.shape)")
        }
        let numbers = x.value.forStatistics.dtype
        let scale = weight ?? onNoDevice { Tensor.ones([channels], dtype: numbers) }
        let shift = bias ?? onNoDevice { Tensor.zeros([channels], dtype: numbers) }
        guard mode.isTraining else {
            let factor = scale.value * (runningVariance.value.value + epsilon).applying(.rsqrt)
            let offset = shift.value - runningMean.value.value * factor
            let rank = x.rank
            let result = x.value * factor.asChannels(rank: rank) + offset.asChannels(rank: rank)
            return Tensor(x.dtype.isFloatingPoint ? result.cast(to: x.dtype) : result)
        }
        let count = x.elementCount / channels
        guard count > 1 else {
            stop("\(Self.self): more than one value a channel is needed in training, the shape is \(x.shape)")
        }
        // What becomes running statistics is held by nobody until it is stored: no bound may cut in between.
        return Recording.uninterrupted {
            let results = Value.makeAll(
                .composite(CompositeCall(BatchNormTraining(epsilon: epsilon))), [x.value, scale.value, shift.value])
            withoutGradient { follow(mean: results[1].detached(), variance: results[2].detached(), count: count) }
            return Tensor(results[0])
        }
    }

    private func follow(mean: Value, variance: Value, count: Int) {
        let unbiased = variance * (Double(count) / Double(count - 1))
        let old = (runningMean.value.value, runningVariance.value.value)
        runningMean.value = Tensor(old.0 * (1 - momentum) + mean.cast(to: old.0.dtype) * momentum)
        runningVariance.value = Tensor(old.1 * (1 - momentum) + unbiased.cast(to: old.1.dtype) * momentum)
        // The library's own number, so that all layers' counts go up in one step of a plan.
        batchCount.value = Tensor(batchCount.value.value + Value.structural(1, dtype: .int64))
    }
}
