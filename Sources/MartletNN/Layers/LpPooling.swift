import MartletTensor

/// (Σ xᵖ)^(1/p) over each window of one axis.
///
/// ## Shapes
/// - `[batch, channels, length]` → `[batch, channels, ⌊(length - kernel) / stride⌋ + 1]`
public final class LpPool1d: Layer {
    /// p: 1 gives sums, a large one nearly maxima.
    public let power: Double
    /// The length of a window, in positions.
    public let kernelSize: Int
    /// Positions between neighbouring windows.
    public let stride: Int
    /// True where the output's size is rounded up instead of down, so that a last window may reach over the border.
    public let ceilMode: Bool

    /// The stride is the kernel's size unless named.
    public init(power: Double, _ kernelSize: Int, stride: Int? = nil, ceilMode: Bool = false) {
        guard power > 0 else { stop("LpPool1d: the power is \(power); a positive one is expected") }
        (self.power, self.kernelSize) = (power, kernelSize)
        (self.stride, self.ceilMode) = (stride ?? kernelSize, ceilMode)
    }

    /// (Σ xᵖ)^(1/p) over each window.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { lpPool1d($0, power: power, kernelSize: kernelSize, stride: stride, ceilMode: ceilMode) }
    }
}

/// (Σ xᵖ)^(1/p) over each square window.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels, ⌊(height - kernel) / stride⌋ + 1, ...]`
public final class LpPool2d: Layer {
    /// p: 1 gives sums, a large one nearly maxima.
    public let power: Double
    /// The side of a window, in positions.
    public let kernelSize: Int
    /// Positions between neighbouring windows.
    public let stride: Int
    /// True where the output's size is rounded up instead of down, so that a last window may reach over the border.
    public let ceilMode: Bool

    /// The stride is the kernel's size unless named.
    public init(power: Double, _ kernelSize: Int, stride: Int? = nil, ceilMode: Bool = false) {
        guard power > 0 else { stop("LpPool2d: the power is \(power); a positive one is expected") }
        (self.power, self.kernelSize) = (power, kernelSize)
        (self.stride, self.ceilMode) = (stride ?? kernelSize, ceilMode)
    }

    /// (Σ xᵖ)^(1/p) over each window.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { lpPool2d($0, power: power, kernelSize: kernelSize, stride: stride, ceilMode: ceilMode) }
    }
}

/// (Σ xᵖ)^(1/p) over each cubic window.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → `[batch, channels, ⌊(depth - kernel) / stride⌋ + 1, ...]`
public final class LpPool3d: Layer {
    /// p: 1 gives sums, a large one nearly maxima.
    public let power: Double
    /// The side of a window, in positions.
    public let kernelSize: Int
    /// Positions between neighbouring windows.
    public let stride: Int
    /// True where the output's size is rounded up instead of down, so that a last window may reach over the border.
    public let ceilMode: Bool

    /// The stride is the kernel's size unless named.
    public init(power: Double, _ kernelSize: Int, stride: Int? = nil, ceilMode: Bool = false) {
        guard power > 0 else { stop("LpPool3d: the power is \(power); a positive one is expected") }
        (self.power, self.kernelSize) = (power, kernelSize)
        (self.stride, self.ceilMode) = (stride ?? kernelSize, ceilMode)
    }

    /// (Σ xᵖ)^(1/p) over each window.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { lpPool3d($0, power: power, kernelSize: kernelSize, stride: stride, ceilMode: ceilMode) }
    }
}
