// Reductions, products and indexing of `Value`, as derivative rules and composites spell them.

extension Value {
    /// A reduction over `axes` (sorted, in range); `keeping` leaves them with size 1.
    package func reduced(_ kind: Reduce.Kind, _ axes: [Int], keeping: Bool = false) -> Value {
        if axes.isEmpty, kind != .any, kind != .all { return cast(to: kind.resultType(of: dtype)) }
        let result = Value.make(.reduce(Reduce(kind, axes)), [self])
        return keeping ? result.reshaped(known: shape.reduced(axes, keeping: true)) : result
    }

    package func sum(_ axes: [Int]? = nil, keeping: Bool = false) -> Value {
        reduced(.sum, axes ?? Array(0..<rank), keeping: keeping)
    }
    package func maximum(over axes: [Int], keeping: Bool = false) -> Value { reduced(.max, axes, keeping: keeping) }

    /// Σx / n: summed and divided in float32 where the type is narrower, and rounded once.
    package func mean(_ axes: [Int]? = nil, keeping: Bool = false) -> Value {
        let axes = axes ?? Array(0..<rank)
        let count = axes.reduce(1) { $0 * shape[$1] }
        let total = forStatistics.sum(axes, keeping: keeping)
        return (total / Double(count)).cast(to: dtype.quotientType)
    }

    /// √x of a sum of squares: where it is 0 its derivatives are 0, in place of an infinite one times the squares' 0.
    package var normRoot: Value {
        let isZero = self .== constant(0)
        return Value.choose(isZero, constant(0), Value.choose(isZero, constant(1), self).applying(.sqrt))
    }

    /// Summed down to `target`, from which it was broadcast: the derivative of `expand`.
    package func summed(to target: Shape) -> Value {
        if target.sizes == shape.sizes { return self }
        let extra = rank - target.rank
        var axes = Array(0..<extra)
        for axis in 0..<target.rank where target[axis] == 1 && shape[axis + extra] != 1 { axes.append(axis + extra) }
        return sum(axes).reshaped(known: target)
    }

    /// Matrix product over the last two axes; batch axes in front are equal. `bias` has the size of the last axis.
    package func matmul(_ other: Value, bias: Value? = nil) -> Value {
        Value.make(.matmul(MatrixProduct(hasBias: bias != nil)), bias.map { [self, other, $0] } ?? [self, other])
    }

    /// Elements by position along `axis`; `indices` (int64) has this value's rank.
    package func gather(_ indices: Value, axis: Int) -> Value { Value.make(.gather(Gather(axis)), [self, indices]) }

    /// `updates` added (or written) at `indices` along `axis`, in row-major order.
    package func scatter(_ mode: Scatter.Mode, _ indices: Value, _ updates: Value, axis: Int) -> Value {
        Value.make(.scatter(Scatter(mode, axis)), [self, indices, updates])
    }

    /// Whole slices by position along `axis`; `indices` is a vector of int64.
    package func select(_ indices: Value, axis: Int) -> Value {
        Value.make(.indexSelect(IndexSelect(axis)), [self, indices])
    }

    /// Whole slices added at positions along `axis`.
    package func adding(_ updates: Value, at indices: Value, axis: Int) -> Value {
        Value.make(.indexAdd(IndexAdd(axis)), [self, indices, updates])
    }

    /// 0, 1, 2, ... along `axis`, int64.
    package static func iota(_ shape: Shape, axis: Int) -> Value { make(.iota(Iota(shape, axis: axis)), []) }
}
