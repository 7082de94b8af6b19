/// Many elements become one, over some axes.
///
///     sum: Σx    product: Πx    max, min: NaN wins    any: some x ≠ 0    all: every x ≠ 0
///
/// ## Shapes
/// - operand: any; `axes` are sorted
/// - result: the operand's shape without `axes`
package struct Reduce: PrimitiveFamily {
    package enum Kind: UInt8, Hashable, Sendable {
        case sum, product, max, min, any, all

        /// Sums and products of small integers and booleans count in int64.
        package func resultType(of dtype: DataType) -> DataType {
            switch self {
            case .sum, .product: dtype.sumType
            case .max, .min: dtype
            case .any, .all: .bool
            }
        }
    }
    package let kind: Kind
    package let axes: [Int]
    package init(_ kind: Kind, _ axes: [Int]) {
        self.kind = kind
        self.axes = axes
    }

    package var name: String {
        switch kind {
        case .sum: "sum"
        case .product: "product"
        case .max: "max"
        case .min: "min"
        case .any: "any"
        case .all: "all"
        }
    }
    package var residuals: Residuals {
        switch kind {
        case .sum, .any, .all: .none
        case .product: .operands
        case .max, .min: [.operands, .results]
        }
    }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let operand = operands[0]
        for axis in axes where !operand.shape.sizes.indices.contains(axis) {
            throw ShapeError(name, "axis \(axis) is out of range", shapes: [operand.shape])
        }
        let result = operand.shape.reduced(axes)
        if kind == .max || kind == .min, operand.shape.elementCount == 0, result.elementCount > 0 {
            throw ShapeError(name, "there is no largest or smallest of no elements", shapes: [operand.shape])
        }
        return [TensorType(result, kind.resultType(of: operand.dtype))]
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil] }
        let operand = node.operands[0]
        let spread = spread(cotangent, over: operand.shape)
        switch kind {
        case .sum: return [spread]
        case .product: return [spread * productOfOthers(operand)]
        case .max, .min: return [share(of: spread, node)]
        case .any, .all: return [nil]
        }
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        guard let tangent = tangents[0] else { return [nil] }
        switch kind {
        case .sum: return [tangent.reduced(.sum, axes)]
        case .product: return [(tangent * productOfOthers(node.operands[0])).reduced(.sum, axes)]
        case .max, .min: return [share(of: tangent, node).reduced(.sum, axes)]
        case .any, .all: return [nil]
        }
    }

    private func spread(_ value: Value, over shape: Shape) -> Value {
        value.reshaped(known: shape.reduced(axes, keeping: true)).expanded(toKnown: shape)
    }

    /// The winners' equal shares of what arrives: c / (number of ties) where the element is the result, a NaN too. Chosen and not
    /// multiplied: an infinite c may arrive at a loser.
    private func share(of c: Value, _ node: Node) -> Value {
        let operand = node.operands[0]
        let result = spread(node.result(0), over: operand.shape)
        let areNaN = Value.binary(.logicalAnd, operand.applying(.isNaN), result.applying(.isNaN))
        let wins = Value.binary(.logicalOr, operand .== result, areNaN)
        // Counted in float32 at least: float16 ends at 65,504.
        let wide = DataType.promoted(c.dtype, .float32)
        let count = spread(wins.cast(to: wide).reduced(.sum, axes), over: operand.shape)
        return Value.choose(wins, (c.cast(to: wide) / count).cast(to: c.dtype), c.constant(0))
    }

    /// For each element the product of all others, exact where there are zeros: the product of those before it and of
    /// those after it, by doubling steps along one flat axis.
    private func productOfOthers(_ operand: Value) -> Value {
        let kept = (0..<operand.rank).filter { !axes.contains($0) }
        let order = kept + axes
        let arranged = operand.permuted(order)
        let count = axes.reduce(1) { $0 * operand.shape[$1] }
        let flat = arranged.reshaped(known: Shape(kept.map { operand.shape[$0] } + [count]))
        let others = flat.exclusiveProduct(reverse: false) * flat.exclusiveProduct(reverse: true)
        return others.reshaped(known: arranged.shape).permuted(Permute(order).inverse)
    }

    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [Value.make(.reduce(Reduce(kind, axes.map { $0 + 1 })), operands)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let shape = operands[0].shape
        let kept = (0..<shape.rank).filter { !axes.contains($0) }
        let own = results[0].shape.contiguousStrides
        var strides = [Int](repeating: 0, count: shape.rank)
        for (position, axis) in kept.enumerated() { strides[axis] = own[position] }
        let walk = IndexWalk(shape, strides: strides)
        var groups = [[Int]](repeating: [], count: results[0].shape.elementCount)
        for place in 0..<shape.elementCount { groups[walk.offset(of: place)].append(place) }
        switch operands[0].elements {
        case .real(let values):
            let folded = groups.map { fold($0.map { values[$0] }) }
            if kind == .any || kind == .all { return [HostArray(results[0], integer: folded.map { Int($0) })] }
            return [HostArray(results[0], real: folded)]
        case .integer(let values):
            return [HostArray(results[0], integer: groups.map { fold($0.map { values[$0] }) })]
        }
    }

    private func fold(_ values: [Double]) -> Double {
        switch kind {
        case .sum: CompensatedSum.of(values)
        case .product: values.reduce(1, *)
        case .max: values.contains(where: \.isNaN) ? .nan : values.max() ?? -.infinity
        case .min: values.contains(where: \.isNaN) ? .nan : values.min() ?? .infinity
        case .any: values.contains { $0 != 0 } ? 1 : 0
        case .all: values.allSatisfy { $0 != 0 } ? 1 : 0
        }
    }

    private func fold(_ values: [Int]) -> Int {
        switch kind {
        case .sum: values.reduce(0, &+)
        case .product: values.reduce(1, &*)
        case .max: values.max() ?? 0
        case .min: values.min() ?? 0
        case .any: values.contains { $0 != 0 } ? 1 : 0
        case .all: values.allSatisfy { $0 != 0 } ? 1 : 0
        }
    }
    package func encode(into key: inout KeyWriter) {
        key.write(Int(kind.rawValue))
        key.write(axes)
    }
}

/// Neumaier's sum: the rounding errors are carried along.
enum CompensatedSum {
    static func of(_ values: [Double]) -> Double {
        var sum = 0.0
        var lost = 0.0
        for value in values {
            let next = sum + value
            lost += abs(sum) >= abs(value) ? (sum - next) + value : (value - next) + sum
            sum = next
        }
        return sum.isFinite ? sum + lost : sum
    }
}

extension Value {
    /// Along the last axis, the product of the elements before each (after it where `reverse`), in log₂ n steps.
    fileprivate func exclusiveProduct(reverse: Bool) -> Value {
        let axis = rank - 1
        let count = shape[axis]
        guard count > 0 else { return self }
        var result = shifted(by: 1, reverse: reverse)
        var step = 1
        while step < count {
            result = result * result.shifted(by: step, reverse: reverse)
            step *= 2
        }
        return result
    }

    /// Moved along the last axis, ones filling the gap.
    private func shifted(by step: Int, reverse: Bool) -> Value {
        let axis = rank - 1
        let count = shape[axis]
        if step >= count { return ones() }
        let kept = sliced(axis: axis, start: reverse ? step : 0, count: count - step)
        var low = [Int](repeating: 0, count: rank)
        var high = low
        if reverse { high[axis] = step } else { low[axis] = step }
        return kept.padded(low: low, high: high, with: constant(1))
    }
}
