import MartletGraph

// Reductions over axes; without axes over all elements. Negative axes count from the end; `keepingAxes` leaves size 1.

extension Tensor {
    private func reduced(_ kind: Reduce.Kind, _ axes: [Int]?, _ keeping: Bool, _ operation: String) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let resolved = try shape.resolved(axes: axes, operation: operation)
            if resolved.isEmpty, rank == 0, kind != .any, kind != .all {
                return value.cast(to: kind.resultType(of: dtype))
            }
            let result = try Value.record(.reduce(Reduce(kind, resolved)), [value])[0]
            return keeping ? result.reshaped(known: shape.reduced(resolved, keeping: true)) : result
        }
    }

    /// Σx. Booleans and small integers count in int64.
    public func sum(axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor { reduced(.sum, axes, keepingAxes, "sum") }
    /// Σx along one axis. Booleans and small integers count in int64.
    public func sum(axis: Int, keepingAxes: Bool = false) -> Tensor { sum(axes: [axis], keepingAxes: keepingAxes) }

    /// Πx.
    public func product(axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
        reduced(.product, axes, keepingAxes, "product")
    }
    /// Πx along one axis.
    public func product(axis: Int, keepingAxes: Bool = false) -> Tensor {
        product(axes: [axis], keepingAxes: keepingAxes)
    }

    /// Σx / n, summed in float32 where the type is narrower; NaN where there are no elements.
    public func mean(axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            value.mean(try shape.resolved(axes: axes, operation: "mean"), keeping: keepingAxes)
        }
    }
    /// Σx / n along one axis; NaN where there are no elements.
    public func mean(axis: Int, keepingAxes: Bool = false) -> Tensor { mean(axes: [axis], keepingAxes: keepingAxes) }

    /// The largest element; NaN wins.
    public func max(axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor { reduced(.max, axes, keepingAxes, "max") }
    /// The largest element along one axis; NaN wins.
    public func max(axis: Int, keepingAxes: Bool = false) -> Tensor { max(axes: [axis], keepingAxes: keepingAxes) }

    /// The smallest element; NaN wins.
    public func min(axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor { reduced(.min, axes, keepingAxes, "min") }
    /// The smallest element along one axis; NaN wins.
    public func min(axis: Int, keepingAxes: Bool = false) -> Tensor { min(axes: [axis], keepingAxes: keepingAxes) }

    /// True where some element is not 0.
    public func any(axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
        Tensor(value.cast(to: .bool)).reduced(.any, axes, keepingAxes, "any")
    }
    /// True where some element along one axis is not 0.
    public func any(axis: Int, keepingAxes: Bool = false) -> Tensor { any(axes: [axis], keepingAxes: keepingAxes) }

    /// True where no element is 0.
    public func all(axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
        Tensor(value.cast(to: .bool)).reduced(.all, axes, keepingAxes, "all")
    }
    /// True where no element along one axis is 0.
    public func all(axis: Int, keepingAxes: Bool = false) -> Tensor { all(axes: [axis], keepingAxes: keepingAxes) }

    /// Σ(x - mean)² / (n - 1), or / n where `unbiased` is false.
    public func variance(axes: [Int]? = nil, unbiased: Bool = true, keepingAxes: Bool = false) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            try wideVariance(axes, unbiased, keepingAxes, "variance").cast(to: dtype.quotientType)
        }
    }

    /// The square root of the variance; where it is 0 its derivative is 0.
    public func standardDeviation(axes: [Int]? = nil, unbiased: Bool = true, keepingAxes: Bool = false) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            try wideVariance(axes, unbiased, keepingAxes, "standardDeviation").normRoot.cast(to: dtype.quotientType)
        }
    }

    /// The variance in the type that statistics are taken in.
    private func wideVariance(
        _ axes: [Int]?, _ unbiased: Bool, _ keeping: Bool, _ operation: String
    ) throws(ShapeError) -> Value {
        let resolved = try shape.resolved(axes: axes, operation: operation)
        let wide = value.forStatistics
        let centred = wide - wide.mean(resolved, keeping: true)
        let count = resolved.reduce(1) { $0 * shape[$1] }
        let total = (centred * centred).sum(resolved, keeping: keeping)
        return total / Double(unbiased ? Swift.max(0, count - 1) : count)
    }

    /// The position of the largest element along an axis (the first of equals; NaN wins); int64.
    public func argmax(axis: Int, keepingAxes: Bool = false) -> Tensor { position(.max, axis, keepingAxes, "argmax") }
    /// The position of the smallest element along an axis (the first of equals; NaN wins); int64.
    public func argmin(axis: Int, keepingAxes: Bool = false) -> Tensor { position(.min, axis, keepingAxes, "argmin") }
    /// The position of the largest element in row-major order.
    public func argmax() -> Tensor { flattened().argmax(axis: 0) }
    /// The position of the smallest element in row-major order.
    public func argmin() -> Tensor { flattened().argmin(axis: 0) }

    private func position(_ kind: ArgReduce.Kind, _ axis: Int, _ keeping: Bool, _ operation: String) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let axes = try shape.resolved(axes: [axis], operation: operation)
            let result = try Value.record(.argReduce(ArgReduce(kind, axes[0])), [value])[0]
            return keeping ? result.reshaped(known: shape.reduced(axes, keeping: true)) : result
        }
    }

    /// The running sum along an axis.
    public func cumulativeSum(axis: Int) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let axis = try shape.resolved(axes: [axis], operation: "cumulativeSum")[0]
            return try Value.record(.cumulativeSum(CumulativeSum(axis, reverse: false)), [value])[0]
        }
    }
}
