// Operators of `Value`: promotion, broadcasting, and the elementwise functions by their names.

extension Value {
    /// Applies a unary function, casting integers to float32 first where the function needs a float.
    package func applying(_ function: UnaryFunction) -> Value {
        let needsFloat = function.row.needsFloat && !dtype.isFloatingPoint
        let operand = needsFloat ? cast(to: .float32) : self
        let result = function.resultType(of: operand.dtype)
        return Value(node: Value.append(.unary(function), [operand], type: TensorType(operand.shape, result)))
    }

    /// Applies a binary function to operands promoted to one type and broadcast to one shape.
    package static func combined(_ function: BinaryFunction, _ a: Value, _ b: Value) throws(ShapeError) -> Value {
        var common = DataType.promoted(a.type, b.type)
        if function.row.needsFloat { common = common.quotientType }
        let shape = try Shape.broadcast(a.shape, b.shape, operation: function.row.name)
        let left = a.cast(to: common).expanded(toKnown: shape)
        let right = b.cast(to: common).expanded(toKnown: shape)
        let result = function.row.givesBool ? DataType.bool : common
        return Value(node: append(.binary(function), [left, right], type: TensorType(shape, result)))
    }

    package static func binary(_ function: BinaryFunction, _ a: Value, _ b: Value) -> Value {
        do { return try combined(function, a, b) } catch { stop(error.description) }
    }

    /// The same elements in another type; itself where it has it already.
    package func cast(to dtype: DataType) -> Value {
        if dtype == self.dtype { return self }
        return Value(node: Value.append(.cast(Cast(dtype)), [self], type: TensorType(shape, dtype)))
    }

    /// Broadcast to a shape that is known to fit.
    package func expanded(toKnown target: Shape) -> Value {
        if target.sizes == shape.sizes { return self }
        return Value(node: Value.append(.expand(Expand(target)), [self], type: TensorType(target, dtype)))
    }

    /// A number as a scalar of this value's type: an argument of the plan.
    package func number(_ value: Double) -> Value { Value.scalar(value, dtype: dtype) }

    /// A scalar whose number is an argument of the plan: it may differ from step to step.
    package static func scalar(_ value: Double, dtype: DataType) -> Value {
        let bits = dtype.isFloatingPoint ? Scalar(value) : Scalar(DataType.int64.integer(from: value))
        return Value(node: append(.constant(.argument(dtype)), [], arguments: [bits], type: TensorType([], dtype)))
    }

    /// An integer scalar whose number is an argument of the plan.
    package static func scalar(integer value: Int, dtype: DataType = .int64) -> Value {
        let bits = dtype.isFloatingPoint ? Scalar(Double(value)) : Scalar(value)
        return Value(node: append(.constant(.argument(dtype)), [], arguments: [bits], type: TensorType([], dtype)))
    }

    /// A number of the library's own, part of the structure: the planner may simplify by it.
    package static func structural(_ value: Double, dtype: DataType) -> Value {
        Value(node: append(.constant(.structural(dtype, value)), [], type: TensorType([], dtype)))
    }

    package static func filled(_ value: Double, _ type: TensorType) -> Value {
        structural(value, dtype: type.dtype).expanded(toKnown: type.shape)
    }
    package func zeros() -> Value { Value.filled(0, type) }
    package func ones() -> Value { Value.filled(1, type) }
    /// The library's own number in this value's type.
    package func constant(_ value: Double) -> Value { Value.structural(value, dtype: dtype) }

    /// Where `condition` holds, `a`, else `b`; all broadcast together.
    package static func select(_ condition: Value, _ a: Value, _ b: Value) throws(ShapeError) -> Value {
        let common = DataType.promoted(a.type, b.type)
        let branches = try Shape.broadcast(a.shape, b.shape, operation: "where")
        let shape = try Shape.broadcast(condition.shape, branches, operation: "where")
        let operands = [
            condition.cast(to: .bool).expanded(toKnown: shape), a.cast(to: common).expanded(toKnown: shape),
            b.cast(to: common).expanded(toKnown: shape),
        ]
        return Value(node: append(.select, operands, type: TensorType(shape, common)))
    }

    package static func choose(_ condition: Value, _ a: Value, _ b: Value) -> Value {
        do { return try select(condition, a, b) } catch { stop(error.description) }
    }
}

package func + (a: Value, b: Value) -> Value { Value.binary(.add, a, b) }
package func - (a: Value, b: Value) -> Value { Value.binary(.subtract, a, b) }
package func * (a: Value, b: Value) -> Value { Value.binary(.multiply, a, b) }
package func / (a: Value, b: Value) -> Value { Value.binary(.divide, a, b) }
package prefix func - (a: Value) -> Value { a.applying(.negate) }

// The library's own numbers in rules: structure, in the value's type.
package func + (a: Value, b: Double) -> Value { a + a.constant(b) }
package func - (a: Value, b: Double) -> Value { a - a.constant(b) }
package func * (a: Value, b: Double) -> Value { a * a.constant(b) }
package func / (a: Value, b: Double) -> Value { a / a.constant(b) }
package func + (a: Double, b: Value) -> Value { b.constant(a) + b }
package func - (a: Double, b: Value) -> Value { b.constant(a) - b }
package func * (a: Double, b: Value) -> Value { b.constant(a) * b }
package func / (a: Double, b: Value) -> Value { b.constant(a) / b }

extension Value {
    package static func .== (a: Value, b: Value) -> Value { binary(.equal, a, b) }
    package static func .!= (a: Value, b: Value) -> Value { binary(.notEqual, a, b) }
    package static func .< (a: Value, b: Value) -> Value { binary(.less, a, b) }
    package static func .<= (a: Value, b: Value) -> Value { binary(.lessOrEqual, a, b) }
    package static func .> (a: Value, b: Value) -> Value { binary(.greater, a, b) }
    package static func .>= (a: Value, b: Value) -> Value { binary(.greaterOrEqual, a, b) }
    package func pow(_ exponent: Value) -> Value { Value.binary(.power, self, exponent) }
    package func maximum(_ other: Value) -> Value { Value.binary(.maximum, self, other) }
    package func minimum(_ other: Value) -> Value { Value.binary(.minimum, self, other) }
}
