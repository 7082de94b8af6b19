/// The position of the largest or smallest element along an axis: the first of equals, the first NaN over all; int64.
///
/// ## Shapes
/// - operand: any, with at least one element along `axis`
/// - result: the operand's shape without `axis`
package struct ArgReduce: PrimitiveFamily {
    package enum Kind: UInt8, Hashable, Sendable { case max, min }
    package let kind: Kind
    package let axis: Int
    package init(_ kind: Kind, _ axis: Int) {
        self.kind = kind
        self.axis = axis
    }

    package var name: String { kind == .max ? "argmax" : "argmin" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let shape = operands[0].shape
        guard shape.sizes.indices.contains(axis), shape[axis] > 0 else {
            throw ShapeError(name, "needs at least one element along axis \(axis)", shapes: [shape])
        }
        return [TensorType(shape.reduced([axis]), .int64)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] { [nil] }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [nil] }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [Value.make(.argReduce(ArgReduce(kind, axis + 1)), operands)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let lines = AxisLines(operands[0].shape, axis)
        let found = lines.starts.map { start -> Int in
            let line = lines.line(start)
            return line.indices.dropFirst().reduce(0) { best, next in
                beats(operands[0], line[next], line[best]) ? next : best
            }
        }
        return [HostArray(results[0], integer: found)]
    }

    private func beats(_ array: HostArray, _ a: Int, _ b: Int) -> Bool {
        switch array.elements {
        case .integer(let values): return kind == .max ? values[a] > values[b] : values[a] < values[b]
        case .real(let values):
            if values[b].isNaN { return false }
            if values[a].isNaN { return true }
            return kind == .max ? values[a] > values[b] : values[a] < values[b]
        }
    }
    package func encode(into key: inout KeyWriter) {
        key.write(Int(kind.rawValue))
        key.write(axis)
    }
}
