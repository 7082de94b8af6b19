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
