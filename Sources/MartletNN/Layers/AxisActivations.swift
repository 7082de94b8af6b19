import MartletTensor

// Activations along an axis, as layers.

/// e^xᵢ / Σ e^xⱼ along an axis.
public final class Softmax: Layer {
    /// The axis whose elements add up to 1; negative ones count from the end.
    public let axis: Int
    /// A layer along this axis.
    public init(axis: Int = -1) { self.axis = axis }
    /// e^xᵢ / Σ e^xⱼ along the axis.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { softmax($0, axis: axis) } }
}

/// xᵢ - ln Σ e^xⱼ along an axis.
public final class LogSoftmax: Layer {
    /// The axis of the sum; negative ones count from the end.
    public let axis: Int
    /// A layer along this axis.
    public init(axis: Int = -1) { self.axis = axis }
    /// xᵢ - ln Σ e^xⱼ along the axis.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { logSoftmax($0, axis: axis) } }
}

/// a·σ(b), a and b the two halves of an axis.
///
/// ## Shapes
/// - `[..., 2·n, ...]` → `[..., n, ...]`
public final class GLU: Layer {
    /// The axis that is halved; negative ones count from the end.
    public let axis: Int
    /// A layer along this axis.
    public init(axis: Int = -1) { self.axis = axis }
    /// a·σ(b). Stops where the axis has an odd size.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { glu($0, axis: axis) } }
}
