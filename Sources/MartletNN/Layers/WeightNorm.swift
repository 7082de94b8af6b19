import MartletGraph
import MartletTensor

/// Weight normalisation: a layer whose weight's direction and size are learnt apart.
///
///     W = g·V / ‖V‖          norms over all axes but one
///
///     let layer = WeightNorm(Linear(20, 40))
///
/// ## Shapes
/// - as the layer's; V like its weight, g of size 1 along every axis but `axis`
/// - `parametrizations.weight.original0` (g) and `parametrizations.weight.original1` (V), the names of
///   torch.nn.utils.parametrizations.weight_norm
///
/// Source: T. Salimans and D. Kingma, "Weight normalization" (2016).
public final class WeightNorm<Wrapped: ReweightableLayer>: Layer {
    /// The layer that is computed with W; V stands in the place of its weight.
    public let layer: Wrapped
    /// g: the norms of W.
    public let magnitude: Parameter
    /// The axis that has a norm for each position; nil for one norm of the whole.
    public let axis: Int?

    /// g starts from the norms of the layer's weight, so that W starts as it is.
    public init(_ layer: Wrapped, axis: Int? = 0) {
        guard axis.map({ layer.weight.shape.indices.contains($0) }) ?? true else {
            stop("WeightNorm(axis: \(axis ?? 0)): no such axis in the weight's shape \(layer.weight.shape)")
        }
        (self.layer, self.axis) = (layer, axis)
        magnitude = Parameter(withoutGradient { Self.norm(layer.weight.value, axis: axis) })
    }

    /// g, V and the bias, under PyTorch's names.
    public var members: [(name: String, value: Any)] {
        parametrized(
            layer,
            [("parametrizations.weight.original0", magnitude), ("parametrizations.weight.original1", layer.weight)])
    }

    /// The layer's output for x, with W.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            let direction = layer.weight.value
            return layer.output(x, weight: direction * (magnitude.value / Self.norm(direction, axis: axis)))
        }
    }

    private static func norm(_ weight: Tensor, axis: Int?) -> Tensor {
        guard let axis else { return weight.norm() }
        return weight.norm(axes: (0..<weight.rank).filter { $0 != axis }, keepingAxes: true)
    }
}

/// The layer's members, with others in the place of its weight.
func parametrized(
    _ layer: some ReweightableLayer, _ parts: [(name: String, value: Any)]
) -> [(name: String, value: Any)] {
    layer.members.filter { $0.name != "weight" } + parts
}
