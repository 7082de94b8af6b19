import MartletGraph
import MartletTensor

/// What the instance normalisations share.
public protocol InstanceNormalizationLayer: Layer, ModeDependent {
    /// Spatial axes of an input.
    static var spatialAxes: Int { get }
    /// The size of the second axis.
    var channels: Int { get }
    /// The scale of each channel, `[channels]`; nil where not `affine`.
    var weight: Parameter? { get }
    /// The shift of each channel, `[channels]`; nil where not `affine`.
    var bias: Parameter? { get }
    /// Statistics that evaluation uses; nil where each example is normalised by its own in evaluation too.
    var running: InstanceStatistics? { get }
    /// The share of a new batch in the running statistics.
    var momentum: Double { get }
    /// ε, added to the variance under the root.
    var epsilon: Double { get }
}

/// Running statistics of an instance normalisation: means over examples of their means and unbiased variances.
public final class InstanceStatistics: Sendable {
    /// The running mean, `[channels]`, from 0 on: `running_mean`.
    public let mean: ModuleBuffer
    /// The running variance, `[channels]`, from 1 on: `running_var`.
    public let variance: ModuleBuffer
    /// int64 `[]`, 0: `num_batches_tracked`, which PyTorch's instance normalisations have and never count up.
    public let batchCount: ModuleBuffer

    /// Statistics of so many channels.
    public init(_ channels: Int) {
        mean = ModuleBuffer("running_mean", .zeros([channels]))
        variance = ModuleBuffer("running_var", .ones([channels]))
        batchCount = ModuleBuffer("num_batches_tracked", .zeros([], dtype: .int64))
    }

    var members: [(name: String, value: Any)] {
        [("running_mean", mean), ("running_var", variance), ("num_batches_tracked", batchCount)]
    }

    /// Moves towards a batch's statistics, `[batch, channels, 1]`.
    func follow(mean new: Tensor, variance unbiased: Tensor, momentum: Double) {
        withoutGradient {
            func moved(_ old: Tensor, _ new: Tensor) -> Tensor {
                old * (1 - momentum) + new.detached().mean(axes: [0, 2]).to(dtype: old.dtype) * momentum
            }
            mean.value = moved(mean.value, new)
            variance.value = moved(variance.value, unbiased)
        }
    }
}

extension InstanceNormalizationLayer {
    /// Weight, bias and running statistics, those that there are, under PyTorch's names.
    public var members: [(name: String, value: Any)] {
        let parameters: [(name: String, value: Parameter?)] = [("weight", weight), ("bias", bias)]
        return parameters.compactMap { entry in entry.value.map { (entry.name, $0) } } + (running?.members ?? [])
    }

    /// The normalised input. Stops where it has other axes or another number of channels.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.rank == Self.spatialAxes + 2, x.shape[1] == channels, x.elementCount > 0 else {
            stop(
                "\(Self.self): needs \(Self.spatialAxes + 2) axes, \(channels) channels second, the shape is \(x.shape)"
            )
        }
        return observed(x) { input in
            let x = Tensor(input.value.forStatistics).flattened(from: 2)
            var result = scaled(x).reshape(input.shape)
            if let weight { result = result * Tensor(weight.value.value.asChannels(rank: input.rank)) }
            if let bias { result = result + Tensor(bias.value.value.asChannels(rank: input.rank)) }
            return narrowed(result, as: input)
        }
    }

    /// (x - mean) / √(variance + ε) over `[batch, channels, positions]`.
    private func scaled(_ x: Tensor) -> Tensor {
        if let running, !mode.isTraining {
            let (mean, variance) = (running.mean.value.unsqueeze(axis: 1), running.variance.value.unsqueeze(axis: 1))
            return (x - mean) * (variance + epsilon).rsqrt()
        }
        let count = x.shape[2]
        guard count > 1 else {
            stop("\(Self.self): more than one position is needed, the shape is \(x.shape)")
        }
        let mean = x.mean(axis: 2, keepingAxes: true)
        let centred = x - mean
        let variance = centred.square().mean(axis: 2, keepingAxes: true)
        running?.follow(mean: mean, variance: variance * (Double(count) / Double(count - 1)), momentum: momentum)
        return centred * (variance + epsilon).rsqrt()
    }
}
