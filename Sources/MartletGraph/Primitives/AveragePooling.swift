/// The average of each window.
///
/// The divisor is the number of a window's positions inside the input; with `countIncludePad` also those inside the
/// declared padding, whose elements count as 0. Dilations are 1.
///
/// ## Shapes
/// - operand: `[batch, channels, spatial...]`, 1 to 3 spatial axes
/// - result: `[batch, channels, outputs...]`
package struct AveragePool: PrimitiveFamily {
    package let windows: PoolingWindows
    package let countIncludePad: Bool

    package init(_ windows: PoolingWindows, countIncludePad: Bool) {
        self.windows = windows
        self.countIncludePad = countIncludePad
    }

    package var name: String { "averagePool" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let (shape, dtype) = (operands[0].shape, operands[0].dtype)
        try check(name, input: shape, dtype)
        return [TensorType(Shape(shape.sizes.prefix(2) + windows.outputSizes), dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        [cotangents[0].map { gradient($0, inputSizes: Array(node.operands[0].shape.sizes.dropFirst(2))) }]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [tangents[0].map(forward)] }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [forward(operands[0].mergingAxes(0)).splittingAxis(0, into: size)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let input = operands[0].reals
        let divisors = divisors(inputSizes: Array(operands[0].shape.sizes.dropFirst(2)))
        var sums = [Double](repeating: 0, count: results[0].shape.elementCount)
        forEachTerm(input: operands[0].shape) { sums[$1] += input[$0] }
        for index in sums.indices { sums[index] /= divisors[index % divisors.count] }
        return [HostArray(results[0], real: sums)]
    }
    package func encode(into key: inout KeyWriter) {
        windows.encode(into: &key)
        key.write(countIncludePad)
    }
}

extension AveragePool {
    func forward(_ input: Value) -> Value { Value.make(.averagePool(self), [input]) }
    func gradient(_ gradient: Value, inputSizes: [Int]) -> Value {
        Value.make(.averagePoolGradient(AveragePoolGradient(self, inputSizes: inputSizes)), [gradient])
    }

    func check(_ name: String, input: Shape, _ dtype: DataType) throws(ShapeError) {
        guard dtype.isFloatingPoint else {
            throw ShapeError(name, "needs a floating type, not \(dtype)", shapes: [input])
        }
        try windows.check(name, input: input)
        guard windows.dilations.allSatisfy({ $0 == 1 }) else {
            throw ShapeError(name, "averages have no dilation, not \(windows.dilations)", shapes: [input])
        }
    }

    /// What each window of a plane divides by.
    func divisors(inputSizes: [Int]) -> [Double] {
        var result = [1.0]
        for axis in inputSizes.indices {
            let size = inputSizes[axis]
            let (low, high) =
                countIncludePad ? (-windows.paddingLow[axis], size + windows.paddingHigh[axis]) : (0, size)
            let counts = (0..<windows.outputSizes[axis]).map { window -> Double in
                let start = window * windows.strides[axis] - windows.paddingLow[axis]
                return Double(min(start + windows.kernel[axis], high) - max(start, low))
            }
            result = result.flatMap { outer in counts.map { outer * $0 } }
        }
        return result
    }

    /// Visits every (input, output) pair of flat positions that meet.
    func forEachTerm(input: Shape, _ body: (_ input: Int, _ output: Int) -> Void) {
        let plane = input.sizes.dropFirst(2).reduce(1, *)
        let taps = windows.kernel.reduce(1, *)
        let perPlane = windows.outputSizes.reduce(1, *)
        let table = windows.table(input: input).positions
        for image in 0..<input[0] * input[1] {
            for (pair, position) in table.enumerated() where position >= 0 {
                body(image * plane + position, image * perPlane + pair / taps)
            }
        }
    }
}

/// The derivative of an average by its input: each window's share spread over the positions that it averaged.
///
/// ## Shapes
/// - operand: gradient `[batch, channels, outputs...]`
/// - result: `[batch, channels, inputSizes...]`
package struct AveragePoolGradient: PrimitiveFamily {
    package let pool: AveragePool
    package let inputSizes: [Int]

    package init(_ pool: AveragePool, inputSizes: [Int]) {
        self.pool = pool
        self.inputSizes = inputSizes
    }

    package var name: String { "averagePoolGradient" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let (shape, dtype) = (operands[0].shape, operands[0].dtype)
        guard shape.rank >= 2, Array(shape.sizes.dropFirst(2)) == pool.windows.outputSizes else {
            throw ShapeError(
                name, "the gradient's spatial sizes should be \(pool.windows.outputSizes)", shapes: [shape])
        }
        let input = Shape(shape.sizes.prefix(2) + inputSizes)
        try pool.check(name, input: input, dtype)
        return [TensorType(input, dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        [cotangents[0].map(pool.forward)]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        [tangents[0].map { pool.gradient($0, inputSizes: inputSizes) }]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [pool.gradient(operands[0].mergingAxes(0), inputSizes: inputSizes).splittingAxis(0, into: size)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let gradient = operands[0].reals
        let divisors = pool.divisors(inputSizes: inputSizes)
        var sums = [Double](repeating: 0, count: results[0].shape.elementCount)
        pool.forEachTerm(input: results[0].shape) { sums[$0] += gradient[$1] / divisors[$1 % divisors.count] }
        return [HostArray(results[0], real: sums)]
    }
    package func encode(into key: inout KeyWriter) {
        pool.encode(into: &key)
        key.write(inputSizes)
    }
}
