import MartletGraph
import MartletTensor

/// The largest element of each square window.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels, ⌊(height + 2·padding - kernel) / stride⌋ + 1, ...]`
public final class MaxPool2d: Layer {
    /// The side of a window, in positions.
    public let kernelSize: Int
    /// Positions between neighbouring windows.
    public let stride: Int
    /// Positions added on each side of height and width, never the largest.
    public let padding: Int
    /// True where the output's size is rounded up instead of down, so that a last window may reach over the border.
    public let ceilMode: Bool

    /// The stride is the kernel's size unless named.
    public init(_ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false) {
        (self.kernelSize, self.stride, self.padding, self.ceilMode) = (
            kernelSize, stride ?? kernelSize, padding, ceilMode
        )
    }

    /// The largest element of each window.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { maxPool2d($0, kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode) }
    }
}

/// The average of each square window.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels, ⌊(height + 2·padding - kernel) / stride⌋ + 1, ...]`
public final class AvgPool2d: Layer {
    /// The side of a window, in positions.
    public let kernelSize: Int
    /// Positions between neighbouring windows.
    public let stride: Int
    /// Positions added on each side of height and width, zeros.
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
            avgPool2d(
                $0, kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode,
                countIncludePad: countIncludePad)
        }
    }
}

/// Averages over as many windows as the output has elements.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels, outputSize...]`
public final class AdaptiveAvgPool2d: Layer {
    /// The output's height and width.
    public let outputSize: [Int]
    /// As many windows along height as along width.
    public init(_ outputSize: Int) { self.outputSize = [outputSize, outputSize] }
    /// Windows along height and along width.
    public init(_ outputSize: [Int]) { self.outputSize = outputSize }

    /// The average of each window.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { adaptiveAvgPool2d($0, outputSize: outputSize) } }
}
