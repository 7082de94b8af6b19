import MartletGraph
import MartletTensor

/// The largest element of each square window.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels, ⌊(height + 2·padding - kernel) / stride⌋ + 1, ...]`
public final class MaxPool2d: Layer {
    public let kernelSize: Int
    public let stride: Int
    public let padding: Int
    public let ceilMode: Bool

    /// The stride is the kernel's size unless named.
    public init(_ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false) {
        (self.kernelSize, self.stride, self.padding, self.ceilMode) = (
            kernelSize, stride ?? kernelSize, padding, ceilMode
        )
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { maxPool2d($0, kernelSize: kernelSize, stride: stride, padding: padding, ceilMode: ceilMode) }
    }
}

/// The average of each square window.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels, ⌊(height + 2·padding - kernel) / stride⌋ + 1, ...]`
public final class AvgPool2d: Layer {
    public let kernelSize: Int
    public let stride: Int
    public let padding: Int
    public let ceilMode: Bool
    public let countIncludePad: Bool

    public init(
        _ kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false, countIncludePad: Bool = true
    ) {
        (self.kernelSize, self.stride, self.padding) = (kernelSize, stride ?? kernelSize, padding)
        (self.ceilMode, self.countIncludePad) = (ceilMode, countIncludePad)
    }

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
    public let outputSize: [Int]
    public init(_ outputSize: Int) { self.outputSize = [outputSize, outputSize] }
    public init(_ outputSize: [Int]) { self.outputSize = outputSize }

    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { adaptiveAvgPool2d($0, outputSize: outputSize) } }
}
