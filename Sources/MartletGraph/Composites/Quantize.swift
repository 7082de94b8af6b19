/// Real numbers as 8-bit integers: q = clip(round(x / scale)), rounded to even.
///
/// x ≈ scale·q. int8 holds -128...127, uint8 0...255: what is never negative keeps one bit more.
///
/// ## Shapes
/// - operand: any, floating-point → the same in int8 or uint8
package struct Quantize: Composite {
    package let scale: Float
    package let dtype: DataType

    package init(scale: Float, dtype: DataType) { (self.scale, self.dtype) = (scale, dtype) }

    /// What x is multiplied by: 1 / scale.
    package var factor: Float { 1 / scale }
    package var limits: ClosedRange<Double> { dtype == .uint8 ? 0...255 : -128...127 }

    package var name: String { "quantize" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        guard operands[0].dtype.isFloatingPoint, dtype == .int8 || dtype == .uint8 else {
            throw ShapeError(
                name, "real numbers become int8 or uint8, not \(operands[0].dtype) \(dtype)",
                shapes: operands.map(\.shape))
        }
        return [TensorType(operands[0].shape, dtype)]
    }

    package func body(_ operands: [Value]) -> [Value] {
        let x = operands[0].cast(to: DataType.promoted(operands[0].dtype, .float32))
        let rounded = (x * Double(factor)).applying(.round)
        let clipped = rounded.maximum(x.constant(limits.lowerBound)).minimum(x.constant(limits.upperBound))
        return [clipped.cast(to: dtype)]
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { [nil] }

    package func encode(into key: inout KeyWriter) {
        key.write(UInt64(scale.bitPattern))
        key.write(UInt64(dtype.rawValue))
    }
}
