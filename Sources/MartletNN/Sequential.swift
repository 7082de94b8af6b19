import MartletTensor

/// Layers one after the other.
///
///     Sequential {
///         Conv2d(1, 32, kernelSize: 3)
///         ReLU()
///         for _ in 0..<3 { Block(32) }
///     }
public final class Sequential: Layer {
    /// The layers, in the order they run.
    public let layers: [any Layer]

    /// Layers from a list.
    public init(_ layers: [any Layer]) { self.layers = layers }

    /// Layers from a block, with loops and conditions.
    public convenience init(@LayerBuilder _ layers: () -> [any Layer]) { self.init(layers()) }

    /// Layers are named by their position.
    public var members: [(name: String, value: Any)] { layers.enumerated().map { ("\($0.offset)", $0.element) } }

    /// The last layer's output, each layer having taken the one before's.
    public func callAsFunction(_ x: Tensor) -> Tensor { layers.reduce(x) { $1($0) } }

    /// The layer at a position, from 0.
    public subscript(_ index: Int) -> any Layer { layers[index] }
}

/// Collects the layers of a `Sequential`, with loops and conditions.
@resultBuilder
public enum LayerBuilder {
    /// A layer on a line of its own.
    public static func buildExpression(_ layer: any Layer) -> [any Layer] { [layer] }
    /// The layers of a block's lines, in order.
    public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap { $0 } }
    /// The layers of a loop's rounds, in order.
    public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap { $0 } }
    /// The layers of an `if` without `else`; none where its condition fails.
    public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
    /// The layers of the branch where the condition holds.
    public static func buildEither(first part: [any Layer]) -> [any Layer] { part }
    /// The layers of the branch where it does not.
    public static func buildEither(second part: [any Layer]) -> [any Layer] { part }
}
