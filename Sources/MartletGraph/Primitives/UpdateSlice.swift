/// A base with updates written over a range of it: element i of the range lies at start + i·step of each axis.
///
/// Starts are the node's arguments. A backend writes in place where nobody else holds the base.
///
/// ## Shapes
/// - operands: base, updates (the same rank, no larger along any axis)
/// - result: the base's
package struct UpdateSlice: PrimitiveFamily {
    package let steps: [Int]
    package init(steps: [Int]) { self.steps = steps }

    package var name: String { "updateSlice" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let (base, updates) = (operands[0], operands[1])
        guard base.dtype == updates.dtype else {
            throw ShapeError(
                name, "updates are \(updates.dtype), the base is \(base.dtype)", shapes: operands.map(\.shape))
        }
        try Slice.check(name, sizes: updates.shape.sizes, steps: steps, starts: arguments, in: base.shape)
        return [base]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil, nil] }
        let updates = node.operands[1]
        let starts = node.arguments.map(\.integer)
        let hole = Value.filled(0, TensorType(updates.shape, cotangent.dtype))
        return [
            wanted[0] ? cotangent.updatingSlice(starts: starts, steps: steps, with: hole) : nil,
            wanted[1] ? cotangent.sliced(starts: starts, sizes: updates.shape.sizes, steps: steps) : nil,
        ]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        guard tangents[0] != nil || tangents[1] != nil else { return [nil] }
        let base = tangents[0] ?? node.operands[0].zeros()
        let updates = tangents[1] ?? node.operands[1].zeros()
        return [base.updatingSlice(starts: node.arguments.map(\.integer), steps: steps, with: updates)]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        let all = Value.batched(operands, isBatched, size)
        return [all[0].updatingSlice(starts: [0] + arguments.map(\.integer), steps: [1] + steps, with: all[1])]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let strides = operands[0].shape.contiguousStrides
        let start = zip(strides, arguments).reduce(0) { $0 + $1.0 * $1.1.integer }
        let walk = IndexWalk(operands[1].shape, strides: zip(strides, steps).map { $0 * $1 }, start: start)
        return [operands[0].replacing(operands[1]) { walk.offset(of: $0) }]
    }
    package func encode(into key: inout KeyWriter) { key.write(steps) }
}

/// Values one after the other along an axis.
package struct Concatenate: PrimitiveFamily {
    package let axis: Int
    package init(_ axis: Int) { self.axis = axis }

    package var name: String { "concatenate" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        guard let first = operands.first else { throw ShapeError(name, "needs at least one tensor") }
        guard first.shape.sizes.indices.contains(axis) else {
            throw ShapeError(name, "axis \(axis) is out of range", shapes: operands.map(\.shape))
        }
        var total = 0
        for operand in operands {
            var aligned = operand.shape
            guard aligned.rank == first.shape.rank, operand.dtype == first.dtype else {
                throw ShapeError(name, "ranks or types differ: \(operands)", shapes: operands.map(\.shape))
            }
            total += aligned[axis]
            aligned[axis] = first.shape[axis]
            guard aligned == first.shape else {
                throw ShapeError(name, "sizes differ beside axis \(axis)", shapes: operands.map(\.shape))
            }
        }
        var shape = first.shape
        shape[axis] = total
        return [TensorType(shape, first.dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return node.operands.map { _ in nil } }
        let parts = cotangent.parts(axis: axis, counts: node.operands.map { $0.shape[axis] })
        return zip(parts, wanted).map { $1 ? $0 : nil }
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        guard tangents.contains(where: { $0 != nil }) else { return [nil] }
        let parts = zip(node.operands, tangents).map { $1 ?? $0.zeros() }
        return [Value.make(.concatenate(self), parts)]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [Value.make(.concatenate(Concatenate(axis + 1)), Value.batched(operands, isBatched, size))]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let strides = results[0].shape.contiguousStrides
        var result = HostArray(results[0], filledWith: 0)
        var start = 0
        for operand in operands {
            let walk = IndexWalk(operand.shape, strides: strides, start: start * strides[axis])
            result = result.replacing(operand) { walk.offset(of: $0) }
            start += operand.shape[axis]
        }
        return [result]
    }
    package func encode(into key: inout KeyWriter) { key.write(axis) }
}
