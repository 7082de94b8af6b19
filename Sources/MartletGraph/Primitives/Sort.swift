/// Elements in order along an axis, and where each came from. Stable; NaN is larger than every number.
///
/// ## Shapes
/// - operand: any
/// - results: values and their int64 positions, of the operand's shape
package struct Sort: PrimitiveFamily {
    package let axis: Int
    package let descending: Bool
    package init(_ axis: Int, descending: Bool) {
        self.axis = axis
        self.descending = descending
    }

    package var name: String { "sort" }
    package var residuals: Residuals { .laterResults }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        guard operands[0].shape.sizes.indices.contains(axis) else {
            throw ShapeError(name, "axis \(axis) is out of range", shapes: [operands[0].shape])
        }
        return [operands[0], TensorType(operands[0].shape, .int64)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil] }
        return [cotangent.zeros().scatter(.add, node.result(1), cotangent, axis: axis)]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        [tangents[0]?.gather(node.result(1), axis: axis), nil]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        Value.makeAll(.sort(Sort(axis + 1, descending: descending)), operands)
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let order = AxisLines(operands[0].shape, axis).flatPermutation { line in
            line.sorted { comesBefore(operands[0], $0, $1) }
        }
        let stride = operands[0].shape.contiguousStrides[axis]
        let positions = order.map { $0 / stride % operands[0].shape[axis] }
        return [
            operands[0].gathered(results[0].shape) { order[$0] },
            HostArray(results[1], integer: positions),
        ]
    }

    /// The order of two elements by their positions; equal ones keep theirs.
    private func comesBefore(_ array: HostArray, _ a: Int, _ b: Int) -> Bool {
        switch array.elements {
        case .integer(let values):
            if values[a] == values[b] { return a < b }
            return descending ? values[a] > values[b] : values[a] < values[b]
        case .real(let values):
            let (x, y) = (values[a], values[b])
            if x == y || (x.isNaN && y.isNaN) { return a < b }
            let rises = y.isNaN || x < y
            return descending ? !rises : rises
        }
    }
    package func encode(into key: inout KeyWriter) {
        key.write(axis)
        key.write(descending)
    }
}

/// The lines of a tensor along an axis, as positions.
struct AxisLines {
    private let size: Int
    private let stride: Int
    private let count: Int

    init(_ shape: Shape, _ axis: Int) {
        size = shape[axis]
        stride = shape.contiguousStrides[axis]
        count = shape.elementCount
    }

    /// Where each line starts.
    var starts: [Int] { (0..<count).filter { $0 / stride % size == 0 } }

    /// The positions of the line that starts at `start`.
    func line(_ start: Int) -> [Int] { (0..<size).map { start + $0 * stride } }

    /// For each position, the one that a rearrangement of its line puts there.
    func flatPermutation(_ rearranged: ([Int]) -> [Int]) -> [Int] {
        var result = [Int](repeating: 0, count: count)
        for start in starts {
            let line = line(start)
            for (target, source) in zip(line, rearranged(line)) { result[target] = source }
        }
        return result
    }
}
