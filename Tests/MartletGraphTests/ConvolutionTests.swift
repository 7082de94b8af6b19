import MartletGraph
import Testing

/// A convolution with stated attributes, for tables of cases.
struct ConvolutionCase: Sendable, CustomTestStringConvertible {
    var input: Shape
    var weight: Shape
    var strides = [1]
    var low = [0]
    var high: [Int]?
    var dilations = [1]
    var groups = 1
    var hasBias = false

    var shapes: [Shape] { [input, weight] + (hasBias ? [[weight[0]]] : []) }
    var testDescription: String {
        "\(input) * \(weight) by \(strides), padded \(low), dilated \(dilations), \(groups) groups"
    }

    func apply(_ values: [Value]) throws(ShapeError) -> Value {
        try values[0].convolution(
            values[1], bias: values.count > 2 ? values[2] : nil, strides: strides, paddingLow: low, paddingHigh: high,
            dilations: dilations, groups: groups)
    }

    static let all = [
        ConvolutionCase(input: [2, 3, 5], weight: [4, 3, 2], hasBias: true),
        ConvolutionCase(
            input: [1, 4, 6], weight: [2, 2, 3], strides: [2], low: [1], high: [2], dilations: [2], groups: 2),
        ConvolutionCase(input: [2, 2, 4, 3], weight: [3, 2, 2, 2], low: [1], hasBias: true),
        ConvolutionCase(input: [1, 2, 5, 4], weight: [2, 2, 3, 2], strides: [2, 1], low: [1, 0], high: [0, 1]),
        ConvolutionCase(
            input: [1, 2, 5, 5], weight: [4, 1, 2, 2], strides: [3, 2], dilations: [1, 2], groups: 2, hasBias: true),
        ConvolutionCase(
            input: [1, 2, 3, 3, 2], weight: [2, 1, 2, 2, 1], strides: [1, 2, 1], low: [1, 1, 0], groups: 2),
    ]
}

@Suite("Convolution")
struct ConvolutionTests {
    @Test("Results equal the definition", arguments: ConvolutionCase.all)
    func values(_ given: ConvolutionCase) throws {
        var numbers = TestNumbers()
        let inputs = given.shapes.map { numbers.array($0) }
        let found = try evaluated(inputs) { values throws(ShapeError) in [try given.apply(values)] }[0]
        for position in 0..<found.count {
            #expect(isClose(found.reals[position], naive(given, inputs, position, in: found.shape), 1e-12))
        }
    }

    /// One element by its definition.
    private func naive(_ given: ConvolutionCase, _ inputs: [HostArray], _ position: Int, in shape: Shape) -> Double {
        let at = coordinates(position, shape)
        let (image, out) = (at[0], at[1])
        let perGroup = given.weight[0] / given.groups
        func attribute(_ numbers: [Int], _ axis: Int) -> Int { numbers.count == 1 ? numbers[0] : numbers[axis] }
        var sum = given.hasBias ? inputs[2].reals[out] : 0
        let filter = Shape(Array(given.weight.sizes.dropFirst()))
        for tap in 0..<filter.elementCount {
            let offset = coordinates(tap, filter)
            var source = [image, out / perGroup * given.weight[1] + offset[0]]
            for axis in 0..<given.input.rank - 2 {
                let step =
                    at[axis + 2] * attribute(given.strides, axis) + offset[axis + 1] * attribute(given.dilations, axis)
                source.append(step - attribute(given.low, axis))
            }
            guard zip(source, given.input.sizes).allSatisfy({ $0 >= 0 && $0 < $1 }) else { continue }
            let flat = zip(source, given.input.sizes).reduce(0) { $0 * $1.1 + $1.0 }
            sum += inputs[0].reals[flat] * inputs[1].reals[out * filter.elementCount + tap]
        }
        return sum
    }

    private func coordinates(_ position: Int, _ shape: Shape) -> [Int] {
        var rest = position
        var result: [Int] = []
        for size in shape.sizes.reversed() {
            result.insert(rest % size, at: 0)
            rest /= size
        }
        return result
    }

    @Test("Derivatives of every order and batches agree with differences and loops", arguments: ConvolutionCase.all)
    func derivatives(_ given: ConvolutionCase) throws {
        let check = FunctionCheck(given.shapes) { values throws(ShapeError) in [try given.apply(values)] }
        try check.all()
    }

    @Test("The gradients' own derivatives and batches agree with differences and loops", arguments: ConvolutionCase.all)
    func gradients(_ given: ConvolutionCase) throws {
        var bare = given
        bare.hasBias = false
        let output = try bare.apply(placeholders(bare.shapes))
        guard case .convolution(let family) = output.node.primitive else {
            Issue.record("not a convolution")
            return
        }
        let sizes = Array(given.input.sizes.dropFirst(2))
        let input = Primitive.convolutionInputGradient(ConvolutionInputGradient(family, inputSizes: sizes))
        try FunctionCheck([output.shape, given.weight]) { values throws(ShapeError) in
            try Value.record(input, values)
        }.all()
        let kernel = Array(given.weight.sizes.dropFirst(2))
        let weight = Primitive.convolutionWeightGradient(ConvolutionWeightGradient(family, kernelSizes: kernel))
        try FunctionCheck([given.input, output.shape]) { values throws(ShapeError) in
            try Value.record(weight, values)
        }.all()
    }

    @Test("A transposed convolution spreads each input by the kernel")
    func transposedValues() throws {
        let input = HostArray(TensorType([1, 1, 2], .float64), real: [1, 10])
        let weight = HostArray(TensorType([1, 1, 3], .float64), real: [1, 2, 3])
        let bias = HostArray(TensorType([1], .float64), real: [0.5])
        func run(_ strides: Int, _ padding: Int, _ extra: Int, _ dilation: Int) throws -> [Double] {
            try evaluated([input, weight, bias]) { values throws(ShapeError) in
                [
                    try values[0].transposedConvolution(
                        values[1], bias: values[2], strides: [strides], padding: [padding], outputPadding: [extra],
                        dilations: [dilation])
                ]
            }[0].reals
        }
        #expect(try run(1, 0, 0, 1) == [1.5, 12.5, 23.5, 30.5])
        #expect(try run(2, 0, 0, 1) == [1.5, 2.5, 13.5, 20.5, 30.5])
        #expect(try run(2, 1, 1, 1) == [2.5, 13.5, 20.5, 30.5])
        #expect(try run(1, 0, 1, 2) == [1.5, 10.5, 2.5, 20.5, 3.5, 30.5, 0.5])
    }

    @Test("Transposed convolutions with groups have the derivatives that differences give")
    func transposedDerivatives() throws {
        try FunctionCheck([[1, 4, 3], [4, 2, 2], [4]]) { values throws(ShapeError) in
            [
                try values[0].transposedConvolution(
                    values[1], bias: values[2], strides: [2], padding: [1], outputPadding: [1], groups: 2)
            ]
        }.all()
    }

    @Test("An input without a batch axis gives a result without one")
    func singles() throws {
        let operands = placeholders([[3, 8, 8], [4, 3, 3, 3]])
        #expect(try operands[0].convolution(operands[1]).shape == [4, 6, 6])
        let turned = placeholders([[4, 6, 6], [4, 3, 3, 3]])
        #expect(try turned[0].transposedConvolution(turned[1]).shape == [3, 8, 8])
    }

    @Test("What does not fit is named")
    func errors() throws {
        func message(_ input: Shape, _ weight: Shape, strides: [Int] = [1], groups: Int = 1) -> String {
            let operands = placeholders([input, weight])
            return refusal { () throws(ShapeError) in
                _ = try operands[0].convolution(operands[1], strides: strides, groups: groups)
            } ?? ""
        }
        #expect(message([1, 3, 8, 8], [4, 2, 3, 3]).contains("the weight sees 2 channels, the input has 3"))
        #expect(
            message([1, 3, 8, 8], [4, 3, 3, 3], groups: 2).contains("3 input channels do not divide into 2 groups"))
        #expect(
            message([1, 4, 8, 8], [3, 2, 3, 3], groups: 2).contains("3 output channels do not divide into 2 groups"))
        #expect(message([1, 3, 8, 2], [4, 3, 3, 3]).contains("spatial axis 1: a kernel that reaches over 3"))
        #expect(message([1, 3, 8, 8], [4, 3, 3, 3], strides: [0]).contains("must be positive"))
        #expect(message([1, 3, 8, 8], [4, 3, 3, 3], strides: [1, 1, 1]).contains("one for each of 2 spatial axes"))
        #expect(message([8, 8], [4, 3, 3, 3]).contains("needs 4 axes"))
        let bias = placeholders([[1, 3, 8], [4, 3, 3], [3]])
        let refused = refusal { () throws(ShapeError) in _ = try bias[0].convolution(bias[1], bias: bias[2]) }
        #expect(refused?.contains("the bias needs shape [4]") == true)
        #expect(message([1, 3, 8, 8], [4, 3, 3, 3], strides: [Int.max]).contains("32 bits"))
        let turned = placeholders([[1, 3, 8], [4, 3, 3]])
        let channels = refusal { () throws(ShapeError) in _ = try turned[0].transposedConvolution(turned[1]) }
        #expect(channels?.contains("the weight takes 4 channels, the input has 3") == true)
        let extra = refusal { () throws(ShapeError) in
            _ = try turned[0].transposedConvolution(placeholders([[3, 4, 3]])[0], outputPadding: [1])
        }
        #expect(extra?.contains("output padding [1]") == true)
    }
}
