import MartletTensor

/// A block with a shortcut around it.
///
///     g(body(x) + shortcut(x))          with `.beforeAddition`          g(body(x)) + shortcut(x)
///
/// g is the activation, where there is one; the shortcut is x itself unless a layer is named, as where the shapes differ. The
/// first form is that of ResNet; the second, g(W·a + b) + a, is how residual connections are often introduced.
///
///     Residual(activation: ReLU()) {
///         Conv2d(64, 64, kernelSize: 3, padding: 1)
///         ReLU()
///         Conv2d(64, 64, kernelSize: 3, padding: 1)
///     }
///
/// Source: K. He et al., "Deep residual learning for image recognition" (2016).
public final class Residual: Layer {
    /// Where the activation stands.
    public enum ActivationPlace: String, Sendable, Codable { case afterAddition, beforeAddition }

    /// The block: `body` in state dictionaries.
    public let body: any Layer
    /// What is added in place of x: `shortcut` in state dictionaries; nil for x itself.
    public let shortcut: (any Layer)?
    /// g; nil for none.
    public let activation: (any Layer)?
    /// Where the activation stands.
    public let place: ActivationPlace

    /// A shortcut around one layer.
    public init(
        _ body: any Layer, shortcut: (any Layer)? = nil, activation: (any Layer)? = nil,
        _ place: ActivationPlace = .afterAddition
    ) {
        (self.body, self.shortcut, self.activation, self.place) = (body, shortcut, activation, place)
    }

    /// A shortcut around the layers of a block, which run one after the other.
    public convenience init(
        shortcut: (any Layer)? = nil, activation: (any Layer)? = nil, _ place: ActivationPlace = .afterAddition,
        @LayerBuilder _ body: () -> [any Layer]
    ) {
        self.init(Sequential(body()), shortcut: shortcut, activation: activation, place)
    }

    /// The block's output and the shortcut's added. Stops where their shapes do not broadcast together.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            let (y, passed) = (body(x), shortcut?(x) ?? x)
            guard let activation else { return y + passed }
            return place == .afterAddition ? activation(y + passed) : activation(y) + passed
        }
    }
}

/// Branches that all read the input, and whose outputs are added.
///
///     y = Σᵢ branchᵢ(x)
public final class Parallel: Layer {
    /// The branches, named by their position in state dictionaries.
    public let branches: [any Layer]

    /// Branches from a list.
    public init(_ branches: [any Layer]) {
        guard !branches.isEmpty else { stop("Parallel: at least one branch is expected") }
        self.branches = branches
    }
    /// Branches from a block, with loops and conditions.
    public convenience init(@LayerBuilder _ branches: () -> [any Layer]) { self.init(branches()) }

    /// Branches are named by their position.
    public var members: [(name: String, value: Any)] { branches.enumerated().map { ("\($0.offset)", $0.element) } }

    /// The sum of the branches' outputs.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in branches.dropFirst().reduce(branches[0](x)) { $0 + $1(x) } }
    }
}

/// Branches that all read the input, and whose outputs are put one after the other along an axis.
///
///     y = [branch₀(x), branch₁(x), ...]
///
/// With `Identity()` as its first branch it keeps what it reads, as the layers of a DenseNet do.
public final class Concatenate: Layer {
    /// The branches, named by their position in state dictionaries.
    public let branches: [any Layer]
    /// The axis along which outputs stand; negative ones count from the end.
    public let axis: Int

    /// Branches from a list.
    public init(axis: Int = 1, _ branches: [any Layer]) {
        guard !branches.isEmpty else { stop("Concatenate: at least one branch is expected") }
        (self.axis, self.branches) = (axis, branches)
    }
    /// Branches from a block, with loops and conditions.
    public convenience init(axis: Int = 1, @LayerBuilder _ branches: () -> [any Layer]) {
        self.init(axis: axis, branches())
    }

    /// Branches are named by their position.
    public var members: [(name: String, value: Any)] { branches.enumerated().map { ("\($0.offset)", $0.element) } }

    /// The branches' outputs one after the other. Stops where their shapes differ beside the axis.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in concatenated(branches.map { $0(x) }, axis: axis) }
    }
}
