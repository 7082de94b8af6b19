// What stands at the start of a graph: values that exist, placeholders, numbers, coordinates.

/// A value that exists already.
package struct LeafRules: PrimitiveFamily {
    package var name: String { "leaf" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        throw ShapeError(name, "a leaf is made from memory, not recorded")
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] { [] }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [nil] }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] { [] }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        operands
    }
    package func encode(into key: inout KeyWriter) {}
}

/// An argument of a traced function: it has a type and no value.
package struct PlaceholderRules: PrimitiveFamily {
    package var name: String { "placeholder" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        throw ShapeError(name, "a placeholder is made by a transformation, not recorded")
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] { [] }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [nil] }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] { [] }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        throw ShapeError(name, "a placeholder has no value")
    }
    package func encode(into key: inout KeyWriter) {}
}

/// A scalar number: an argument of the plan, or part of its structure.
package enum Constant: PrimitiveFamily {
    /// The user's number (a learning rate): in the node's arguments, so that another one meets the same plan.
    case argument(DataType)
    /// The library's own number (0, 1, 0.5): the planner may simplify by it.
    case structural(DataType, Double)

    package var name: String { "constant" }
    package var residuals: Residuals { .none }
    package var dtype: DataType {
        switch self {
        case .argument(let dtype), .structural(let dtype, _): dtype
        }
    }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        [TensorType([], dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] { [] }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [nil] }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] { [] }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        switch self {
        case .structural(_, let value): return [HostArray(results[0], filledWith: value)]
        case .argument(let dtype):
            if dtype.isFloatingPoint { return [HostArray(results[0], real: [arguments[0].real])] }
            return [HostArray(results[0], integer: [arguments[0].integer])]
        }
    }
    package func encode(into key: inout KeyWriter) {
        key.write(Int(dtype.rawValue))
        if case .structural(_, let value) = self { key.write(value.bitPattern) } else { key.write(UInt64.max) }
    }
}

/// 0, 1, 2, ... along one axis, int64.
package struct Iota: PrimitiveFamily {
    package let shape: Shape
    package let axis: Int
    package init(_ shape: Shape, axis: Int) {
        self.shape = shape
        self.axis = axis
    }

    package var name: String { "iota" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        [TensorType(shape, .int64)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] { [] }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [nil] }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] { [] }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let stride = shape.contiguousStrides[axis]
        let size = shape[axis]
        return [HostArray(results[0], integer: (0..<shape.elementCount).map { ($0 / stride) % size })]
    }
    package func encode(into key: inout KeyWriter) {
        key.write(shape)
        key.write(axis)
    }
}
