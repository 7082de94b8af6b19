import MartletGraph

extension Tensor {
    /// Part of a tensor, and writing to it.
    ///
    /// Positions, ranges with steps, `.all`, `.ellipsis`, `.newAxis` and `.from(_:to:by:)` give views. A tensor of positions
    /// picks along its axis; a tensor of truth values picks where it is true, which reads it. Assigning converts to this
    /// tensor's type, broadcasts, and makes a new value: no other tensor changes; memory is reused where nobody else
    /// holds the old value.
    ///
    ///     y[1, 0..<2]      y[.all, -1]      y[.from(0, to: -1, by: 2)]      y[mask]      z[0] = row
    public subscript(_ indices: any TensorIndex...) -> Tensor {
        get { element(ResolvedSubscript(indices, of: shape)) }
        set {
            let resolved = ResolvedSubscript(indices, of: shape)
            self = resolved.picked == nil ? assigning(newValue, resolved) : assigningPicked(newValue, resolved)
        }
    }

    private func element(_ resolved: ResolvedSubscript) -> Tensor {
        let sliced = value.sliced(starts: resolved.starts, sizes: resolved.sizes, steps: resolved.steps)
            .flipped(resolved.flipped)
        guard let (axis, tensor) = resolved.picked else {
            return Tensor(sliced.reshaped(known: resolved.shape(resolved.sizes)))
        }
        let dropped = Tensor(sliced.reshaped(known: resolved.shape(resolved.sizes)))
        // Where the indexed axes are after the others were dropped and added.
        let place = resolved.layout.firstIndex { $0 == axis } ?? 0
        guard tensor.dtype == .bool else { return dropped.picking(tensor, axis: place) }
        return dropped.picking(where: tensor, axis: place)
    }

    /// Slices at positions along an axis; the positions' axes take its place.
    private func picking(_ positions: Tensor, axis: Int) -> Tensor {
        let size = shape[axis]
        let flat = positions.value.cast(to: .int64).reshaped(known: [positions.elementCount])
        let resolved = Value.choose(flat .< flat.constant(0), flat + Double(size), flat)
        let picked = value.select(resolved, axis: axis)
        let sizes = shape.sizes
        return Tensor(picked.reshaped(known: Shape(sizes[..<axis] + positions.shape.sizes + sizes[(axis + 1)...])))
    }

    /// Slices where a mask over the axes from `axis` on is true: reads the mask, since its count is a shape.
    private func picking(where mask: Tensor, axis: Int) -> Tensor {
        let sizes = shape.sizes
        guard sizes[axis..<(axis + mask.rank)].elementsEqual(mask.shape.sizes) else {
            stop("subscript: a mask of shape \(mask.shape) does not fit axis \(axis) of shape \(shape)")
        }
        let flat = reshape(Shape(sizes[..<axis] + [mask.elementCount] + sizes[(axis + mask.rank)...]))
        return flat.picking(Tensor(mask.truePositions()), axis: axis)
    }

    /// Row-major positions of true elements.
    func truePositions() -> [Int] {
        array(as: Bool.self).enumerated().filter(\.element).map(\.offset)
    }

    private func assigning(_ newValue: Tensor, _ resolved: ResolvedSubscript) -> Tensor {
        let target = resolved.shape(resolved.sizes)
        return Tensor.recording { () throws(ShapeError) in
            let update = try newValue.value.cast(to: dtype).broadcast(toFit: target, operation: "subscript assignment")
            let whole = update.reshaped(known: Shape(resolved.sizes)).flipped(resolved.flipped)
            return value.updatingSlice(starts: resolved.starts, steps: resolved.steps, with: whole)
        }
    }

    private func assigningPicked(_ newValue: Tensor, _ resolved: ResolvedSubscript) -> Tensor {
        guard let (axis, tensor) = resolved.picked, resolved.layout.count == rank,
            resolved.sizes == shape.sizes
        else { stop("subscript assignment: beside a tensor of positions or truth values only whole axes are allowed") }
        if tensor.dtype == .bool { return assigning(newValue, where: tensor, axis: axis) }
        let count = tensor.elementCount
        let sizes = shape.sizes
        let target = Shape(sizes[..<axis] + tensor.shape.sizes + sizes[(axis + 1)...])
        let flat = Shape(sizes[..<axis] + [count] + sizes[(axis + 1)...])
        return Tensor.recording { () throws(ShapeError) in
            let update = try newValue.value.cast(to: dtype).broadcast(toFit: target, operation: "subscript assignment")
            let positions = tensor.value.cast(to: .int64).reshaped(known: [count])
            let resolved = Value.choose(positions .< positions.constant(0), positions + Double(sizes[axis]), positions)
            var along = [Int](repeating: 1, count: rank)
            along[axis] = count
            let spread = resolved.reshaped(known: Shape(along)).expanded(toKnown: flat)
            return value.scatter(.replace, spread, update.reshaped(known: flat), axis: axis)
        }
    }

    private func assigning(_ newValue: Tensor, where mask: Tensor, axis: Int) -> Tensor {
        let sizes = shape.sizes
        guard sizes[axis..<(axis + mask.rank)].elementsEqual(mask.shape.sizes) else {
            stop("subscript assignment: a mask of shape \(mask.shape) does not fit axis \(axis) of shape \(shape)")
        }
        let wide = Shape(
            Array(repeating: 1, count: axis) + mask.shape.sizes + Array(repeating: 1, count: rank - axis - mask.rank))
        if newValue.elementCount == 1 {
            return `where`(mask.reshape(wide), newValue.to(dtype: dtype).reshape([]), self)
        }
        let flat = reshape(Shape(sizes[..<axis] + [mask.elementCount] + sizes[(axis + mask.rank)...]))
        var changed = flat
        changed[
            Array(repeating: TensorSubscript.range(from: nil, to: nil, by: 1), count: axis),
            Tensor(mask.truePositions())] = newValue
        return changed.reshape(shape)
    }

    /// `subscript` with leading indices as a list.
    private subscript(_ leading: [TensorSubscript], _ last: Tensor) -> Tensor {
        get { element(ResolvedSubscript(leading + [last.tensorSubscript], of: shape)) }
        set { self = assigningPicked(newValue, ResolvedSubscript(leading + [last.tensorSubscript], of: shape)) }
    }
}

extension Value {
    /// Broadcast to `target`, where extra axes of size 1 in front are dropped.
    func broadcast(toFit target: Shape, operation: String) throws(ShapeError) -> Value {
        var source = self
        while source.rank > target.rank, source.shape[0] == 1 { source = source.removingAxis(0) }
        guard source.rank <= target.rank, try Shape.broadcast(source.shape, target, operation: operation) == target
        else {
            throw ShapeError(operation, "a value of shape \(shape) does not broadcast to \(target)", shapes: [shape])
        }
        return source.expanded(toKnown: target)
    }
}
