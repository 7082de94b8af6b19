// Whole slices by position along an axis, and their transpose.

/// result[..., c, ...] = values[..., indices[c], ...] along `axis`; an embedding's look-up.
///
/// ## Shapes
/// - operands: values, indices `[count]` (int64)
/// - result: the values' shape with `count` along `axis`
package struct IndexSelect: PrimitiveFamily {
    package let axis: Int
    package init(_ axis: Int) { self.axis = axis }

    package var name: String { "indexSelect" }
    package var residuals: Residuals { .laterOperands }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        try SelectRules.check(name, operands[0].shape, operands[1], axis)
        var shape = operands[0].shape
        shape[axis] = operands[1].shape[0]
        return [TensorType(shape, operands[0].dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil, nil] }
        let base = Value.filled(0, TensorType(node.operands[0].shape, cotangent.dtype))
        return [base.adding(cotangent, at: node.operands[1], axis: axis), nil]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        [tangents[0]?.select(node.operands[1], axis: axis)]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        if !isBatched[1] { return [operands[0].select(operands[1], axis: axis + 1)] }
        let values = Value.batched(operands, isBatched, size)[0]
        return [values.gather(SelectRules.spread(operands[1], over: values, axis + 1), axis: axis + 1)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let positions = try SelectRules.positions(name, operands[0].shape, operands[1], axis)
        return [operands[0].gathered(results[0].shape) { positions[$0] }]
    }
    package func encode(into key: inout KeyWriter) { key.write(axis) }
}

/// base[..., indices[c], ...] += updates[..., c, ...] along `axis`, in order.
///
/// ## Shapes
/// - operands: base, indices `[count]` (int64), updates: the base's shape with `count` along `axis`
/// - result: the base's
package struct IndexAdd: PrimitiveFamily {
    package let axis: Int
    package init(_ axis: Int) { self.axis = axis }

    package var name: String { "indexAdd" }
    package var residuals: Residuals { .laterOperands }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        try SelectRules.check(name, operands[0].shape, operands[1], axis)
        var expected = operands[0]
        expected.shape[axis] = operands[1].shape[0]
        guard operands[2] == expected else {
            throw ShapeError(name, "updates are \(operands[2]), expected \(expected)", shapes: operands.map(\.shape))
        }
        return [operands[0]]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        [
            wanted[0] ? cotangents[0] : nil, nil,
            wanted[2] ? cotangents[0]?.select(node.operands[1], axis: axis) : nil,
        ]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        let added = tangents[2].map {
            (tangents[0] ?? node.operands[0].zeros()).adding($0, at: node.operands[1], axis: axis)
        }
        return [added ?? tangents[0]]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        let all = Value.batched(operands, [isBatched[0], true, isBatched[2]], size, except: 1)
        if !isBatched[1] { return [all[0].adding(all[2], at: operands[1], axis: axis + 1)] }
        let indices = SelectRules.spread(operands[1], over: all[2], axis + 1)
        return [all[0].scatter(.add, indices, all[2], axis: axis + 1)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let positions = try SelectRules.positions(name, operands[0].shape, operands[1], axis)
        return [operands[0].adding(operands[2]) { positions[$0] }]
    }
    package func encode(into key: inout KeyWriter) { key.write(axis) }
}

private enum SelectRules {
    static func check(_ name: String, _ values: Shape, _ indices: TensorType, _ axis: Int) throws(ShapeError) {
        guard indices.dtype == .int64, indices.shape.rank == 1, values.sizes.indices.contains(axis) else {
            throw ShapeError(
                name, "needs a vector of int64 indices and an axis of the values, not \(indices) along \(axis)",
                shapes: [values, indices.shape])
        }
    }

    /// A batch of index vectors as indices for `gather` over whole slices.
    static func spread(_ indices: Value, over values: Value, _ axis: Int) -> Value {
        var sizes = [Int](repeating: 1, count: values.rank)
        sizes[0] = indices.shape[0]
        sizes[axis] = indices.shape[1]
        var target = values.shape
        target[axis] = indices.shape[1]
        return indices.reshaped(known: Shape(sizes)).expanded(toKnown: target)
    }

    static func positions(_ name: String, _ values: Shape, _ indices: HostArray, _ axis: Int) throws -> [Int] {
        let resolved = try indices.integers.map { try IndexError.resolved($0, size: values[axis], name) }
        var shape = values
        shape[axis] = resolved.count
        let strides = values.contiguousStrides
        let own = shape.contiguousStrides
        var beside = strides
        beside[axis] = 0
        let walk = IndexWalk(shape, strides: beside)
        return (0..<shape.elementCount).map { place in
            walk.offset(of: place) + strides[axis] * resolved[place / own[axis] % resolved.count]
        }
    }
}

extension Value {
    /// `batched`, leaving operand `index` as it is.
    static func batched(_ operands: [Value], _ isBatched: [Bool], _ size: Int, except index: Int) -> [Value] {
        operands.enumerated().map { position, operand in
            position == index || isBatched[position] ? operand : operand.repeatedAsBatch(size)
        }
    }
}
