import MartletGraph
import MartletTensor

// Pooling to a size that is named, whatever the input's.

/// The average of each of as many windows as the output has elements.
///
/// ## Shapes
/// - `[batch, channels, length]` → `[batch, channels, outputSize]`
public final class AdaptiveAvgPool1d: Layer {
    /// The output's length.
    public let outputSize: Int
    /// A layer with so many windows.
    public init(_ outputSize: Int) { self.outputSize = outputSize }

    /// The average of each window.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { adaptiveAvgPool1d($0, outputSize: outputSize) } }
}

/// The average of each of as many windows as the output has elements.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → `[batch, channels, outputSize...]`
public final class AdaptiveAvgPool3d: Layer {
    /// The output's depth, height and width.
    public let outputSize: [Int]
    /// As many windows along every axis.
    public init(_ outputSize: Int) { self.outputSize = Array(repeating: outputSize, count: 3) }
    /// Windows along depth, height and width.
    public init(_ outputSize: [Int]) { self.outputSize = outputSize }

    /// The average of each window.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { adaptiveAvgPool3d($0, outputSize: outputSize) } }
}

/// The largest element of each of as many windows as the output has elements.
///
/// ## Shapes
/// - `[batch, channels, length]` → `[batch, channels, outputSize]`
public final class AdaptiveMaxPool1d: Layer {
    /// The output's length.
    public let outputSize: Int
    /// A layer with so many windows.
    public init(_ outputSize: Int) { self.outputSize = outputSize }

    /// The largest element of each window.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { adaptiveMaxPool1d($0, outputSize: outputSize) } }
}

/// The largest element of each of as many windows as the output has elements.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels, outputSize...]`
public final class AdaptiveMaxPool2d: Layer {
    /// The output's height and width.
    public let outputSize: [Int]
    /// As many windows along every axis.
    public init(_ outputSize: Int) { self.outputSize = Array(repeating: outputSize, count: 2) }
    /// Windows along height and width.
    public init(_ outputSize: [Int]) { self.outputSize = outputSize }

    /// The largest element of each window.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { adaptiveMaxPool2d($0, outputSize: outputSize) } }
}

/// The largest element of each of as many windows as the output has elements.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → `[batch, channels, outputSize...]`
public final class AdaptiveMaxPool3d: Layer {
    /// The output's depth, height and width.
    public let outputSize: [Int]
    /// As many windows along every axis.
    public init(_ outputSize: Int) { self.outputSize = Array(repeating: outputSize, count: 3) }
    /// Windows along depth, height and width.
    public init(_ outputSize: [Int]) { self.outputSize = outputSize }

    /// The largest element of each window.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { adaptiveMaxPool3d($0, outputSize: outputSize) } }
}

/// The average of each channel.
///
/// ## Shapes
/// - `[batch, channels, spatial...]` → `[batch, channels]`, or with ones for the spatial axes where `keepingAxes`
public final class GlobalAvgPool: Layer {
    /// Whether spatial axes of size 1 stay.
    public let keepingAxes: Bool
    /// A layer without parameters.
    public init(keepingAxes: Bool = false) { self.keepingAxes = keepingAxes }

    /// The average of each channel. Stops where x has no spatial axes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.rank >= 3 else { stop("GlobalAvgPool: needs at least 3 axes, the shape is \(x.shape)") }
        return observed(x) { $0.mean(axes: Array(2..<$0.rank), keepingAxes: keepingAxes) }
    }
}

/// The largest element of each channel.
///
/// ## Shapes
/// - `[batch, channels, spatial...]` → `[batch, channels]`, or with ones for the spatial axes where `keepingAxes`
public final class GlobalMaxPool: Layer {
    /// Whether spatial axes of size 1 stay.
    public let keepingAxes: Bool
    /// A layer without parameters.
    public init(keepingAxes: Bool = false) { self.keepingAxes = keepingAxes }

    /// The largest element of each channel. Stops where x has no spatial axes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.rank >= 3 else { stop("GlobalMaxPool: needs at least 3 axes, the shape is \(x.shape)") }
        return observed(x) { $0.max(axes: Array(2..<$0.rank), keepingAxes: keepingAxes) }
    }
}
