/// The derivative of a maximum pooling by its input: each cotangent is added where its window's maximum stood.
///
///     result[b, c, i] = Σ_{o : indices[b, c, o] = i} cotangent[b, c, o]
///
/// ## Shapes
/// - operands: cotangent and int32 indices `[batch, channels, outputs...]`
/// - result: `[batch, channels, inputSizes...]`
package struct MaxPoolGradient: Composite {
    package let windows: PoolingWindows
    package let inputSizes: [Int]

    package init(_ windows: PoolingWindows, inputSizes: [Int]) {
        self.windows = windows
        self.inputSizes = inputSizes
    }

    package var name: String { "maxPoolGradient" }
    package var residuals: Residuals { .laterOperands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let (cotangent, indices) = (operands[0], operands[1])
        guard cotangent.shape == indices.shape, cotangent.shape.rank == inputSizes.count + 2 else {
            throw ShapeError(
                name, "a cotangent and indices of one shape with \(inputSizes.count) spatial axes are expected",
                shapes: operands.map(\.shape))
        }
        return [TensorType(Shape(cotangent.shape.sizes.prefix(2) + inputSizes), cotangent.dtype)]
    }

    package func body(_ operands: [Value]) -> [Value] {
        let (cotangent, indices) = (operands[0], operands[1].cast(to: .int64))
        let shape = Shape(cotangent.shape.sizes.prefix(2) + inputSizes)
        let zeros = Value.filled(0, TensorType(MaxPool.flat(shape), cotangent.dtype))
        let planes = zeros.scatter(
            .add, indices.reshaped(known: MaxPool.flat(cotangent.shape)),
            cotangent.reshaped(known: MaxPool.flat(cotangent.shape)), axis: 2)
        return [planes.reshaped(known: shape)]
    }

    /// The body's own derivative serves: a gather at the same indices.
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }

    package func encode(into key: inout KeyWriter) {
        windows.encode(into: &key)
        key.write(inputSizes)
    }
}
