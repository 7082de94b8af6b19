import MartletGraph

// Other shapes of the same elements: nothing is copied where strides can say it.

extension Tensor {
    /// The same elements in another shape, row-major; one size may be -1, which is worked out.
    public func reshape(_ shape: Shape) -> Tensor {
        Tensor.recording { () throws(ShapeError) in try value.reshaped(shape) }
    }

    /// The axes from `from` to `to` (the last one where nil) as one.
    public func flattened(from: Int = 0, to: Int? = nil) -> Tensor {
        if rank == 0 { return reshape([1]) }
        guard let first = shape.axis(from), let last = shape.axis(to ?? -1), first <= last else {
            stop("flattened(from: \(from), to: \(to.map(String.init) ?? "nil")): no such axes in shape \(shape)")
        }
        let sizes = shape.sizes
        return reshape(Shape(sizes[..<first] + [sizes[first...last].reduce(1, *)] + sizes[(last + 1)...]))
    }

    /// e^xᵢ / Σ e^xⱼ along an axis.
    public func softmax(axis: Int = -1) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let axis = try shape.resolved(axes: [axis], operation: "softmax")
            let shifted = value - value.maximum(over: axis, keeping: true).detached()
            let powers = shifted.applying(.exp)
            return powers / powers.sum(axis, keeping: true)
        }
    }
}
