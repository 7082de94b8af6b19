// The rules shared by all elementwise families: one row of a table says the rest.

/// A function of one operand.
package struct Unary: PrimitiveFamily {
    package let function: UnaryFunction
    package init(_ function: UnaryFunction) { self.function = function }

    package var name: String { function.row.name }
    package var residuals: Residuals { function.row.residuals }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let operand = operands[0]
        if function.row.needsFloat, !operand.dtype.isFloatingPoint {
            throw ShapeError(name, "needs a floating type, not \(operand.dtype)", shapes: [operand.shape])
        }
        return [TensorType(operand.shape, function.resultType(of: operand.dtype))]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        [scaled(node, by: cotangents[0])]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [scaled(node, by: tangents[0])] }

    private func scaled(_ node: Node, by factor: Value?) -> Value? {
        guard let factor, let flow = function.row.flow else { return nil }
        return flow(node.operands[0], node.result(0), factor)
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [Value.make(.unary(function), operands)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        if function == .unitFromBits {
            return [HostArray(results[0], real: operands[0].integers.map { Double($0 >> 8) * 0x1p-24 })]
        }
        if results[0].dtype.isFloatingPoint || function.row.givesBool {
            let values = operands[0].reals.map(function.row.reference)
            if function.row.givesBool { return [HostArray(results[0], integer: values.map { Int($0) })] }
            return [HostArray(results[0], real: values)]
        }
        return [HostArray(results[0], integer: operands[0].integers.map(integer))]
    }

    /// The function on integers, exact beyond 2^53.
    private func integer(_ value: Int) -> Int {
        switch function {
        case .negate: 0 &- value
        case .absolute: value < 0 ? 0 &- value : value
        case .sign: value.signum()
        case .square: value &* value
        case .relu: max(0, value)
        default: value
        }
    }
    package func encode(into key: inout KeyWriter) { key.write(Int(function.rawValue)) }
}

/// A function of two operands of one type and shape (`Value` promotes and broadcasts them).
package struct Binary: PrimitiveFamily {
    package let function: BinaryFunction
    package init(_ function: BinaryFunction) { self.function = function }

    package var name: String { function.row.name }
    package var residuals: Residuals { function.row.residuals }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        guard operands[0] == operands[1] else {
            throw ShapeError(name, "operands differ: \(operands[0]) and \(operands[1])", shapes: operands.map(\.shape))
        }
        return [TensorType(operands[0].shape, function.row.givesBool ? .bool : operands[0].dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil, nil] }
        return [
            wanted[0] ? flow(cotangent, node, function.row.flows.left) : nil,
            wanted[1] ? flow(cotangent, node, function.row.flows.right) : nil,
        ]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        let left = tangents[0].flatMap { flow($0, node, function.row.flows.left) }
        let right = tangents[1].flatMap { flow($0, node, function.row.flows.right) }
        return [Value.sum(left, right)]
    }

    private func flow(_ arriving: Value, _ node: Node, _ flow: BinaryRow.Flow?) -> Value? {
        flow?(node.operands[0], node.operands[1], node.result(0), arriving)
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [Value.make(.binary(function), Value.batched(operands, isBatched, size))]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        if operands[0].type.dtype.isFloatingPoint {
            let values = zip(operands[0].reals, operands[1].reals).map(function.row.reference)
            if function.row.givesBool { return [HostArray(results[0], integer: values.map { Int($0) })] }
            return [HostArray(results[0], real: values)]
        }
        return [HostArray(results[0], integer: zip(operands[0].integers, operands[1].integers).map(integer))]
    }

    /// The function on integers, exact beyond 2^53; dividing by zero gives 0.
    private func integer(_ a: Int, _ b: Int) -> Int {
        switch function {
        case .add: return a &+ b
        case .subtract: return a &- b
        case .multiply: return a &* b
        case .floorDivide, .divide:
            if b == 0 { return 0 }
            if b == -1 { return 0 &- a }
            return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0)
        case .remainder:
            if b == 0 || b == -1 { return 0 }
            let truncated = a % b
            return truncated != 0 && (truncated < 0) != (b < 0) ? truncated + b : truncated
        case .maximum: return max(a, b)
        case .minimum: return min(a, b)
        case .equal: return a == b ? 1 : 0
        case .notEqual: return a != b ? 1 : 0
        case .less: return a < b ? 1 : 0
        case .lessOrEqual: return a <= b ? 1 : 0
        case .greater: return a > b ? 1 : 0
        case .greaterOrEqual: return a >= b ? 1 : 0
        case .logicalAnd: return a != 0 && b != 0 ? 1 : 0
        case .logicalOr: return a != 0 || b != 0 ? 1 : 0
        case .logicalXor: return (a != 0) != (b != 0) ? 1 : 0
        case .power, .atan2: return DataType.int64.integer(from: function.row.reference(Double(a), Double(b)))
        }
    }
    package func encode(into key: inout KeyWriter) { key.write(Int(function.rawValue)) }
}

/// `condition ? a : b`, element by element.
package struct Select: PrimitiveFamily {
    package init() {}
    package var name: String { "where" }
    package var residuals: Residuals { .firstOperand }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        guard operands[0].dtype == .bool, operands[1] == operands[2], operands[0].shape == operands[1].shape else {
            throw ShapeError(
                name, "needs a bool condition and two branches of one type: \(operands)", shapes: operands.map(\.shape))
        }
        return [operands[1]]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil, nil, nil] }
        let zero = cotangent.zeros()
        let condition = node.operands[0]
        return [
            nil, wanted[1] ? Value.choose(condition, cotangent, zero) : nil,
            wanted[2] ? Value.choose(condition, zero, cotangent) : nil,
        ]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        guard tangents[1] != nil || tangents[2] != nil else { return [nil] }
        let zero = node.result(0).zeros()
        return [Value.choose(node.operands[0], tangents[1] ?? zero, tangents[2] ?? zero)]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [Value.make(.select, Value.batched(operands, isBatched, size))]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let condition = operands[0].integers
        if results[0].dtype.isFloatingPoint {
            let (a, b) = (operands[1].reals, operands[2].reals)
            return [HostArray(results[0], real: condition.indices.map { condition[$0] != 0 ? a[$0] : b[$0] })]
        }
        let (a, b) = (operands[1].integers, operands[2].integers)
        return [HostArray(results[0], integer: condition.indices.map { condition[$0] != 0 ? a[$0] : b[$0] })]
    }
    package func encode(into key: inout KeyWriter) {}
}

/// Another element type.
package struct Cast: PrimitiveFamily {
    package let dtype: DataType
    package init(_ dtype: DataType) { self.dtype = dtype }

    package var name: String { "cast" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        [TensorType(operands[0].shape, dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard node.operands[0].dtype.isFloatingPoint, dtype.isFloatingPoint else { return [nil] }
        return [cotangents[0]?.cast(to: node.operands[0].dtype)]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        dtype.isFloatingPoint ? [tangents[0]?.cast(to: dtype)] : [nil]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [operands[0].cast(to: dtype)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        if dtype.isFloatingPoint { return [HostArray(results[0], real: operands[0].reals)] }
        switch operands[0].elements {
        case .integer(let values): return [HostArray(results[0], integer: values)]
        case .real(let values): return [HostArray(results[0], integer: values.map { dtype.integer(from: $0) })]
        }
    }
    package func encode(into key: inout KeyWriter) { key.write(Int(dtype.rawValue)) }
}

extension Value {
    /// What of this cotangent passes a rectifier with that result: a choice and no product, so that an infinite one flows nowhere where
    /// nothing is to flow.
    package func throughRectifier(of result: Value) -> Value {
        Value.choose(result .> result.constant(0), self, zeros())
    }

    /// The sum of two optional cotangents: nil is zero.
    package static func sum(_ a: Value?, _ b: Value?) -> Value? {
        guard let a else { return b }
        guard let b else { return a }
        return a + b
    }

    /// Every operand with the batch as axis 0: those without it are repeated, without copying.
    package static func batched(_ operands: [Value], _ isBatched: [Bool], _ size: Int) -> [Value] {
        zip(operands, isBatched).map { $1 ? $0 : $0.repeatedAsBatch(size) }
    }
}
