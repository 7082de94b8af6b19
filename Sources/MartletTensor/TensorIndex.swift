import MartletGraph

/// What may stand between a tensor's brackets: positions, ranges, `.all`, `.ellipsis`, `.newAxis`, `.from(_:to:by:)`, and
/// tensors of positions or of truth values.
public protocol TensorIndex: Sendable {
    /// The index in its common form.
    var tensorSubscript: TensorSubscript { get }
}

/// The forms of an index.
public enum TensorSubscript: TensorIndex {
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

    public var tensorSubscript: TensorSubscript { self }
}

extension TensorIndex where Self == TensorSubscript {
    /// The whole axis.
    public static var all: TensorSubscript { .range(from: nil, to: nil, by: 1) }
    /// As many whole axes as the other indices leave.
    public static var ellipsis: TensorSubscript { .wholeAxes }
    /// A new axis of size 1.
    public static var newAxis: TensorSubscript { .insertedAxis }
    /// From a position up to another, which is left out, by a step. Negative positions count from the end.
    public static func from(_ start: Int? = nil, to end: Int? = nil, by step: Int = 1) -> TensorSubscript {
        .range(from: start, to: end, by: step)
    }
}

extension Int: TensorIndex { public var tensorSubscript: TensorSubscript { .position(self) } }
extension Range: TensorIndex where Bound == Int {
    public var tensorSubscript: TensorSubscript { .range(from: lowerBound, to: upperBound, by: 1) }
}
extension ClosedRange: TensorIndex where Bound == Int {
    public var tensorSubscript: TensorSubscript {
        .range(from: lowerBound, to: upperBound == -1 ? nil : upperBound + 1, by: 1)
    }
}
extension PartialRangeFrom: TensorIndex where Bound == Int {
    public var tensorSubscript: TensorSubscript { .range(from: lowerBound, to: nil, by: 1) }
}
extension PartialRangeUpTo: TensorIndex where Bound == Int {
    public var tensorSubscript: TensorSubscript { .range(from: nil, to: upperBound, by: 1) }
}
extension PartialRangeThrough: TensorIndex where Bound == Int {
    public var tensorSubscript: TensorSubscript {
        .range(from: nil, to: upperBound == -1 ? nil : upperBound + 1, by: 1)
    }
}
extension Tensor: TensorIndex { public var tensorSubscript: TensorSubscript { .tensor(self) } }

/// The indices of a subscript worked out for a shape: a slice of each axis, and what happens to the axes afterwards.
struct ResolvedSubscript {
    /// For each axis of the tensor: the lowest position, how many, and the distance between them.
    var starts: [Int] = []
    var sizes: [Int] = []
    var steps: [Int] = []
    /// Axes that are walked backwards.
    var flipped: [Int] = []
    /// Axes of size 1 that disappear.
    var dropped: [Int] = []
    /// The result's axes: an axis of the tensor, or nil for a new one.
    var layout: [Int?] = []
    /// The one tensor among the indices and the first axis it stands for.
    var picked: (axis: Int, tensor: Tensor)?

    init(_ indices: [any TensorIndex], of shape: Shape) {
        let given = indices.map(\.tensorSubscript)
        let named = given.reduce(0) { $0 + ResolvedSubscript.axes($1) }
        guard named <= shape.rank else {
            stop("subscript: \(named) axes are indexed, the shape \(shape) has \(shape.rank)")
        }
        var forms = given
        let ellipses = given.indices.filter { if case .wholeAxes = given[$0] { true } else { false } }
        guard ellipses.count <= 1 else { stop("subscript: .ellipsis stands \(ellipses.count) times; once is allowed") }
        let rest = Array(repeating: TensorSubscript.range(from: nil, to: nil, by: 1), count: shape.rank - named)
        if let at = ellipses.first { forms.replaceSubrange(at...at, with: rest) } else { forms += rest }
        for form in forms { add(form, shape) }
    }

    /// Axes that an index consumes.
    private static func axes(_ form: TensorSubscript) -> Int {
        switch form {
        case .position, .range: 1
        case .wholeAxes, .insertedAxis: 0
        case .tensor(let tensor): tensor.dtype == .bool ? tensor.rank : 1
        }
    }

    private mutating func add(_ form: TensorSubscript, _ shape: Shape) {
        let axis = starts.count
        switch form {
        case .insertedAxis: layout.append(nil)
        case .wholeAxes: break
        case .position(let given):
            let size = shape[axis]
            let position = given < 0 ? given + size : given
            guard (0..<size).contains(position) else {
                stop("subscript: position \(given) is out of range for axis \(axis) of shape \(shape)")
            }
            append(position, 1, 1)
            dropped.append(axis)
        case .range(let from, let to, let step): addRange(from, to, step, shape)
        case .tensor(let tensor):
            guard picked == nil else { stop("subscript: one tensor of positions or truth values is allowed, not two") }
            picked = (axis, tensor)
            for _ in 0..<ResolvedSubscript.axes(form) {
                layout.append(starts.count)
                append(0, shape[starts.count], 1)
            }
        }
    }

    private mutating func addRange(_ from: Int?, _ to: Int?, _ step: Int, _ shape: Shape) {
        let axis = starts.count
        let size = shape[axis]
        guard step != 0 else { stop("subscript: the step of axis \(axis) is 0") }
        func bounded(_ position: Int, _ low: Int, _ high: Int) -> Int {
            min(max(position < 0 ? position + size : position, low), high)
        }
        layout.append(axis)
        if step > 0 {
            let start = from.map { bounded($0, 0, size) } ?? 0
            let end = to.map { bounded($0, 0, size) } ?? size
            append(start, max(0, (end - start + step - 1) / step), step)
        } else {
            let start = from.map { bounded($0, -1, size - 1) } ?? size - 1
            let end = to.map { bounded($0, -1, size - 1) } ?? -1
            let count = max(0, (start - end - step - 1) / -step)
            append(count == 0 ? 0 : start + (count - 1) * step, count, -step)
            if count > 1 { flipped.append(axis) }
        }
    }

    private mutating func append(_ start: Int, _ size: Int, _ step: Int) {
        starts.append(size == 0 ? 0 : start)
        sizes.append(size)
        steps.append(size <= 1 ? 1 : step)
    }

    /// The shape of the slice after axes were dropped and added.
    func shape(_ sizes: [Int]) -> Shape { Shape(layout.map { $0.map { sizes[$0] } ?? 1 }) }
}
