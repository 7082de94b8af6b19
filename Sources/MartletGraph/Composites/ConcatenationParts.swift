/// The parts of a concatenation: slices whose starts are structure, so that a planner knows where they lie in channel blocks.
///
/// ## Shapes
/// - operand: any, with Σ counts elements along `axis`
/// - results: one a part
package struct ConcatenationParts: Composite {
    package let axis: Int
    package let counts: [Int]

    package init(axis: Int, counts: [Int]) { (self.axis, self.counts) = (axis, counts) }

    package var name: String { "concatenationParts" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let type = operands[0]
        guard type.shape.indices.contains(axis), counts.reduce(0, +) == type.shape[axis] else {
            throw ShapeError(name, "parts of \(counts) along axis \(axis) are expected", shapes: [type.shape])
        }
        return counts.map { count in
            var shape = type.shape
            shape[axis] = count
            return TensorType(shape, type.dtype)
        }
    }

    package func body(_ operands: [Value]) -> [Value] {
        var start = 0
        return counts.map { count in
            defer { start += count }
            return operands[0].sliced(axis: axis, start: start, count: count)
        }
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? {
        guard let first = cotangents.lazy.compactMap({ $0 }).first else { return [nil] }
        let parts = zip(cotangents, resultShapes(node)).map { $0 ?? first.constant(0).expanded(toKnown: $1) }
        return [Value.make(.concatenate(Concatenate(axis)), parts)]
    }

    private func resultShapes(_ node: Node) -> [Shape] { counts.indices.map { node.type(of: $0).shape } }

    package func encode(into key: inout KeyWriter) {
        key.write(axis)
        key.write(counts)
    }
}

extension Value {
    /// The parts along `axis` of so many elements each, in order: more than a node has results are parts of parts.
    package func parts(axis: Int, counts: [Int]) -> [Value] {
        let most = Node.maximumResultCount
        guard counts.count > most else {
            return Value.makeAll(.composite(CompositeCall(ConcatenationParts(axis: axis, counts: counts))), [self])
        }
        var size = most
        while size * most < counts.count { size *= most }
        let groups = stride(from: 0, to: counts.count, by: size).map {
            Array(counts[$0..<min($0 + size, counts.count)])
        }
        return zip(parts(axis: axis, counts: groups.map { $0.reduce(0, +) }), groups)
            .flatMap { part, group in group.count == 1 ? [part] : part.parts(axis: axis, counts: group) }
    }
}
