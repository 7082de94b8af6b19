import MartletGraph
import MartletTensor

/// A row of a table for each index: y = W[x].
///
/// ## Shapes
/// - integer `[...]` → `[..., width]`; weight `[count, width]`
///
/// An index outside `0..<count` stops where it can be seen before the look-up.
public final class Embedding: Layer {
    /// The table, `[count, width]`.
    public let weight: Parameter

    /// Starts from N(0, 1), as PyTorch does, unless told otherwise.
    public init(_ count: Int, _ width: Int, initializer: Initializer = .normal()) {
        guard count > 0, width > 0 else {
            stop("Embedding(\(count), \(width)): a table of at least one row and column is expected")
        }
        weight = Parameter(initializer([count, width]))
    }

    /// The rows that x names. Stops where x is not of an integer type.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.dtype.isInteger else { stop("Embedding: indices are integers, not \(x.dtype)") }
        IndexCheck.check("Embedding", "index", x, below: weight.shape[0], ignoring: nil)
        return observed(x) { x in
            let rows = weight.value.indexSelect(axis: 0, indices: x.to(dtype: .int64).reshape([x.elementCount]))
            return rows.reshape(Shape(x.shape.sizes + [weight.shape[1]]))
        }
    }
}
