/// The running sum along an axis; integers count in int64.
///
///     y[i] = Σ_{j ≤ i} x[j]        reverse: j ≥ i        exclusive: without x[i] itself
///
/// ## Shapes
/// - operand and result: the same
package struct CumulativeSum: PrimitiveFamily {
    package let axis: Int
    package let reverse: Bool
    package let exclusive: Bool
    package init(_ axis: Int, reverse: Bool, exclusive: Bool = false) {
        self.axis = axis
        self.reverse = reverse
        self.exclusive = exclusive
    }

    package var name: String { "cumulativeSum" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        guard operands[0].shape.sizes.indices.contains(axis) else {
            throw ShapeError(name, "axis \(axis) is out of range", shapes: [operands[0].shape])
        }
        return [TensorType(operands[0].shape, operands[0].dtype.sumType)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        let back = CumulativeSum(axis, reverse: !reverse, exclusive: exclusive)
        return [cotangents[0].map { Value.make(.cumulativeSum(back), [$0]) }]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        [tangents[0].map { Value.make(.cumulativeSum(self), [$0]) }]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [Value.make(.cumulativeSum(CumulativeSum(axis + 1, reverse: reverse, exclusive: exclusive)), operands)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let lines = AxisLines(operands[0].shape, axis)
        var reals = operands[0].reals
        var integers = operands[0].integers
        for start in lines.starts {
            var sum = 0.0
            var count = 0
            for place in reverse ? lines.line(start).reversed() : lines.line(start) {
                let (real, integer) = (reals[place], integers[place])
                reals[place] = exclusive ? sum : sum + real
                integers[place] = exclusive ? count : count &+ integer
                sum += real
                count = count &+ integer
            }
        }
        if results[0].dtype.isFloatingPoint { return [HostArray(results[0], real: reals)] }
        return [HostArray(results[0], integer: integers)]
    }
    package func encode(into key: inout KeyWriter) {
        key.write(axis)
        key.write(reverse)
        key.write(exclusive)
    }
}
