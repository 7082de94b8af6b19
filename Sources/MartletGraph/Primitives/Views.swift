// Views: the same elements seen under another shape, order or range. A backend copies nothing where strides can say it.

/// The same value under another identity: `detached()`, the leaves that transformations differentiate by, and fences.
///
/// A fence has a second operand: whatever reads the value through it runs after that one was made. What a checkpoint repeats reads
/// its inputs so, else the planner would run it beside the forward pass that it is to spare the memory of.
package struct Alias: PrimitiveFamily {
    package let stopsGradient: Bool
    package let isFence: Bool
    package init(stopsGradient: Bool, isFence: Bool = false) {
        (self.stopsGradient, self.isFence) = (stopsGradient, isFence)
    }

    package var name: String { isFence ? "fence" : stopsGradient ? "detach" : "alias" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        [operands[0]]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        [stopsGradient ? nil : cotangents[0]] + (isFence ? [nil] : [])
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [stopsGradient ? nil : tangents[0]] }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        // A fence is no reason for a value to be there once a member.
        [Value.make(.alias(self), isBatched[0] ? operands : [operands[0].repeatedAsBatch(size), operands[1]])]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        [operands[0]]
    }
    /// A fence is told by its number of operands.
    package func encode(into key: inout KeyWriter) {}
}

/// Another shape of as many elements, in row-major order.
package struct Reshape: PrimitiveFamily {
    package let shape: Shape
    package init(_ shape: Shape) { self.shape = shape }

    package var name: String { "reshape" }
    package var residuals: Residuals { .none }

    /// The target with its -1, where there is one, filled in.
    package static func resolved(_ target: Shape, from source: Shape) throws(ShapeError) -> Shape {
        var sizes = target.sizes
        let unknown = sizes.indices.filter { sizes[$0] == -1 }
        guard unknown.count <= 1, sizes.allSatisfy({ $0 >= -1 }) else {
            throw ShapeError("reshape", "\(target) may hold one -1 and no other negative size", shapes: [source])
        }
        let count = source.elementCount
        if let hole = unknown.first {
            let others = Shape(sizes.indices.filter { $0 != hole }.map { sizes[$0] })
            guard let known = others.checkedElementCount, known > 0, count % known == 0 else {
                throw ShapeError("reshape", "\(count) elements do not divide into \(target)", shapes: [source])
            }
            sizes[hole] = count / known
        }
        guard Shape(sizes).checkedElementCount == count else {
            throw ShapeError("reshape", "\(count) elements do not fill \(target)", shapes: [source])
        }
        return Shape(sizes)
    }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        [TensorType(try Reshape.resolved(shape, from: operands[0].shape), operands[0].dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        [cotangents[0]?.reshaped(known: node.operands[0].shape)]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [tangents[0]?.reshaped(known: shape)] }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [operands[0].reshaped(known: Shape([size] + shape.sizes))]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        [operands[0].reshaped(results[0].shape)]
    }
    package func encode(into key: inout KeyWriter) { key.write(shape) }
}

/// Axes in another order: result axis i is the operand's axis `order[i]`.
package struct Permute: PrimitiveFamily {
    package let order: [Int]
    package init(_ order: [Int]) { self.order = order }

    package var name: String { "permute" }
    package var residuals: Residuals { .none }
    package var inverse: [Int] {
        var result = order
        for (index, axis) in order.enumerated() { result[axis] = index }
        return result
    }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let shape = operands[0].shape
        guard order.sorted() == Array(0..<shape.rank) else {
            throw ShapeError(name, "\(order) does not name each of the \(shape.rank) axes once", shapes: [shape])
        }
        return [TensorType(Shape(order.map { shape[$0] }), operands[0].dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        [cotangents[0]?.permuted(known: inverse)]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [tangents[0]?.permuted(known: order)] }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [operands[0].permuted([0] + order.map { $0 + 1 })]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let strides = operands[0].shape.contiguousStrides
        let walk = IndexWalk(results[0].shape, strides: order.map { strides[$0] })
        return [operands[0].gathered(results[0].shape) { walk.offset(of: $0) }]
    }
    package func encode(into key: inout KeyWriter) { key.write(order) }
}

/// Broadcast to a larger shape: axes of size 1 and missing leading axes are repeated.
package struct Expand: PrimitiveFamily {
    package let shape: Shape
    package init(_ shape: Shape) { self.shape = shape }

    package var name: String { "expand" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let source = operands[0].shape
        guard try Shape.broadcast(source, shape, operation: name).sizes == shape.sizes else {
            throw ShapeError(name, "\(source) does not broadcast to \(shape)", shapes: [source])
        }
        return [TensorType(shape, operands[0].dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        [cotangents[0]?.summed(to: node.operands[0].shape)]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [tangents[0]?.expanded(toKnown: shape)] }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        let own = operands[0].shape.sizes
        let padding = [Int](repeating: 1, count: shape.rank + 1 - own.count)
        let aligned = operands[0].reshaped(known: Shape([size] + padding + own.dropFirst()))
        return [aligned.expanded(toKnown: Shape([size] + shape.sizes))]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let walk = IndexWalk(shape, strides: broadcastStrides(of: operands[0].shape))
        return [operands[0].gathered(shape) { walk.offset(of: $0) }]
    }

    /// The strides of a contiguous operand seen under the target: 0 along what is repeated.
    package func broadcastStrides(of source: Shape) -> [Int] {
        let own = source.contiguousStrides
        let extra = shape.rank - source.rank
        return (0..<shape.rank).map { $0 < extra || source[$0 - extra] == 1 ? 0 : own[$0 - extra] }
    }
    package func encode(into key: inout KeyWriter) { key.write(shape) }
}

/// `sizes[i]` elements of each axis, by `steps[i]`, from the starts in the node's arguments.
package struct Slice: PrimitiveFamily {
    package let sizes: [Int]
    package let steps: [Int]
    package init(sizes: [Int], steps: [Int]) {
        self.sizes = sizes
        self.steps = steps
    }

    package var name: String { "slice" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let shape = operands[0].shape
        try Slice.check(name, sizes: sizes, steps: steps, starts: arguments, in: shape)
        return [TensorType(Shape(sizes), operands[0].dtype)]
    }

    /// Every element of the range lies inside `shape`.
    package static func check(
        _ name: String, sizes: [Int], steps: [Int], starts: [Scalar], in shape: Shape
    ) throws(ShapeError) {
        guard sizes.count == shape.rank, steps.count == shape.rank, starts.count == shape.rank else {
            throw ShapeError(name, "needs a start, size and step for each of \(shape.rank) axes", shapes: [shape])
        }
        for axis in 0..<shape.rank {
            let start = starts[axis].integer
            let end = sizes[axis] == 0 ? start : start + (sizes[axis] - 1) * steps[axis] + 1
            guard steps[axis] > 0, sizes[axis] >= 0, start >= 0, end <= shape[axis] else {
                throw ShapeError(
                    name,
                    "axis \(axis): \(sizes[axis]) elements from \(start) by \(steps[axis]) leave size \(shape[axis])",
                    shapes: [shape])
            }
        }
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil] }
        let base = Value.filled(0, TensorType(node.operands[0].shape, cotangent.dtype))
        return [base.updatingSlice(starts: node.arguments.map(\.integer), steps: steps, with: cotangent)]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        [tangents[0]?.sliced(starts: node.arguments.map(\.integer), sizes: sizes, steps: steps)]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [operands[0].sliced(starts: [0] + arguments.map(\.integer), sizes: [size] + sizes, steps: [1] + steps)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let strides = operands[0].shape.contiguousStrides
        let start = zip(strides, arguments).reduce(0) { $0 + $1.0 * $1.1.integer }
        let walk = IndexWalk(Shape(sizes), strides: zip(strides, steps).map { $0 * $1 }, start: start)
        return [operands[0].gathered(Shape(sizes)) { walk.offset(of: $0) }]
    }
    package func encode(into key: inout KeyWriter) {
        key.write(sizes)
        key.write(steps)
    }
}

/// Axes reversed.
package struct Flip: PrimitiveFamily {
    package let axes: [Int]
    package init(_ axes: [Int]) { self.axes = axes }

    package var name: String { "flip" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        for axis in axes where axis < 0 || axis >= operands[0].shape.rank {
            throw ShapeError(name, "axis \(axis) is out of range", shapes: [operands[0].shape])
        }
        return [operands[0]]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        [cotangents[0]?.flipped(axes)]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [tangents[0]?.flipped(axes)] }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [operands[0].flipped(axes.map { $0 + 1 })]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let shape = operands[0].shape
        guard shape.elementCount > 0 else { return [operands[0]] }
        let strides = shape.contiguousStrides
        let start = axes.reduce(0) { $0 + strides[$1] * (shape[$1] - 1) }
        let walk = IndexWalk(
            shape, strides: (0..<shape.rank).map { axes.contains($0) ? -strides[$0] : strides[$0] }, start: start)
        return [operands[0].gathered(shape) { walk.offset(of: $0) }]
    }
    package func encode(into key: inout KeyWriter) { key.write(axes) }
}

/// From a row-major position in a shape to an offset by strides.
package struct IndexWalk: Sendable {
    private let shape: Shape
    private let own: [Int]
    private let strides: [Int]
    private let start: Int

    package init(_ shape: Shape, strides: [Int], start: Int = 0) {
        self.shape = shape
        own = shape.contiguousStrides
        self.strides = strides
        self.start = start
    }

    package func offset(of position: Int) -> Int {
        var offset = start
        for axis in 0..<shape.rank where shape[axis] > 1 {
            offset += (position / own[axis]) % shape[axis] * strides[axis]
        }
        return offset
    }
}
