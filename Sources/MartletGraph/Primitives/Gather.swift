// Elements by position along an axis, and their transposes. Indices are int64; negative ones count from the end.

/// An index that is not on its axis: data decides, so it is thrown.
public struct IndexError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The operation that met it.
    public let operation: String
    /// The index as given.
    public let index: Int
    /// The size of the axis.
    public let size: Int

    package init(operation: String, index: Int, size: Int) {
        self.operation = operation
        self.index = index
        self.size = size
    }

    public var description: String {
        "\(operation): index \(index) is out of range for an axis of size \(size)"
    }

    /// The index counted from the start.
    package static func resolved(_ index: Int, size: Int, _ operation: String) throws -> Int {
        let position = index < 0 ? index + size : index
        guard position >= 0, position < size else { throw IndexError(operation: operation, index: index, size: size) }
        return position
    }
}

/// result[..., i, ...] = values[..., indices[..., i, ...], ...] along `axis`; `indices` has the result's shape.
///
/// ## Shapes
/// - operands: values, indices of the same rank and the same sizes beside `axis`
/// - result: the indices'
package struct Gather: PrimitiveFamily {
    package let axis: Int
    package init(_ axis: Int) { self.axis = axis }

    package var name: String { "gather" }
    package var residuals: Residuals { .laterOperands }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        try AxisRules.check(name, operands[0].shape, indices: operands[1], axis: axis)
        return [TensorType(operands[1].shape, operands[0].dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil, nil] }
        let base = Value.filled(0, TensorType(node.operands[0].shape, cotangent.dtype))
        return [base.scatter(.add, node.operands[1], cotangent, axis: axis), nil]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        [tangents[0]?.gather(node.operands[1], axis: axis)]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        let all = Value.batched(operands, isBatched, size)
        return [all[0].gather(all[1], axis: axis + 1)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let positions = try AxisRules.positions(name, operands[0].shape, operands[1], axis: axis)
        return [operands[0].gathered(results[0].shape) { positions[$0] }]
    }
    package func encode(into key: inout KeyWriter) { key.write(axis) }
}

/// Updates written or added at positions along an axis, in row-major order.
///
/// ## Shapes
/// - operands: base, indices (as `Gather`'s), updates of the indices' shape
/// - result: the base's
package struct Scatter: PrimitiveFamily {
    package enum Mode: UInt8, Hashable, Sendable { case add, replace }
    package let mode: Mode
    package let axis: Int
    package init(_ mode: Mode, _ axis: Int) {
        self.mode = mode
        self.axis = axis
    }

    package var name: String { mode == .add ? "scatterAdd" : "scatter" }
    package var residuals: Residuals { .laterOperands }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        try AxisRules.check(name, operands[0].shape, indices: operands[1], axis: axis)
        guard operands[2] == TensorType(operands[1].shape, operands[0].dtype) else {
            throw ShapeError(
                name, "updates are \(operands[2]), expected \(operands[0].dtype)\(operands[1].shape)",
                shapes: operands.map(\.shape))
        }
        return [operands[0]]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil, nil, nil] }
        let indices = node.operands[1]
        let hole = Value.filled(0, TensorType(indices.shape, cotangent.dtype))
        let base = mode == .add ? cotangent : cotangent.scatter(.replace, indices, hole, axis: axis)
        return [wanted[0] ? base : nil, nil, wanted[2] ? cotangent.gather(indices, axis: axis) : nil]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        guard tangents[0] != nil || tangents[2] != nil else { return [nil] }
        let base = tangents[0] ?? node.operands[0].zeros()
        return [base.scatter(mode, node.operands[1], tangents[2] ?? node.operands[2].zeros(), axis: axis)]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        let all = Value.batched(operands, isBatched, size)
        return [all[0].scatter(mode, all[1], all[2], axis: axis + 1)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let positions = try AxisRules.positions(name, operands[0].shape, operands[1], axis: axis)
        return [
            mode == .add
                ? operands[0].adding(operands[2]) { positions[$0] }
                : operands[0].replacing(operands[2]) { positions[$0] }
        ]
    }
    package func encode(into key: inout KeyWriter) {
        key.write(Int(mode.rawValue))
        key.write(axis)
    }
}

/// What the families along an axis share.
enum AxisRules {
    static func check(_ name: String, _ values: Shape, indices: TensorType, axis: Int) throws(ShapeError) {
        guard indices.dtype == .int64, indices.shape.rank == values.rank, values.sizes.indices.contains(axis) else {
            throw ShapeError(
                name, "needs int64 indices of rank \(values.rank) and an axis below it, not \(indices) along \(axis)",
                shapes: [values, indices.shape])
        }
        for other in values.sizes.indices where other != axis && values[other] != indices.shape[other] {
            throw ShapeError(name, "sizes differ along axis \(other)", shapes: [values, indices.shape])
        }
    }

    /// For each index in row-major order, the position in `values` that it names.
    static func positions(_ name: String, _ values: Shape, _ indices: HostArray, axis: Int) throws -> [Int] {
        let strides = values.contiguousStrides
        var beside = strides
        beside[axis] = 0
        let walk = IndexWalk(indices.shape, strides: beside)
        return try indices.integers.enumerated().map { place, index in
            walk.offset(of: place) + strides[axis] * (try IndexError.resolved(index, size: values[axis], name))
        }
    }
}

extension HostArray {
    /// With `updates` written where `target` says, in row-major order.
    func replacing(_ updates: HostArray, _ target: (Int) -> Int) -> HostArray {
        switch (elements, updates.elements) {
        case (.integer(var values), .integer(let new)):
            for (place, value) in new.enumerated() { values[target(place)] = value }
            return HostArray(type, integer: values)
        default:
            var values = reals
            for (place, value) in updates.reals.enumerated() { values[target(place)] = value }
            return HostArray(type, real: values)
        }
    }

    /// With `updates` added where `target` says, in row-major order.
    func adding(_ updates: HostArray, _ target: (Int) -> Int) -> HostArray {
        switch (elements, updates.elements) {
        case (.integer(var values), .integer(let new)):
            for (place, value) in new.enumerated() { values[target(place)] &+= value }
            return HostArray(type, integer: values)
        default:
            var values = reals
            for (place, value) in updates.reals.enumerated() { values[target(place)] += value }
            return HostArray(type, real: values)
        }
    }
}
