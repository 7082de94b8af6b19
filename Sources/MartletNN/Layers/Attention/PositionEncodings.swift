import MartletGraph
import MartletTensor

/// Adds waves of rising length to a sequence, so that attention can tell its positions apart.
///
///     y[p, 2i] = x[p, 2i] + sin(p / 10000^(2i/width))          y[p, 2i + 1] = x[p, 2i + 1] + cos(p / 10000^(2i/width))
///
/// ## Shapes
/// - `[batch, positions, width]` with `batchFirst`, else `[positions, batch, width]` → the same
///
/// Source: A. Vaswani et al., "Attention is all you need" (2017).
public final class SinusoidalPositions: Layer {
    /// The features of a position.
    public let width: Int
    /// Whether inputs are `[batch, positions, width]` and not `[positions, batch, width]`.
    public let batchFirst: Bool

    /// A layer without parameters for positions of so many features.
    public init(_ width: Int, batchFirst: Bool = false) {
        guard width > 0 else { stop("SinusoidalPositions(\(width)): a positive width is expected") }
        (self.width, self.batchFirst) = (width, batchFirst)
    }

    /// x with the waves added. Stops where it has another width.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            let positions = positionCount(x, width, batchFirst, "SinusoidalPositions")
            let position = Value.iota([positions, 1], axis: 0).cast(to: .float64)
            let feature = Value.iota([1, width], axis: 1)
            let pair = Value.binary(.floorDivide, feature, feature.constant(2))
            // In float64, or angles of far positions lose their digits.
            let rate = (pair.cast(to: .float64) * (-2 * 9.210340371976182736 / Double(width))).applying(.exp)
            let angle = position * rate
            let isEven = (feature - pair * 2) .== feature.constant(0)
            let waves = Value.choose(isEven, angle.applying(.sin), angle.applying(.cos)).cast(to: x.dtype)
            return x + Tensor(batchFirst ? waves : waves.insertingAxis(1))
        }
    }
}

/// Adds a learnt vector to each position of a sequence.
///
///     y[p] = x[p] + weight[p]
///
/// ## Shapes
/// - `[batch, positions, width]` with `batchFirst`, else `[positions, batch, width]` → the same; weight `[count, width]`
///
/// Source: J. Gehring et al., "Convolutional sequence to sequence learning" (2017).
public final class LearnedPositions: Layer {
    /// A vector for each position, `[count, width]`.
    public let weight: Parameter
    /// Whether inputs are `[batch, positions, width]` and not `[positions, batch, width]`.
    public let batchFirst: Bool

    /// For up to `count` positions; starts from N(0, 0.02²) unless told otherwise.
    public init(
        _ count: Int, _ width: Int, batchFirst: Bool = false,
        initializer: Initializer = .normal(standardDeviation: 0.02)
    ) {
        guard count > 0, width > 0 else {
            stop("LearnedPositions(\(count), \(width)): a table of at least one row and column is expected")
        }
        weight = Parameter(initializer([count, width]))
        self.batchFirst = batchFirst
    }

    /// x with the vectors added. Stops where it has more positions than there are vectors, or another width.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            let positions = positionCount(x, weight.shape[1], batchFirst, "LearnedPositions")
            guard positions <= weight.shape[0] else {
                stop("LearnedPositions: has vectors for \(weight.shape[0]) positions, the input's shape is \(x.shape)")
            }
            let rows = weight.value.narrow(axis: 0, start: 0, count: positions)
            return x + (batchFirst ? rows : rows.unsqueeze(axis: 1))
        }
    }
}

private func positionCount(_ x: Tensor, _ width: Int, _ batchFirst: Bool, _ name: String) -> Int {
    guard x.rank == 3, x.shape[2] == width else {
        stop(
            "\(name): an input [\(batchFirst ? "batch, positions" : "positions, batch"), \(width)] is expected, not \(x.shape)"
        )
    }
    return x.shape[batchFirst ? 1 : 0]
}
