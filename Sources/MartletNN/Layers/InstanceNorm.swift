import MartletTensor

/// Instance normalisation over sequences: each channel of each example by its own mean and variance.
///
///     y = (x - mean) / √(variance + ε) · weight + bias
///
/// ## Shapes
/// - `[batch, channels, length]` → the same; weight and bias `[channels]`
///
/// Source: D. Ulyanov et al., "Instance normalization" (2016), in the form of torch.nn.InstanceNorm1d.
public final class InstanceNorm1d: InstanceNormalizationLayer {
    /// 1.
    public static var spatialAxes: Int { 1 }
    /// The size of the second axis.
    public let channels: Int
    /// The scale of each channel, from 1 on; nil where not `affine`.
    public let weight: Parameter?
    /// The shift of each channel, from 0 on; nil where not `affine`.
    public let bias: Parameter?
    /// Statistics that evaluation uses; nil for each example's own.
    public let running: InstanceStatistics?
    /// Training or evaluation, as `train()` and `eval()` set it: only running statistics ask.
    public let mode = ModeSwitch()
    /// The share of a new batch in the running statistics.
    public let momentum: Double
    /// ε, added to the variance under the root.
    public let epsilon: Double

    /// Without parameters or running statistics unless asked for, as in PyTorch.
    public init(
        _ channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1, affine: Bool = false,
        tracksRunningStatistics: Bool = false
    ) {
        weight = affine ? Parameter(.ones([channels])) : nil
        bias = affine ? Parameter(.zeros([channels])) : nil
        running = tracksRunningStatistics ? InstanceStatistics(channels) : nil
        (self.channels, self.momentum, self.epsilon) = (channels, momentum, epsilon)
    }
}

/// Instance normalisation over images: each channel of each example by its own mean and variance.
///
///     y = (x - mean) / √(variance + ε) · weight + bias
///
/// ## Shapes
/// - `[batch, channels, height, width]` → the same; weight and bias `[channels]`
///
/// Source: D. Ulyanov et al., "Instance normalization" (2016), in the form of torch.nn.InstanceNorm2d.
public final class InstanceNorm2d: InstanceNormalizationLayer {
    /// 2.
    public static var spatialAxes: Int { 2 }
    /// The size of the second axis.
    public let channels: Int
    /// The scale of each channel, from 1 on; nil where not `affine`.
    public let weight: Parameter?
    /// The shift of each channel, from 0 on; nil where not `affine`.
    public let bias: Parameter?
    /// Statistics that evaluation uses; nil for each example's own.
    public let running: InstanceStatistics?
    /// Training or evaluation, as `train()` and `eval()` set it: only running statistics ask.
    public let mode = ModeSwitch()
    /// The share of a new batch in the running statistics.
    public let momentum: Double
    /// ε, added to the variance under the root.
    public let epsilon: Double

    /// Without parameters or running statistics unless asked for, as in PyTorch.
    public init(
        _ channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1, affine: Bool = false,
        tracksRunningStatistics: Bool = false
    ) {
        weight = affine ? Parameter(.ones([channels])) : nil
        bias = affine ? Parameter(.zeros([channels])) : nil
        running = tracksRunningStatistics ? InstanceStatistics(channels) : nil
        (self.channels, self.momentum, self.epsilon) = (channels, momentum, epsilon)
    }
}

/// Instance normalisation over volumes: each channel of each example by its own mean and variance.
///
///     y = (x - mean) / √(variance + ε) · weight + bias
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → the same; weight and bias `[channels]`
///
/// Source: D. Ulyanov et al., "Instance normalization" (2016), in the form of torch.nn.InstanceNorm3d.
public final class InstanceNorm3d: InstanceNormalizationLayer {
    /// 3.
    public static var spatialAxes: Int { 3 }
    /// The size of the second axis.
    public let channels: Int
    /// The scale of each channel, from 1 on; nil where not `affine`.
    public let weight: Parameter?
    /// The shift of each channel, from 0 on; nil where not `affine`.
    public let bias: Parameter?
    /// Statistics that evaluation uses; nil for each example's own.
    public let running: InstanceStatistics?
    /// Training or evaluation, as `train()` and `eval()` set it: only running statistics ask.
    public let mode = ModeSwitch()
    /// The share of a new batch in the running statistics.
    public let momentum: Double
    /// ε, added to the variance under the root.
    public let epsilon: Double

    /// Without parameters or running statistics unless asked for, as in PyTorch.
    public init(
        _ channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1, affine: Bool = false,
        tracksRunningStatistics: Bool = false
    ) {
        weight = affine ? Parameter(.ones([channels])) : nil
        bias = affine ? Parameter(.zeros([channels])) : nil
        running = tracksRunningStatistics ? InstanceStatistics(channels) : nil
        (self.channels, self.momentum, self.epsilon) = (channels, momentum, epsilon)
    }
}
