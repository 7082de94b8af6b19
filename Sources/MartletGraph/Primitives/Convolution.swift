/// Convolution as the field means it: a cross-correlation, the kernel is not flipped.
///
///     result[b, o, p] = Σ_{c, k} input[b, c, p·stride + k·dilation - paddingLow] · weight[o, c, k] (+ bias[o])
///
/// The input counts as 0 outside its bounds. With groups, output channels see the input channels of their group only.
/// The family and its two gradients are the three derivatives of one trilinear form, so that each one's rules are the
/// other two and derivatives of any order stay among them.
///
/// ## Shapes
/// - operands: input `[batch, channels, spatial...]`, weight `[out channels, channels / groups, kernel...]`, bias
///   `[out channels]`; 1 to 3 spatial axes
/// - result: `[batch, out channels, outputs...]`
package struct Convolution: PrimitiveFamily {
    package let strides: [Int]
    package let paddingLow: [Int]
    package let paddingHigh: [Int]
    package let dilations: [Int]
    package let groups: Int
    package let hasBias: Bool

    package init(
        strides: [Int], paddingLow: [Int], paddingHigh: [Int], dilations: [Int], groups: Int, hasBias: Bool
    ) {
        self.strides = strides
        self.paddingLow = paddingLow
        self.paddingHigh = paddingHigh
        self.dilations = dilations
        self.groups = groups
        self.hasBias = hasBias
    }

    package var name: String { "convolution" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let (input, weight) = (operands[0].shape, operands[1].shape)
        let check = ConvolutionCheck(name: name, convolution: self, operands: operands)
        try check.types()
        try check.ranks(["input": input, "weight": weight])
        try check.channels(input: input[1], weight: weight)
        let outputs = try check.outputs(of: Array(input.sizes.dropFirst(2)), kernel: Array(weight.sizes.dropFirst(2)))
        if hasBias, operands[2].shape.sizes != [weight[0]] {
            throw check.error("the bias needs shape [\(weight[0])], one number an output channel")
        }
        return [TensorType(Shape([input[0], weight[0]] + outputs), operands[0].dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return node.operands.map { _ in nil } }
        let (input, weight) = (node.operands[0], node.operands[1])
        var result = [
            wanted[0] ? inputGradient(cotangent, weight, inputSizes: Array(input.shape.sizes.dropFirst(2))) : nil,
            wanted[1] ? weightGradient(input, cotangent, kernelSizes: Array(weight.shape.sizes.dropFirst(2))) : nil,
        ]
        if hasBias { result.append(wanted[2] ? cotangent.sum([0] + Array(2..<cotangent.rank)) : nil) }
        return result
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        let (input, weight) = (node.operands[0], node.operands[1])
        let products = Value.sum(tangents[0].map { forward($0, weight) }, tangents[1].map { forward(input, $0) })
        guard hasBias, let bias = tangents[2] else { return [products] }
        return [Value.sum(products, bias.asChannels(rank: input.rank).expanded(toKnown: node.type.shape))]
    }

    /// A batch of inputs is a larger batch; with a batch of weights each member is a group of channels.
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        let bias = hasBias ? operands[2] : nil
        if !isBatched[1] {
            let fold = isBatched[0]
            let input = fold ? operands[0].mergingAxes(0) : operands[0]
            let shared = hasBias && !isBatched[2] ? bias : nil
            let folded = forward(input, operands[1], bias: shared)
            let result = fold ? folded.splittingAxis(0, into: size) : folded.repeatedAsBatch(size)
            guard let bias, isBatched[2] else { return [result] }
            // Each member's own bias: [size, 1, channels, 1...].
            let ones = [Int](repeating: 1, count: result.rank - 3)
            return [result + bias.reshaped(known: Shape([size, 1, bias.shape[1]] + ones))]
        }
        let input = ConvolutionBatch.grouped(operands[0], isBatched[0], size)
        let biases = bias.map { isBatched[2] ? $0.mergingAxes(0) : $0.repeatedAsBatch(size).mergingAxes(0) }
        let result = times(size).forward(input, operands[1].mergingAxes(0), bias: biases)
        return [ConvolutionBatch.ungrouped(result, size)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let terms = ConvolutionTerms(
            self, input: operands[0].shape, weight: operands[1].shape, output: results[0].shape)
        let (input, weight) = (operands[0].reals, operands[1].reals)
        var sums = [Double](repeating: 0, count: results[0].shape.elementCount)
        terms.forEachTerm { sums[$2] += input[$0] * weight[$1] }
        if hasBias {
            let bias = operands[2].reals
            let plane = results[0].shape.sizes.dropFirst(2).reduce(1, *)
            for index in sums.indices { sums[index] += bias[index / plane % bias.count] }
        }
        return [HostArray(results[0], real: sums)]
    }
    package func encode(into key: inout KeyWriter) {
        for numbers in [strides, paddingLow, paddingHigh, dilations] { key.write(numbers) }
        key.write(groups)
        key.write(hasBias)
    }
}

extension Convolution {
    /// The sizes of the result's spatial axes: ⌊(size + paddings - dilation·(kernel - 1) - 1) / stride⌋ + 1.
    ///
    /// Nil along an axis whose kernel is larger than the padded input.
    package func outputSizes(of sizes: [Int], kernel: [Int]) -> [Int?] {
        sizes.indices.map { axis in
            let reach = dilations[axis] * (kernel[axis] - 1) + 1
            let room = sizes[axis] + paddingLow[axis] + paddingHigh[axis] - reach
            return room < 0 ? nil : room / strides[axis] + 1
        }
    }

    /// The same attributes with or without a bias, for `count` times as many groups.
    package func with(bias: Bool, times count: Int = 1) -> Convolution {
        Convolution(
            strides: strides, paddingLow: paddingLow, paddingHigh: paddingHigh, dilations: dilations,
            groups: groups * count, hasBias: bias)
    }
    func times(_ count: Int) -> Convolution { with(bias: hasBias, times: count) }

    // The three members of the family, recorded.

    func forward(_ input: Value, _ weight: Value, bias: Value? = nil) -> Value {
        Value.make(.convolution(with(bias: bias != nil)), [input, weight] + (bias.map { [$0] } ?? []))
    }
    func inputGradient(_ gradient: Value, _ weight: Value, inputSizes: [Int]) -> Value {
        let family = ConvolutionInputGradient(with(bias: false), inputSizes: inputSizes)
        return Value.make(.convolutionInputGradient(family), [gradient, weight])
    }
    func weightGradient(_ input: Value, _ gradient: Value, kernelSizes: [Int]) -> Value {
        let family = ConvolutionWeightGradient(with(bias: false), kernelSizes: kernelSizes)
        return Value.make(.convolutionWeightGradient(family), [input, gradient])
    }
}
