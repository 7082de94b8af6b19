import MartletGraph

/// The indices of a subscript worked out for a shape: a slice of each axis, what happens to the axes afterwards, and which
/// of them positions are picked from.
struct ResolvedSubscript {
    /// For each axis of the tensor: the lowest position, how many, and the distance between them.
    private(set) var starts: [Int] = []
    private(set) var sizes: [Int] = []
    private(set) var steps: [Int] = []
    /// Axes that are walked backwards.
    private(set) var flipped: [Int] = []
    /// The slice's axes: one of the tensor's, or nil for a new one.
    private(set) var layout: [Int?] = []
    /// Tensors of positions, and the axis of the slice that each picks from.
    private(set) var picks: [(place: Int, positions: Tensor)] = []
    private let shape: Shape

    /// Stops where the indices do not fit the shape. Masks are read, since how often they are true is a shape.
    init(_ indices: [any TensorIndex], of shape: Shape) {
        self.shape = shape
        for form in ResolvedSubscript.spelledOut(indices, of: shape) { add(form) }
    }

    /// The forms for every axis, `.ellipsis` and missing ones filled in.
    static func spelledOut(_ indices: [any TensorIndex], of shape: Shape) -> [TensorSubscript] {
        var forms = indices.map(\.tensorSubscript)
        let named = forms.reduce(0) { $0 + axisCount($1) }
        guard named <= shape.rank else {
            stop("subscript: \(named) axes are indexed, the shape \(shape) has \(shape.rank)")
        }
        let ellipses = forms.indices.filter { if case .wholeAxes = forms[$0] { true } else { false } }
        guard ellipses.count <= 1 else { stop("subscript: .ellipsis stands \(ellipses.count) times; once is allowed") }
        let rest = Array(repeating: TensorSubscript.range(from: nil, to: nil, by: 1), count: shape.rank - named)
        let place = ellipses.first ?? forms.endIndex
        forms.replaceSubrange(place..<(place + ellipses.count), with: rest)
        return forms
    }

    /// Axes that an index consumes.
    static func axisCount(_ form: TensorSubscript) -> Int {
        switch form {
        case .position, .range: 1
        case .wholeAxes, .insertedAxis: 0
        case .tensor(let tensor): tensor.dtype == .bool ? tensor.rank : 1
        }
    }

    private mutating func add(_ form: TensorSubscript) {
        let axis = starts.count
        switch form {
        case .wholeAxes: break
        case .insertedAxis: layout.append(nil)
        case .position(let given):
            let position = given < 0 ? given + shape[axis] : given
            guard position >= 0, position < shape[axis] else {
                stop("subscript: position \(given) is out of range for axis \(axis) of shape \(shape)")
            }
            append(position, 1, 1)
        case .range(let from, let to, let step): addRange(from, to, step)
        case .tensor(let tensor): addPicks(tensor)
        }
    }

    private mutating func addPicks(_ tensor: Tensor) {
        guard !tensor.dtype.isFloatingPoint else {
            stop("subscript: positions are integers or truth values, not \(tensor.dtype); use .to(dtype: .int64)")
        }
        let axis = starts.count
        var positions = [tensor]
        if tensor.dtype == .bool {
            guard tensor.rank > 0 else {
                stop("subscript: a mask needs at least one axis; use where(_:_:_:) with one number")
            }
            guard shape.sizes[axis..<(axis + tensor.rank)].elementsEqual(tensor.shape.sizes) else {
                stop("subscript: a mask of shape \(tensor.shape) does not fit shape \(shape) from axis \(axis) on")
            }
            positions = tensor.truePositions()
        }
        for (offset, positions) in positions.enumerated() {
            picks.append((layout.count, positions))
            layout.append(axis + offset)
            append(0, shape[axis + offset], 1)
        }
    }

    private mutating func addRange(_ from: Int?, _ to: Int?, _ step: Int) {
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
            append(start, end <= start ? 0 : (end - start - 1) / step + 1, step)
        } else {
            let start = from.map { bounded($0, -1, size - 1) } ?? size - 1
            let end = to.map { bounded($0, -1, size - 1) } ?? -1
            let count = start <= end ? 0 : (start - end - 1) / step.magnitude.clamped + 1
            append(count == 0 ? 0 : start - (count - 1) * step.magnitude.clamped, count, step.magnitude.clamped)
            if count > 1 { flipped.append(axis) }
        }
    }

    private mutating func append(_ start: Int, _ size: Int, _ step: Int) {
        starts.append(size == 0 ? 0 : start)
        sizes.append(size)
        steps.append(size <= 1 ? 1 : step)
    }

    /// True where the slice is the tensor itself, in its own order.
    var isWhole: Bool { sizes == shape.sizes && steps.allSatisfy { $0 == 1 } && flipped.isEmpty }

    /// The slice's shape after axes were dropped and added.
    var sliceShape: Shape { Shape(layout.map { $0.map { sizes[$0] } ?? 1 }) }
}

extension UInt {
    /// The number, or the largest Int where it is larger.
    fileprivate var clamped: Int { Int(clamping: self) }
}
