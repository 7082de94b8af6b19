import MartletGraph
import MartletTensor

/// A row of a table for each index: y = W[x].
///
/// ## Shapes
/// - integer `[...]` → `[..., width]`; weight `[count, width]`
///
/// Where there is a padding index its row starts from 0 and gets no gradient.
///
/// An index outside `0..<count` stops where it can be seen before the look-up.
public final class Embedding: Layer {
    /// The table, `[count, width]`.
    public let weight: Parameter
    /// The index that stands for padding; nil for none.
    public let paddingIndex: Int?

    /// Starts from N(0, 1), as PyTorch does, unless told otherwise.
    public init(_ count: Int, _ width: Int, paddingIndex: Int? = nil, initializer: Initializer = .normal()) {
        guard count > 0, width > 0 else {
            stop("Embedding(\(count), \(width)): a table of at least one row and column is expected")
        }
        guard paddingIndex.map({ (0..<count).contains($0) }) ?? true else {
            stop("Embedding(\(count), \(width)): the padding index \(paddingIndex ?? 0) is outside 0..<\(count)")
        }
        let table = initializer([count, width])
        weight = Parameter(
            paddingIndex.map {
                `where`((Tensor.arange(count) .!= $0).unsqueeze(axis: 1), table, Tensor.zeros(like: table))
            }
                ?? table)
        self.paddingIndex = paddingIndex
    }

    /// The rows that x names. Stops where x is not of an integer type.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.dtype.isInteger else { stop("Embedding: indices are integers, not \(x.dtype)") }
        IndexCheck.check("Embedding", "index", x, below: weight.shape[0], ignoring: nil)
        return observed(x) { x in
            let rows = weight.value.indexSelect(axis: 0, indices: x.to(dtype: .int64).reshape([x.elementCount]))
            let picked = rows.reshape(Shape(x.shape.sizes + [weight.shape[1]]))
            guard let paddingIndex else { return picked }
            return `where`((x .!= paddingIndex).unsqueeze(axis: x.rank), picked, picked.detached())
        }
    }
}
