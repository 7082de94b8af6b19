import MartletGraph

extension Tensor {
    /// Part of a tensor, and writing to it.
    ///
    /// Positions, ranges with steps, `.all`, `.ellipsis`, `.newAxis` and `.from(_:to:by:)` give views, which copy nothing;
    /// where a range or a position begins does not change the plan. Ranges are cut off at the axis' ends, positions outside
    /// stop. Integer tensors (or arrays) pick positions along their axes, several of them together after broadcasting; what
    /// they pick stands where the first of them stands, or in front where they are no neighbours. A tensor of truth values
    /// picks where it is true, in row-major order; that reads it.
    ///
    /// Assigning broadcasts the new value, converts it to this tensor's type and makes a new tensor: no other tensor
    /// changes, and memory is reused where nobody else holds the old value.
    ///
    ///     y[1, 0..<2]      y[.all, -1]      y[.from(0, to: -1, by: 2)]      y[[0, 2]]      y[y .> 0]      z[0] = row
    public subscript(_ indices: any TensorIndex...) -> Tensor {
        get {
            let resolved = ResolvedSubscript(indices, of: shape)
            let slice = resolved.slice(of: value)
            if resolved.picks.isEmpty { return Tensor(slice) }
            return Tensor(PickedPositions(resolved.picks, of: slice.shape).elements(of: slice))
        }
        set {
            let update = newValue.value.cast(to: dtype)
            self = Tensor.recording { () throws(ShapeError) in
                if let masked = try MaskedAssignment(indices, of: shape, update) { return masked.result(on: value) }
                let resolved = ResolvedSubscript(indices, of: shape)
                let target = resolved.sliceShape
                if resolved.picks.isEmpty {
                    return resolved.writing(try update.broadcast(toFit: target), into: value)
                }
                let picked = PickedPositions(resolved.picks, of: target)
                let written = picked.writing(
                    try update.broadcast(toFit: picked.resultShape), into: resolved.slice(of: value))
                return resolved.writing(written, into: value)
            }
        }
    }

    /// The position of each true element, a vector for each axis: reads the tensor.
    func truePositions() -> [Tensor] {
        let flat = array(as: Bool.self).enumerated().filter(\.element).map(\.offset)
        return zip(shape.contiguousStrides, shape).map { stride, size in Tensor(flat.map { $0 / stride % size }) }
    }
}

extension ResolvedSubscript {
    /// The slice of a value, before positions are picked from it.
    fileprivate func slice(of value: Value) -> Value {
        value.sliced(starts: starts, sizes: sizes, steps: steps).flipped(flipped).reshaped(known: sliceShape)
    }

    /// The value with a whole slice written to it.
    fileprivate func writing(_ slice: Value, into value: Value) -> Value {
        let update = slice.reshaped(known: Shape(sizes)).flipped(flipped)
        return isWhole ? update : value.updatingSlice(starts: starts, steps: steps, with: update)
    }
}

/// Writing where a mask is true something that does not depend on how often it is true: nothing needs to be read.
private struct MaskedAssignment {
    private let mask: Value
    private let update: Value

    /// Nil where the indices are anything but one mask beside whole axes, or the update differs from one true place to the
    /// next.
    init?(_ indices: [any TensorIndex], of shape: Shape, _ update: Value) throws(ShapeError) {
        var axis = 0
        var found: (axis: Int, mask: Tensor)?
        for form in ResolvedSubscript.spelledOut(indices, of: shape) {
            switch form {
            case .tensor(let mask) where mask.dtype == .bool && found == nil: found = (axis, mask)
            case .range(nil, nil, 1): break
            case .range, .position, .wholeAxes, .insertedAxis, .tensor: return nil
            }
            axis += ResolvedSubscript.axisCount(form)
        }
        guard let (first, mask) = found else { return nil }
        let (before, after) = (shape.sizes[..<first], shape.sizes[(first + mask.rank)...])
        guard shape.sizes[first..<(first + mask.rank)].elementsEqual(mask.shape.sizes) else {
            throw ShapeError("subscript", "a mask does not fit from axis \(first) on", shapes: [shape, mask.shape])
        }
        // The update as NumPy sees it: the axes before, one of the true places, the axes after.
        var update = update
        while update.rank > before.count + 1 + after.count, update.shape.first == 1 { update = update.removingAxis(0) }
        while update.rank < before.count + 1 + after.count { update = update.insertingAxis(0) }
        guard update.rank == before.count + 1 + after.count, update.shape[first] == 1 else { return nil }
        let ones = [Int](repeating: 1, count: mask.rank)
        let wide = update.shape.sizes[..<first] + ones + update.shape.sizes[(first + 1)...]
        self.update = try update.reshaped(known: Shape(Array(wide))).broadcast(toFit: shape)
        let places = before.map { _ in 1 } + mask.shape.sizes + after.map { _ in 1 }
        self.mask = mask.value.reshaped(known: Shape(places))
    }

    func result(on value: Value) -> Value { Value.choose(mask, update, value) }
}

extension Value {
    /// Broadcast to `target`, where extra axes of size 1 in front are dropped: what an assignment does to its right side.
    fileprivate func broadcast(toFit target: Shape) throws(ShapeError) -> Value {
        var source = self
        while source.rank > target.rank, source.shape[0] == 1 { source = source.removingAxis(0) }
        let name = "subscript assignment"
        guard source.rank <= target.rank, try Shape.broadcast(source.shape, target, operation: name) == target else {
            throw ShapeError(name, "the new value does not broadcast to \(target)", shapes: [shape])
        }
        return source.expanded(toKnown: target)
    }
}
