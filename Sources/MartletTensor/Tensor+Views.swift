import MartletGraph

// Other shapes of the same elements: nothing is copied where strides can say it. Axes count from the end where negative.

extension Tensor {
    private func axis(_ given: Int, _ operation: String) -> Int {
        guard let axis = shape.axis(given) else {
            stop("\(operation): axis \(given) is out of range for shape \(shape)")
        }
        return axis
    }

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

    /// Two axes exchanged, the last two where none are named: a matrix's rows and columns.
    public func transpose(_ a: Int = -2, _ b: Int = -1) -> Tensor {
        guard rank >= 2 else { stop("transpose: needs at least two axes, the shape is \(shape)") }
        return Tensor(value.swappingAxes(axis(a, "transpose"), axis(b, "transpose")))
    }

    /// Axes in another order: result axis i is this tensor's axis `order[i]`.
    public func permute(_ order: [Int]) -> Tensor {
        let resolved = order.map { axis($0, "permute") }
        guard Set(resolved).count == rank, resolved.count == rank else {
            stop("permute(\(order)): every axis of shape \(shape) must be named once")
        }
        return Tensor(value.permuted(resolved))
    }

    /// An axis moved to another place, the others keeping their order.
    public func movingAxis(_ from: Int, to: Int) -> Tensor {
        Tensor(value.movingAxis(axis(from, "movingAxis"), to: axis(to, "movingAxis")))
    }

    /// The elements repeated along axes of size 1 (and new ones in front), without copying. -1 keeps an axis' size.
    public func expand(_ shape: Shape) -> Tensor {
        let extra = shape.rank - rank
        guard extra >= 0 else { stop("expand(\(shape)): has fewer axes than shape \(self.shape)") }
        var target = shape
        for axis in 0..<rank where target[axis + extra] == -1 { target[axis + extra] = self.shape[axis] }
        return Tensor.recording { () throws(ShapeError) in
            guard target.sizes.allSatisfy({ $0 >= 0 }) else {
                throw ShapeError(
                    "expand", "cannot become \(shape): only an axis that is there already can keep its size with -1",
                    shapes: [self.shape])
            }
            guard try Shape.broadcast(self.shape, target, operation: "expand") == target else {
                throw ShapeError("expand", "the shape does not broadcast to \(target)", shapes: [self.shape])
            }
            return value.expanded(toKnown: target)
        }
    }

    /// `expand` under NumPy's name.
    public func broadcast(to shape: Shape) -> Tensor { expand(shape) }

    /// Without axes of size 1: all of them, or the one that is named.
    public func squeeze(axis given: Int? = nil) -> Tensor {
        guard let given else { return reshape(Shape(shape.sizes.filter { $0 != 1 })) }
        let axis = axis(given, "squeeze")
        guard shape[axis] == 1 else { stop("squeeze(axis: \(given)): its size is \(shape[axis]) in shape \(shape)") }
        return Tensor(value.removingAxis(axis))
    }

    /// With a new axis of size 1 at `axis`.
    public func unsqueeze(axis given: Int) -> Tensor {
        let axis = given < 0 ? given + rank + 1 : given
        guard (0...rank).contains(axis) else { stop("unsqueeze(axis: \(given)): out of range for shape \(shape)") }
        return Tensor(value.insertingAxis(axis))
    }

    /// The order of the elements turned round along axes.
    public func flip(axes: [Int]) -> Tensor {
        Tensor.recording { () throws(ShapeError) in value.flipped(try shape.resolved(axes: axes, operation: "flip")) }
    }

    /// The elements moved `shift` places along an axis (backwards where negative), what leaves it coming in at its other end.
    public func roll(by shift: Int, axis given: Int) -> Tensor {
        let axis = axis(given, "roll")
        let size = shape[axis]
        guard size > 0 else { return self }
        let start = ((-shift % size) + size) % size
        if start == 0 { return self }
        let pieces = [
            value.sliced(axis: axis, start: start, count: size - start),
            value.sliced(axis: axis, start: 0, count: start),
        ]
        return Tensor(Value.concatenated(pieces, axis: axis))
    }

    /// `count` elements of an axis from `start` on.
    public func narrow(axis given: Int, start: Int, count: Int) -> Tensor {
        let axis = axis(given, "narrow")
        let first = start < 0 ? start + shape[axis] : start
        guard first >= 0, count >= 0, first + count <= shape[axis] else {
            stop(
                "narrow(axis: \(given), start: \(start), count: \(count)): axis \(axis) of shape \(shape) is too short")
        }
        return Tensor(value.sliced(axis: axis, start: first, count: count))
    }

    /// Pieces of these sizes along an axis.
    public func split(sizes: [Int], axis given: Int = 0) -> [Tensor] {
        let axis = axis(given, "split")
        guard sizes.reduce(0, +) == shape[axis], sizes.allSatisfy({ $0 >= 0 }) else {
            stop("split(sizes: \(sizes), axis: \(given)): the sizes do not add up to axis \(axis) of shape \(shape)")
        }
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return narrow(axis: axis, start: start, count: size)
        }
    }

    /// Pieces of `size` along an axis; the last one may be smaller.
    public func split(_ size: Int, axis given: Int = 0) -> [Tensor] {
        let total = shape[axis(given, "split")]
        guard size > 0 else { stop("split: the size is \(size)") }
        return split(sizes: stride(from: 0, to: total, by: size).map { Swift.min(size, total - $0) }, axis: given)
    }

    /// `split` where the pieces begin is part of the plan's structure, and whose derivative is one concatenation in place of a
    /// sum of padded pieces: for halves, gates and steps, of which all are used.
    package func parts(_ sizes: [Int], axis: Int) -> [Tensor] {
        if sizes.count == 1 { return split(sizes: sizes, axis: axis) }
        return value.parts(axis: axis, counts: sizes).map { Tensor($0) }
    }

    /// At most `count` pieces along an axis, of equal size but for the last one, which may be smaller.
    public func chunked(_ count: Int, axis given: Int = 0) -> [Tensor] {
        guard count > 0 else { stop("chunked: the count is \(count)") }
        let total = shape[axis(given, "chunked")]
        return split(Swift.max(1, (total + count - 1) / count), axis: given)
    }

    /// The elements along an axis one by one, without that axis.
    public func unstacked(axis given: Int = 0) -> [Tensor] {
        let axis = axis(given, "unstacked")
        return (0..<shape[axis]).map { narrow(axis: axis, start: $0, count: 1).squeeze(axis: axis) }
    }

    /// The whole repeated along each axis; more numbers than axes add axes in front.
    public func tiled(_ repetitions: [Int]) -> Tensor {
        guard repetitions.count >= rank, repetitions.allSatisfy({ $0 >= 0 }) else {
            stop("tiled(\(repetitions)): needs a number that is not negative for each axis of shape \(shape)")
        }
        let sizes = Array(repeating: 1, count: repetitions.count - rank) + shape.sizes
        let apart = zip(repetitions, sizes).flatMap { [$0, $1] }
        return Tensor(
            value.reshaped(known: Shape(sizes.flatMap { [1, $0] })).expanded(toKnown: Shape(apart))
                .reshaped(known: Shape(zip(repetitions, sizes).map { $0 * $1 })))
    }
}

/// Tensors one after the other along an existing axis; types are promoted.
public func concatenated(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
    guard let first = tensors.first else { stop("concatenated: needs at least one tensor") }
    guard let resolved = first.shape.axis(axis) else {
        stop("concatenated(axis: \(axis)): out of range for shape \(first.shape)")
    }
    let dtype = tensors.dropFirst().reduce(first.dtype) { DataType.promoted($0, $1.dtype) }
    return Tensor.recording { () throws(ShapeError) in
        try Value.record(.concatenate(Concatenate(resolved)), tensors.map { $0.value.cast(to: dtype) })[0]
    }
}

/// Tensors of one shape side by side along a new axis.
public func stacked(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
    concatenated(tensors.map { $0.unsqueeze(axis: axis) }, axis: axis)
}
