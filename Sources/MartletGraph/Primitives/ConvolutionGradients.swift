/// The derivative of a convolution by its input; with the roles swapped, the transposed convolution.
///
///     result[b, c, p·stride + k·dilation - paddingLow] += gradient[b, o, p] · weight[o, c, k]
///
/// ## Shapes
/// - operands: gradient `[batch, out channels, outputs...]`, weight `[out channels, channels / groups, kernel...]`
/// - result: `[batch, channels, inputSizes...]`
package struct ConvolutionInputGradient: PrimitiveFamily {
    package let convolution: Convolution
    package let inputSizes: [Int]

    package init(_ convolution: Convolution, inputSizes: [Int]) {
        self.convolution = convolution
        self.inputSizes = inputSizes
    }

    package var name: String { "convolutionInputGradient" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let (gradient, weight) = (operands[0].shape, operands[1].shape)
        let check = ConvolutionCheck(name: name, convolution: convolution, operands: operands)
        try check.types()
        try check.ranks(["gradient": gradient, "weight": weight])
        try check.channels(input: weight[1] * convolution.groups, weight: weight)
        let outputs = try check.outputs(of: inputSizes, kernel: Array(weight.sizes.dropFirst(2)))
        try check.gradient(gradient, channels: weight[0], outputs: outputs)
        return [TensorType(Shape([gradient[0], weight[1] * convolution.groups] + inputSizes), operands[0].dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil, nil] }
        let (gradient, weight) = (node.operands[0], node.operands[1])
        let kernel = Array(weight.shape.sizes.dropFirst(2))
        return [
            wanted[0] ? convolution.forward(cotangent, weight) : nil,
            wanted[1] ? convolution.weightGradient(cotangent, gradient, kernelSizes: kernel) : nil,
        ]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        let (gradient, weight) = (node.operands[0], node.operands[1])
        return [
            Value.sum(
                tangents[0].map { convolution.inputGradient($0, weight, inputSizes: inputSizes) },
                tangents[1].map { convolution.inputGradient(gradient, $0, inputSizes: inputSizes) })
        ]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        if !isBatched[1] {
            let folded = convolution.inputGradient(operands[0].mergingAxes(0), operands[1], inputSizes: inputSizes)
            return [folded.splittingAxis(0, into: size)]
        }
        let gradient = ConvolutionBatch.grouped(operands[0], isBatched[0], size)
        let result = convolution.times(size).inputGradient(
            gradient, operands[1].mergingAxes(0), inputSizes: inputSizes)
        return [ConvolutionBatch.ungrouped(result, size)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let terms = ConvolutionTerms(
            convolution, input: results[0].shape, weight: operands[1].shape, output: operands[0].shape)
        let (gradient, weight) = (operands[0].reals, operands[1].reals)
        var sums = [Double](repeating: 0, count: results[0].shape.elementCount)
        terms.forEachTerm { sums[$0] += gradient[$2] * weight[$1] }
        return [HostArray(results[0], real: sums)]
    }
    package func encode(into key: inout KeyWriter) {
        convolution.encode(into: &key)
        key.write(inputSizes)
    }
}

/// The derivative of a convolution by its weight.
///
///     result[o, c, k] = Σ_{b, p} input[b, c, p·stride + k·dilation - paddingLow] · gradient[b, o, p]
///
/// ## Shapes
/// - operands: input `[batch, channels, spatial...]`, gradient `[batch, out channels, outputs...]`
/// - result: `[out channels, channels / groups, kernelSizes...]`
package struct ConvolutionWeightGradient: PrimitiveFamily {
    package let convolution: Convolution
    package let kernelSizes: [Int]

    package init(_ convolution: Convolution, kernelSizes: [Int]) {
        self.convolution = convolution
        self.kernelSizes = kernelSizes
    }

    package var name: String { "convolutionWeightGradient" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let (input, gradient) = (operands[0].shape, operands[1].shape)
        let check = ConvolutionCheck(name: name, convolution: convolution, operands: operands)
        try check.types()
        try check.ranks(["input": input, "gradient": gradient])
        let weight = Shape([gradient[1], input[1] / convolution.groups] + kernelSizes)
        try check.channels(input: input[1], weight: weight)
        let outputs = try check.outputs(of: Array(input.sizes.dropFirst(2)), kernel: kernelSizes)
        try check.gradient(gradient, channels: weight[0], outputs: outputs)
        guard input[0] == gradient[0] else {
            throw check.error("the input has a batch of \(input[0]), the gradient of \(gradient[0])")
        }
        return [TensorType(weight, operands[0].dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil, nil] }
        let (input, gradient) = (node.operands[0], node.operands[1])
        let sizes = Array(input.shape.sizes.dropFirst(2))
        return [
            wanted[0] ? convolution.inputGradient(gradient, cotangent, inputSizes: sizes) : nil,
            wanted[1] ? convolution.forward(input, cotangent) : nil,
        ]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        let (input, gradient) = (node.operands[0], node.operands[1])
        return [
            Value.sum(
                tangents[0].map { convolution.weightGradient($0, gradient, kernelSizes: kernelSizes) },
                tangents[1].map { convolution.weightGradient(input, $0, kernelSizes: kernelSizes) })
        ]
    }

    /// Each member of the batch is a group of channels: the sum over images stays inside it.
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        let input = ConvolutionBatch.grouped(operands[0], isBatched[0], size)
        let gradient = ConvolutionBatch.grouped(operands[1], isBatched[1], size)
        let result = convolution.times(size).weightGradient(input, gradient, kernelSizes: kernelSizes)
        return [result.splittingAxis(0, into: size)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let terms = ConvolutionTerms(
            convolution, input: operands[0].shape, weight: results[0].shape, output: operands[1].shape)
        let (input, gradient) = (operands[0].reals, operands[1].reals)
        var sums = [Double](repeating: 0, count: results[0].shape.elementCount)
        terms.forEachTerm { sums[$1] += input[$0] * gradient[$2] }
        return [HostArray(results[0], real: sums)]
    }
    package func encode(into key: inout KeyWriter) {
        convolution.encode(into: &key)
        key.write(kernelSizes)
    }
}
