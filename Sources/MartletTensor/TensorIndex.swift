import MartletGraph

/// What may stand between a tensor's brackets: positions, ranges, `.all`, `.ellipsis`, `.newAxis`, `.from(_:to:by:)`, and
/// tensors or arrays of positions or of truth values.
public protocol TensorIndex {
    /// The index in its common form.
    var tensorSubscript: TensorSubscript { get }
}

/// The forms of an index.
public enum TensorSubscript: TensorIndex, Sendable {
    /// One position, counted from the end where negative; the axis disappears.
    case position(Int)
    /// From a position up to another, which is left out, by a step that may be negative; nil is the axis' end.
    case range(from: Int?, to: Int?, by: Int)
    /// As many whole axes as the other indices leave.
    case wholeAxes
    /// A new axis of size 1.
    case insertedAxis
    /// Positions (integers) along an axis, or truth values over as many axes as the tensor has.
    case tensor(Tensor)

    /// Itself.
    public var tensorSubscript: TensorSubscript { self }
}

extension TensorIndex where Self == TensorSubscript {
    /// The whole axis.
    public static var all: TensorSubscript { .range(from: nil, to: nil, by: 1) }
    /// As many whole axes as the other indices leave.
    public static var ellipsis: TensorSubscript { .wholeAxes }
    /// A new axis of size 1.
    public static var newAxis: TensorSubscript { .insertedAxis }
    /// From a position up to another, which is left out, by a step. Negative positions count from the end; nil is the
    /// axis' own end, on the side where the step begins or leads to. What lies beyond the axis is cut off.
    public static func from(_ start: Int? = nil, to end: Int? = nil, by step: Int = 1) -> TensorSubscript {
        .range(from: start, to: end, by: step)
    }
}

extension Int: TensorIndex {
    /// The position itself, from the end where negative.
    public var tensorSubscript: TensorSubscript { .position(self) }
}

extension Range: TensorIndex where Bound == Int {
    /// From the lower bound up to the upper one, which is left out.
    public var tensorSubscript: TensorSubscript { .range(from: lowerBound, to: upperBound, by: 1) }
}

extension ClosedRange: TensorIndex where Bound == Int {
    /// From the lower bound through the upper one; through -1 goes to the axis' end.
    public var tensorSubscript: TensorSubscript { .range(from: lowerBound, to: end(through: upperBound), by: 1) }
}

extension PartialRangeFrom: TensorIndex where Bound == Int {
    /// From the lower bound to the axis' end.
    public var tensorSubscript: TensorSubscript { .range(from: lowerBound, to: nil, by: 1) }
}

extension PartialRangeUpTo: TensorIndex where Bound == Int {
    /// From the axis' start up to the bound, which is left out.
    public var tensorSubscript: TensorSubscript { .range(from: nil, to: upperBound, by: 1) }
}

extension PartialRangeThrough: TensorIndex where Bound == Int {
    /// From the axis' start through the bound; through -1 is the whole axis.
    public var tensorSubscript: TensorSubscript { .range(from: nil, to: end(through: upperBound), by: 1) }
}

/// The position after the last one of a closed range; after -1, the last of all, comes the axis' end and not position 0.
private func end(through last: Int) -> Int? { last == -1 ? nil : last + 1 }

extension Tensor: TensorIndex {
    /// Positions or truth values, by the tensor's type.
    public var tensorSubscript: TensorSubscript { .tensor(self) }
}

extension Array: TensorIndex where Element: TensorScalar {
    /// Positions or truth values, by the elements' type.
    public var tensorSubscript: TensorSubscript { .tensor(Tensor(self)) }
}
