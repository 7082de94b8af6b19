import MartletTensor

// Pooling over one axis and over three; over images it is in Pooling.swift.

/// The largest element of each window of one axis.
///
/// ## Shapes
/// - `[batch, channels, length]` → `[batch, channels, ⌊(length + 2·padding - kernel) / stride⌋ + 1]`
public final class MaxPool1d: Layer {
    /// The length of a window, in positions.
    public let kernelSize: Int
    /// Positions between neighbouring windows.
    public let stride: Int
    /// Positions added on each side of each spatial axis, never the largest.
    public let padding: Int
    /// True where the output's size is rounded up instead of down, so that a last window may reach over the border.
    public let ceilMode: Bool

    /// The stride is the kernel's size unless named.
    public init(
        _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false
    ) {
        (self.kernelSize, self.stride, self.padding) = (kernelSize, stride ?? kernelSize, padding)
        self.ceilMode = ceilMode
    }

    /// The largest element of each window.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) {
            maxPool1d($0, kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode)
        }
    }
}

/// The average of each window of one axis.
///
/// ## Shapes
/// - `[batch, channels, length]` → `[batch, channels, ⌊(length + 2·padding - kernel) / stride⌋ + 1]`
public final class AvgPool1d: Layer {
    /// The length of a window, in positions.
    public let kernelSize: Int
    /// Positions between neighbouring windows.
    public let stride: Int
    /// Positions added on each side of each spatial axis, zeros.
    public let padding: Int
    /// True where the output's size is rounded up instead of down, so that a last window may reach over the border.
    public let ceilMode: Bool
    /// True where the padding's zeros count in the average.
    public let countIncludePad: Bool

    /// The stride is the kernel's size unless named.
    public init(
        _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false, countIncludePad: Bool = true
    ) {
        (self.kernelSize, self.stride, self.padding) = (kernelSize, stride ?? kernelSize, padding)
        (self.ceilMode, self.countIncludePad) = (ceilMode, countIncludePad)
    }

    /// The average of each window.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) {
            avgPool1d(
                $0, kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode,
                countIncludePad: countIncludePad)
        }
    }
}

/// The largest element of each cubic window.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → `[batch, channels, ⌊(depth + 2·padding - kernel) / stride⌋ + 1, ...]`
public final class MaxPool3d: Layer {
    /// The side of a window, in positions.
    public let kernelSize: Int
    /// Positions between neighbouring windows.
    public let stride: Int
    /// Positions added on each side of each spatial axis, never the largest.
    public let padding: Int
    /// True where the output's size is rounded up instead of down, so that a last window may reach over the border.
    public let ceilMode: Bool

    /// The stride is the kernel's size unless named.
    public init(
        _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false
    ) {
        (self.kernelSize, self.stride, self.padding) = (kernelSize, stride ?? kernelSize, padding)
        self.ceilMode = ceilMode
    }

    /// The largest element of each window.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) {
            maxPool3d($0, kernelSize: [kernelSize], stride: [stride], padding: [padding], ceilMode: ceilMode)
        }
    }
}

/// The average of each cubic window.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → `[batch, channels, ⌊(depth + 2·padding - kernel) / stride⌋ + 1, ...]`
public final class AvgPool3d: Layer {
    /// The side of a window, in positions.
    public let kernelSize: Int
    /// Positions between neighbouring windows.
    public let stride: Int
    /// Positions added on each side of each spatial axis, zeros.
    public let padding: Int
    /// True where the output's size is rounded up instead of down, so that a last window may reach over the border.
    public let ceilMode: Bool
    /// True where the padding's zeros count in the average.
    public let countIncludePad: Bool

    /// The stride is the kernel's size unless named.
    public init(
        _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false, countIncludePad: Bool = true
    ) {
        (self.kernelSize, self.stride, self.padding) = (kernelSize, stride ?? kernelSize, padding)
        (self.ceilMode, self.countIncludePad) = (ceilMode, countIncludePad)
    }

    /// The average of each window.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) {
            avgPool3d(
                $0, kernelSize: [kernelSize], stride: [stride], padding: [padding], ceilMode: ceilMode,
                countIncludePad: countIncludePad)
        }
    }
}
