import MartletGraph

// Elements by position. Positions are integers; those outside the axis stop when the operation runs.

extension Tensor {
    private func resolved(_ axis: Int, _ operation: String) throws(ShapeError) -> Int {
        try shape.resolved(axes: [axis], operation: operation)[0]
    }

    /// Elements by position along an axis: result[i, j, ...] = self[indices[i, j, ...], j, ...] for axis 0, and so on.
    ///
    /// ## Shapes
    /// - indices: this tensor's rank, beside `axis` no larger than this tensor → the indices'
    public func gather(axis: Int, indices: Tensor) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let axis = try resolved(axis, "gather")
            let reached = try reached(by: indices, axis, "gather")
            let source = value.sliced(starts: reached.map { _ in 0 }, sizes: reached)
            return try Value.record(.gather(Gather(axis)), [source, indices.value.cast(to: .int64)])[0]
        }
    }

    /// A copy with `updates` written at `indices` along an axis, as `gather` reads them; of several writes to one place the
    /// last one counts.
    ///
    /// ## Shapes
    /// - indices: this tensor's rank, beside `axis` no larger than this tensor; updates: no smaller than the indices
    public func scatter(axis: Int, indices: Tensor, updates: Tensor) -> Tensor {
        scattered(.replace, axis, indices, updates, "scatter")
    }

    /// A copy with `updates` added at `indices` along an axis, as `gather` reads them.
    ///
    /// ## Shapes
    /// - indices: this tensor's rank, beside `axis` no larger than this tensor; updates: no smaller than the indices
    public func scatterAdd(axis: Int, indices: Tensor, updates: Tensor) -> Tensor {
        scattered(.add, axis, indices, updates, "scatterAdd")
    }

    private func scattered(
        _ mode: Scatter.Mode, _ axis: Int, _ indices: Tensor, _ updates: Tensor, _ operation: String
    ) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let axis = try resolved(axis, operation)
            let reached = try reached(by: indices, axis, operation)
            guard updates.rank == rank, zip(updates.shape, indices.shape).allSatisfy({ $0 >= $1 }) else {
                throw ShapeError(
                    operation, "the updates are smaller than the indices",
                    shapes: [shape, indices.shape, updates.shape])
            }
            let starts = reached.map { _ in 0 }
            let updates = updates.value.cast(to: dtype).sliced(starts: starts, sizes: indices.shape.sizes)
            let base = value.sliced(starts: starts, sizes: reached)
            let result = try Value.record(
                .scatter(Scatter(mode, axis)), [base, indices.value.cast(to: .int64), updates])[0]
            return reached == shape.sizes ? result : value.updatingSlice(starts: starts, with: result)
        }
    }

    /// The sizes of the part that indices along an axis can name: theirs beside the axis.
    private func reached(by indices: Tensor, _ axis: Int, _ operation: String) throws(ShapeError) -> [Int] {
        guard indices.rank == rank, (0..<rank).allSatisfy({ $0 == axis || indices.shape[$0] <= shape[$0] }) else {
            throw ShapeError(
                operation, "the indices need rank \(rank) and, beside axis \(axis), sizes within the tensor's",
                shapes: [shape, indices.shape])
        }
        return (0..<rank).map { $0 == axis ? shape[$0] : indices.shape[$0] }
    }

    /// Whole slices at positions (a vector) along an axis.
    public func indexSelect(axis: Int, indices: Tensor) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let axis = try resolved(axis, "indexSelect")
            return try Value.record(.indexSelect(IndexSelect(axis)), [value, indices.value.cast(to: .int64)])[0]
        }
    }

    /// A copy with whole slices added at positions (a vector) along an axis.
    public func indexAdd(axis: Int, indices: Tensor, updates: Tensor) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let axis = try resolved(axis, "indexAdd")
            return try Value.record(
                .indexAdd(IndexAdd(axis)), [value, indices.value.cast(to: .int64), updates.value.cast(to: dtype)])[0]
        }
    }

    /// Elements by their row-major position; the result has the positions' shape.
    public func take(_ positions: Tensor) -> Tensor {
        let flat = positions.reshape([positions.elementCount])
        return flattened().indexSelect(axis: 0, indices: flat).reshape(positions.shape)
    }

    /// Positions of the elements that are not 0: int64, `[count, rank]`. Runs what is pending, since the count is a shape.
    public func nonzero() -> Tensor {
        if rank == 0 { return Tensor([Int](), shape: [Bool(self .!= 0) ? 1 : 0, 0]) }
        return stacked((self .!= 0).truePositions(), axis: 1)
    }

    /// The elements of an axis in order and where they stood (int64); equal ones keep their order. NaN counts as
    /// the largest: it comes last, and first where `descending`.
    public func sorted(axis: Int = -1, descending: Bool = false) -> (values: Tensor, indices: Tensor) {
        do throws(ShapeError) {
            let results = try Value.record(.sort(Sort(try resolved(axis, "sorted"), descending: descending)), [value])
            return (Tensor(results[0]), Tensor(results[1]))
        } catch { stop(error.description) }
    }

    /// The positions that sort an axis; int64.
    public func argsort(axis: Int = -1, descending: Bool = false) -> Tensor {
        sorted(axis: axis, descending: descending).indices
    }

    /// The `count` largest elements of an axis, falling, and where they stood; the smallest, rising, where `largest` is false.
    public func topK(_ count: Int, axis: Int = -1, largest: Bool = true) -> (values: Tensor, indices: Tensor) {
        guard let resolved = shape.axis(axis), (0...shape[resolved]).contains(count) else {
            stop("topK(\(count), axis: \(axis)): shape \(shape) has no such axis or too few elements")
        }
        let (values, indices) = sorted(axis: resolved, descending: largest)
        return (
            values.narrow(axis: resolved, start: 0, count: count),
            indices.narrow(axis: resolved, start: 0, count: count)
        )
    }
}

/// How `padded` fills what it adds.
public enum PaddingMode: Sendable {
    /// One number.
    case constant(Double)
    /// The elements mirrored at the edge, the edge itself not repeated.
    case reflect
    /// The edge repeated.
    case edge
}

extension Tensor {
    /// With `low[i]` elements before and `high[i]` after axis i; the lists may be shorter than the rank and then count for
    /// the last axes.
    public func padded(low: [Int], high: [Int], _ mode: PaddingMode = .constant(0)) -> Tensor {
        guard low.count == high.count, low.count <= rank, (low + high).allSatisfy({ $0 >= 0 }) else {
            stop("padded(low: \(low), high: \(high)): needs equally many numbers, not negative, at most \(rank)")
        }
        let none = [Int](repeating: 0, count: rank - low.count)
        let (low, high) = (none + low, none + high)
        if case .constant(let number) = mode {
            return Tensor(value.padded(low: low, high: high, with: value.number(number)))
        }
        var result = value
        for axis in 0..<rank where low[axis] + high[axis] > 0 {
            result = result.select(Tensor.paddedPositions(mode, size: shape[axis], low[axis], high[axis]), axis: axis)
        }
        return Tensor(result)
    }

    /// Positions of an axis, continued at both ends.
    private static func paddedPositions(_ mode: PaddingMode, size: Int, _ low: Int, _ high: Int) -> Value {
        let limit = if case .reflect = mode { size - 1 } else { size == 0 ? 0 : Int.max }
        guard low <= limit, high <= limit else {
            stop("padded: \(low) and \(high) elements cannot be taken from an axis of \(size)")
        }
        let position = Value.iota([low + size + high], axis: 0) - Double(low)
        let last = position.constant(Double(size - 1))
        if case .edge = mode { return position.maximum(position.constant(0)).minimum(last) }
        let risen = position.applying(.absolute)
        return last - (last - risen).applying(.absolute)
    }
}
