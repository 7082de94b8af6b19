// Views of `Value`: they copy nothing where strides can say it.

extension Value {
    /// Another shape of the same elements; one size may be -1.
    package func reshaped(_ shape: Shape) throws(ShapeError) -> Value {
        let target = try Reshape.resolved(shape, from: self.shape)
        return target.sizes == self.shape.sizes ? self : reshaped(known: target)
    }

    /// A shape that is known to hold as many elements.
    package func reshaped(known target: Shape) -> Value {
        if target.sizes == shape.sizes { return self }
        return Value(node: Value.append(.reshape(Reshape(target)), [self], type: TensorType(target, dtype)))
    }

    /// Axes in another order: result axis i is this value's axis `order[i]`.
    package func permuted(_ order: [Int]) -> Value {
        if order == Array(0..<rank) { return self }
        return Value.make(.permute(Permute(order)), [self])
    }

    /// Axes in an order that is known to name each once. What turns a view back gives what the view was made of.
    package func permuted(known order: [Int]) -> Value {
        if order.indices.allSatisfy({ order[$0] == $0 }) { return self }
        if let original = unpermuted(by: order) { return original }
        let shape = self.shape
        return Value(
            node: Value.append(
                .permute(Permute(order)), [self], type: TensorType(Shape(order.map { shape[$0] }), dtype)))
    }

    /// What this value is a view of, where `order` undoes that view and nothing else than the elements would differ.
    private func unpermuted(by order: [Int]) -> Value? {
        guard case .permute(let permute) = node.primitive, permute.order.count == order.count,
            order.indices.allSatisfy({ permute.order[order[$0]] == $0 }), let recording = node.recording,
            recording === Recording.current
        else { return nil }
        let modes = Modes.current
        // Another thread that runs the view may let go of its operand meanwhile. One that was computed and given up would have to be
        // computed again, while the view is there.
        guard let original = recording.lock.withLock({ node.operandsAfterwards.first }),
            !original.node.isReleased(original.index),
            original.isDifferentiable == (isDifferentiable && modes.recordsHistory),
            original.node.checkpoint === modes.checkpoint
        else { return nil }
        return original
    }

    package func swappingAxes(_ a: Int, _ b: Int) -> Value {
        var order = Array(0..<rank)
        order.swapAt(a, b)
        return permuted(known: order)
    }

    /// The last two axes exchanged.
    package var transposed: Value { swappingAxes(rank - 2, rank - 1) }

    /// Axis `from` moved to position `to`.
    package func movingAxis(_ from: Int, to: Int) -> Value {
        var order = Array(0..<rank)
        order.remove(at: from)
        order.insert(from, at: to)
        return permuted(known: order)
    }

    /// A new axis of size 1 at `axis`.
    package func insertingAxis(_ axis: Int) -> Value {
        var sizes = shape.sizes
        sizes.insert(1, at: axis)
        return reshaped(known: Shape(sizes))
    }

    /// Without `axis`, whose size is 1.
    package func removingAxis(_ axis: Int) -> Value {
        var sizes = shape.sizes
        sizes.remove(at: axis)
        return reshaped(known: Shape(sizes))
    }

    /// `count` copies of the whole along a new axis 0, without copying.
    package func repeatedAsBatch(_ count: Int) -> Value {
        insertingAxis(0).expanded(toKnown: Shape([count] + shape.sizes))
    }

    /// `sizes[i]` elements of each axis, from `starts[i]` on, by `steps[i]` (positive). The starts are arguments of the plan.
    package func sliced(starts: [Int], sizes: [Int], steps: [Int]? = nil) -> Value {
        let steps = steps ?? Array(repeating: 1, count: rank)
        if sizes == shape.sizes, steps.allSatisfy({ $0 == 1 }), starts.allSatisfy({ $0 == 0 }) { return self }
        return Value.make(.slice(Slice(sizes: sizes, steps: steps)), [self], arguments: starts.map { Scalar($0) })
    }

    /// A range of one axis.
    package func sliced(axis: Int, start: Int, count: Int) -> Value {
        var starts = [Int](repeating: 0, count: rank)
        var sizes = shape.sizes
        starts[axis] = start
        sizes[axis] = count
        return sliced(starts: starts, sizes: sizes)
    }

    package func flipped(_ axes: [Int]) -> Value {
        axes.isEmpty ? self : Value.make(.flip(Flip(axes)), [self])
    }

    /// The same value outside any derivative.
    package func detached() -> Value {
        guard isDifferentiable else { return self }
        // A loss that a step has made already. Of anything larger a second leaf over the memory would keep a plan from overwriting it.
        if shape.elementCount == 1, let realized = node.realized(index) {
            return Value.leaf(realized, type, device: node.device)
        }
        return Value(node: Value.append(.alias(Alias(stopsGradient: true)), [self], type: type))
    }

    /// The same value as a differentiable leaf of its own; gradients that pass it also flow on to the original.
    package func differentiableAlias(box: LeafBox? = nil) -> Value {
        Value(
            node: Value.append(
                .alias(Alias(stopsGradient: box != nil)), [self], type: type, leaf: box, isDifferentiableLeaf: true))
    }

    /// With `updates` written at `starts`, by `steps`: a copy, in place where nobody else holds the old value.
    package func updatingSlice(starts: [Int], steps: [Int]? = nil, with updates: Value) -> Value {
        let steps = steps ?? Array(repeating: 1, count: rank)
        return Value.make(
            .updateSlice(UpdateSlice(steps: steps)), [self, updates.cast(to: dtype)],
            arguments: starts.map { Scalar($0) })
    }

    /// `value` (a scalar) added around: `low[i]` before and `high[i]` after axis i.
    package func padded(low: [Int], high: [Int], with value: Value? = nil) -> Value {
        if low.allSatisfy({ $0 == 0 }), high.allSatisfy({ $0 == 0 }) { return self }
        let target = Shape((0..<rank).map { shape[$0] + low[$0] + high[$0] })
        let base = (value?.cast(to: dtype) ?? constant(0)).expanded(toKnown: target)
        return base.updatingSlice(starts: low, with: self)
    }

    package static func concatenated(_ values: [Value], axis: Int) -> Value {
        values.count == 1 ? values[0] : make(.concatenate(Concatenate(axis)), values)
    }
}
