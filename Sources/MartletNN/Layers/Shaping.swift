import MartletGraph
import MartletTensor

/// Axes from `from` on made one: `[batch, ...]` → `[batch, product]`.
public final class Flatten: Layer {
    /// The first axis that is made one with those after it.
    public let from: Int
    /// Keeps the axes before `from`.
    public init(from: Int = 1) { self.from = from }
    /// x with its axes from `from` on made one.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { $0.flattened(from: from) } }
}

/// One axis as several: what undoes `Flatten`.
///
/// ## Shapes
/// - `[..., product of sizes, ...]` → `[..., sizes..., ...]`
public final class Unflatten: Layer {
    /// The axis that is divided; negative ones count from the end.
    public let axis: Int
    /// What it is divided into; one size may be -1, which is worked out.
    public let sizes: [Int]
    /// A layer that divides this axis.
    public init(axis: Int = 1, _ sizes: [Int]) { (self.axis, self.sizes) = (axis, sizes) }
    /// x with the axis divided. Stops where the sizes do not multiply to the axis' size.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            guard let axis = x.shape.axis(axis) else {
                stop("Unflatten(axis: \(axis), \(sizes)): no such axis in shape \(x.shape)")
            }
            var shape = x.shape.sizes
            shape.replaceSubrange(axis...axis, with: sizes)
            return x.reshape(Shape(shape))
        }
    }
}

/// The input as it is.
public final class Identity: Layer {
    /// A layer that changes nothing.
    public init() {}
    /// x.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { $0 } }
}

/// Any function as a layer.
public final class Lambda: Layer {
    private let function: @Sendable (Tensor) -> Tensor
    /// A layer of a function; it has no parameters that a module could find.
    public init(_ function: @escaping @Sendable (Tensor) -> Tensor) { self.function = function }
    /// What the function gives for x.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x, function) }
}
