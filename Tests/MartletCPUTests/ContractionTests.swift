import MartletGraph
import MartletTesting
import Testing

@Suite("Products, convolutions, pooling and composites on every backend")
struct ContractionTests {
    private static let floats: [DataType] = [.float32, .float64, .bfloat16, .float16]

    @Test("Products of matrices, vectors and batches, with and without bias", arguments: floats)
    func products(dtype: DataType) {
        let cases: [(Shape, Shape)] = [
            ([3, 4], [4, 5]), ([1, 7], [7, 1]), ([33, 70], [70, 19]), ([2, 3, 4], [2, 4, 5]),
            ([2, 1, 3, 4], [6, 4, 5]),
            ([4], [4]), ([3, 0], [0, 2]), ([0, 3], [3, 2]), ([130, 64], [64, 40]),
        ]
        var failures: [String] = []
        for (a, b) in cases {
            var numbers = CaseNumbers(seed: 1)
            failures += BackendComparison(
                "product", [numbers.integers(a, dtype, in: -2...2), numbers.integers(b, dtype, in: -2...2)]
            ) { values throws(ShapeError) in
                [try values[0].matrixProduct(values[1])]
            }.failures(.exact)
        }
        var numbers = CaseNumbers(seed: 2)
        let operands = [
            numbers.integers([9, 6], dtype), numbers.integers([8, 6], dtype), numbers.integers([8], dtype),
        ]
        failures += BackendComparison("product and bias", operands) { values throws(ShapeError) in
            [values[0].matmul(values[1].transposed, bias: values[2])]
        }.failures(.exact)
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Convolutions and their two gradients in one to three dimensions", arguments: [DataType.float32, .float64])
    func convolutions(dtype: DataType) {
        struct Case {
            let input: Shape, weight: Shape
            var strides = [1], padding = [0], dilations = [1], groups = 1
        }
        let cases = [
            Case(input: [2, 3, 9], weight: [4, 3, 3], padding: [1]),
            Case(input: [2, 3, 7, 8], weight: [5, 3, 3, 2], strides: [2, 1], padding: [1, 0]),
            Case(input: [1, 4, 9, 9], weight: [6, 2, 3, 3], padding: [2], dilations: [2], groups: 2),
            Case(input: [2, 16, 6, 5], weight: [32, 16, 3, 3], padding: [1]),
            Case(input: [2, 8, 6, 6], weight: [8, 1, 3, 3], padding: [1], groups: 8),
            Case(input: [1, 2, 4, 5, 3], weight: [3, 2, 2, 2, 2]),
            Case(input: [1, 17, 5, 5], weight: [19, 17, 1, 1], strides: [2]),
        ]
        var failures: [String] = []
        for one in cases {
            var numbers = CaseNumbers(seed: 3)
            let inputs = [
                numbers.integers(one.input, dtype, in: -2...2), numbers.integers(one.weight, dtype, in: -2...2),
                numbers.integers([one.weight[0]], dtype),
            ]
            failures += BackendComparison("convolution", inputs) { values throws(ShapeError) in
                let own = values.map { $0.differentiableAlias() }
                let output = try own[0].convolution(
                    own[1], bias: own[2], strides: one.strides, paddingLow: one.padding, dilations: one.dilations,
                    groups: one.groups)
                // A cotangent that differs from place to place, made of small integers.
                let flat = Value.iota([output.shape.elementCount], axis: 0)
                let cotangent = Value.binary(.remainder, flat * 3, flat.constant(5)).cast(to: dtype)
                let gradients = Differentiation.gradients(
                    of: [output], cotangents: [cotangent.reshaped(known: output.shape)], by: own)
                return [output] + gradients.compactMap { $0 }
            }.failures(.exact)
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Pooling and its gradients", arguments: [DataType.float32, .float64])
    func pooling(dtype: DataType) {
        var failures: [String] = []
        for shape in [Shape([2, 3, 8, 9]), [1, 16, 6, 6], [2, 3, 11]] {
            var numbers = CaseNumbers(seed: 4)
            let input = numbers.reals(shape, dtype, in: -8...8)
            let kernel = Array(repeating: 2, count: shape.rank - 2)
            failures += BackendComparison("pooling", [input]) { values throws(ShapeError) in
                let x = values[0].differentiableAlias()
                let (largest, positions) = try x.maxPool(kernel, strides: [2], padding: [1])
                let average = try x.averagePool(kernel, strides: [2], padding: [1])
                let inside = try x.averagePool(kernel, strides: [1], padding: [1], countIncludePad: false)
                var results = [largest, positions, average, inside]
                for output in [largest, average, inside] {
                    results += Differentiation.gradients(of: [output], cotangents: [output.ones() * 3], by: [x])
                        .compactMap { $0 }
                }
                return results
            }.failures(.scaled(dtype == .float64 ? 1e-14 : 1e-6))
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Small matrices: factors, solutions, determinants", arguments: [DataType.float32, .float64])
    func linearAlgebra(dtype: DataType) {
        var numbers = CaseNumbers(seed: 5)
        let inputs = [
            numbers.reals([2, 4, 4], dtype), numbers.reals([2, 4, 2], dtype), numbers.reals([5, 3], dtype),
        ]
        let failures = BackendComparison("linear algebra", inputs) { values throws(ShapeError) in
            let identity = (Value.iota([4, 4], axis: 0) .== Value.iota([4, 4], axis: 1)).cast(to: dtype)
            let regular = values[0] + identity * 3
            let definite = values[0].matmul(values[0].transposed) + identity
            let (q, r) = try values[2].qr()
            let (sign, logarithm) = try regular.logAbsDeterminant()
            return [
                try definite.cholesky(), try regular.solve(values[1]), try regular.inverse(), try regular.determinant(),
                sign, logarithm, q, r, try values[2].svd().s,
            ]
        }.failures(.scaled(dtype == .float64 ? 1e-12 : 2e-5))
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Composites' kernels give what their bodies say", arguments: [DataType.float32, .float64])
    func composites(dtype: DataType) {
        var numbers = CaseNumbers(seed: 6)
        var failures: [String] = []
        let logits = numbers.reals([5, 70], dtype, in: -4...4)
        let labels = HostArray(TensorType([5], .int64), integer: [0, 69, 7, 7, 31])
        for averages in [false, true] {
            failures += BackendComparison("cross entropy", [logits, labels]) { values throws(ShapeError) in
                let x = values[0].differentiableAlias()
                let call = CompositeCall(SoftmaxCrossEntropy(labelSmoothing: 0.1, averages: averages))
                let loss = try Value.record(.composite(call), [x, values[1]])[0]
                let gradient = Differentiation.gradients(of: [loss], cotangents: [loss.ones()], by: [x])
                return [loss] + gradient.compactMap { $0 }
            }.failures(.scaled(dtype == .float64 ? 1e-13 : 2e-6))
        }
        let image = numbers.reals([3, 17, 4, 5], dtype)
        let channels = [numbers.reals([17], dtype, in: 0.5...2), numbers.reals([17], dtype)]
        failures += BackendComparison("batch norm", [image] + channels) { values throws(ShapeError) in
            let own = values.map { $0.differentiableAlias() }
            let results = try Value.record(.composite(CompositeCall(BatchNormTraining(epsilon: 1e-5))), own)
            let cotangent = (own[0] * 2).detached().applying(.sin)
            let gradients = Differentiation.gradients(of: [results[0]], cotangents: [cotangent], by: own)
            return results + gradients.compactMap { $0 }
        }.failures(.scaled(dtype == .float64 ? 1e-12 : 2e-5))
        let state = [
            numbers.reals([37], dtype), numbers.reals([37], dtype), numbers.reals([37], dtype),
            numbers.reals([37], dtype, in: 0.1...1),
        ]
        failures += BackendComparison("updates", state) { values throws(ShapeError) in
            func scalars(_ numbers: [Double]) -> [Value] { numbers.map { Value.scalar($0, dtype: .float64) } }
            let adam = CompositeCall(AdamUpdate(weightDecay: .decoupled))
            let sgd = CompositeCall(SGDUpdate(momentum: .pytorch, nesterov: true, weightDecay: .l2))
            return try Value.record(
                .composite(adam), values + scalars([0.01, 0.9, 0.999, 1e-8, 0.1, 0.1, 0.001]))
                + Value.record(.composite(sgd), Array(values.prefix(3)) + scalars([0.1, 0.9, 0.01]))
        }.failures(.scaled(dtype == .float64 ? 1e-14 : 1e-6))
        #expect(failures.isEmpty, "\(joined(failures))")
    }
}
