import MartletGraph

/// Tensors of positions in a subscript, brought to one: a vector of positions along one axis of a rearranged slice.
///
/// The picked axes are merged into one, where they stand if they are neighbours, else in front (as NumPy and PyTorch do);
/// the positions, broadcast together, count along the merged axis.
struct PickedPositions {
    /// The slice's axes in the order in which the picked ones are neighbours.
    private let order: [Int]
    /// The shape in that order, and with the picked axes merged into `axis`.
    private let arrangedShape: Shape
    private let mergedShape: Shape
    let axis: Int
    /// Positions along the merged axis, a vector of int64.
    let positions: Value
    /// The broadcast shape of the positions.
    private let picked: Shape

    init(_ picks: [(place: Int, positions: Tensor)], of slice: Shape) {
        let places = picks.map(\.place)
        let isRun = zip(places, places.dropFirst()).allSatisfy { $0 + 1 == $1 }
        let others = slice.indices.filter { !places.contains($0) }
        order = isRun ? Array(slice.indices) : places + others
        axis = isRun ? places[0] : 0
        arrangedShape = Shape(order.map { slice[$0] })
        let sizes = arrangedShape.sizes
        let end = axis + picks.count
        mergedShape = Shape(sizes[..<axis] + [sizes[axis..<end].reduce(1, *)] + sizes[end...])
        var shape: Shape = []
        do throws(ShapeError) {
            for pick in picks { shape = try Shape.broadcast(shape, pick.positions.shape, operation: "subscript") }
        } catch { stop(error.description) }
        picked = shape
        positions = PickedPositions.merged(picks.map(\.positions.value), picks.map { slice[$0.place] }, shape)
    }

    /// The positions of several axes as those of the merged one. One that is out of its axis stays out of the merged axis.
    private static func merged(_ positions: [Value], _ sizes: [Int], _ shape: Shape) -> Value {
        let flat = positions.map { value in
            value.cast(to: .int64).expanded(toKnown: shape).reshaped(known: [shape.elementCount])
        }
        guard flat.count > 1 else { return flat[0] }
        var total = flat[0].constant(0)
        var isInside = Value.filled(1, TensorType([shape.elementCount], .bool))
        for (own, size) in zip(flat, sizes) {
            let limit = own.constant(Double(size))
            isInside = Value.binary(
                .logicalAnd, isInside, Value.binary(.logicalAnd, own .>= -limit, own .< limit))
            total = total * limit + Value.choose(own .< own.constant(0), own + limit, own)
        }
        return Value.choose(isInside, total, total.constant(Double(sizes.reduce(1, *))))
    }

    /// The shape of what is picked.
    var resultShape: Shape {
        let sizes = mergedShape.sizes
        return Shape(sizes[..<axis] + picked.sizes + sizes[(axis + 1)...])
    }

    private func merged(_ slice: Value) -> Value { slice.permuted(order).reshaped(known: mergedShape) }

    /// The elements of a slice at the positions.
    func elements(of slice: Value) -> Value {
        merged(slice).select(positions, axis: axis).reshaped(known: resultShape)
    }

    /// The slice with `updates`, of the result's shape, written at the positions; of several for one place the last counts.
    func writing(_ updates: Value, into slice: Value) -> Value {
        let base = merged(slice)
        var target = mergedShape
        target[axis] = positions.shape[0]
        var along = [Int](repeating: 1, count: target.rank)
        along[axis] = target[axis]
        let spread = positions.reshaped(known: Shape(along)).expanded(toKnown: target)
        let written = base.scatter(.replace, spread, updates.reshaped(known: target), axis: axis)
        return written.reshaped(known: arrangedShape).permuted(Permute(order).inverse)
    }
}
