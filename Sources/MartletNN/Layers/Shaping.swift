import MartletTensor

/// Axes from `from` on made one: `[batch, ...]` → `[batch, product]`.
public final class Flatten: Layer {
    public let from: Int
    public init(from: Int = 1) { self.from = from }
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { $0.flattened(from: from) } }
}

/// The input as it is.
public final class Identity: Layer {
    public init() {}
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { $0 } }
}

/// Any function as a layer.
public final class Lambda: Layer {
    private let function: @Sendable (Tensor) -> Tensor
    public init(_ function: @escaping @Sendable (Tensor) -> Tensor) { self.function = function }
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x, function) }
}
