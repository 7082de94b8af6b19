import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// Products and convolutions of the sizes that the engine takes, on real numbers, against float64.
///
/// Where there is no engine, or none for bfloat16, the same cases test the portable kernels.
@Suite("Kernels of the engine")
struct EngineKernelTests {
    /// Errors are at most this many units, a unit being the type's spacing at 1 times √k for a sum of k products. Operands
    /// lie in -1...1, so that such a sum is about √k / 3 in size. About four times the largest error measured, with the
    /// engine and without: 7.6 and 0.65 for products, 5.1 and 0.48 for convolutions.
    private static func productBound(_ dtype: DataType) -> Double { dtype == .bfloat16 ? 2.5 : 30 }
    private static func convolutionBound(_ dtype: DataType) -> Double { dtype == .bfloat16 ? 2 : 20 }
    /// Two convolutions, tanh between them and pooling after, whose values are about 1 in size; measured: 2.6 and 0.23.
    private static func chainBound(_ dtype: DataType) -> Double { dtype == .bfloat16 ? 1 : 10 }
    private static let dtypes: [DataType] = [.float32, .bfloat16]

    @Test("Large products have the rounding of one sum, however the operands lie", arguments: dtypes)
    func products(dtype: DataType) {
        struct Case {
            let m: Int, n: Int, k: Int
            var batch: [Int] = [], transposesA = false, transposesB = false, hasBias = false
        }
        let cases = [
            Case(m: 128, n: 128, k: 128),
            Case(m: 128, n: 128, k: 128, hasBias: true),
            Case(m: 65, n: 131, k: 257, transposesA: true),
            Case(m: 97, n: 256, k: 100, transposesB: true, hasBias: true),
            Case(m: 33, n: 65, k: 1030, transposesA: true, transposesB: true, hasBias: true),
            Case(m: 1, n: 1100, k: 2000),
            Case(m: 48, n: 80, k: 192, batch: [3], transposesB: true),
        ]
        var failures: [String] = []
        for one in cases {
            var numbers = CaseNumbers(seed: 11)
            let a = Shape(one.batch + (one.transposesA ? [one.k, one.m] : [one.m, one.k]))
            let b = Shape(one.batch + (one.transposesB ? [one.n, one.k] : [one.k, one.n]))
            var inputs = [numbers.reals(a, dtype), numbers.reals(b, dtype)]
            if one.hasBias { inputs.append(numbers.reals([one.n], dtype)) }
            let comparison = Float64Comparison("\(one)", inputs, bound: EngineKernelTests.productBound(dtype)) {
                values in
                let left = one.transposesA ? values[0].transposed : values[0]
                let right = one.transposesB ? values[1].transposed : values[1]
                let product = one.hasBias ? left.matmul(right, bias: values[2]) : left.matmul(right)
                return [(product, one.k)]
            }
            failures += comparison.failures()
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Convolutions over whole channel blocks and their gradients have the rounding of one sum", arguments: dtypes)
    func convolutions(dtype: DataType) {
        struct Case {
            let input: Shape, weight: Shape
            var strides = [1], padding = [0], dilations = [1], groups = 1, hasBias = true

            var output: Shape {
                let spatial = (0..<2).map { axis in
                    let (stride, padding) = (strides[axis % strides.count], padding[axis % padding.count])
                    let reach = (weight[axis + 2] - 1) * dilations[axis % dilations.count]
                    return (input[axis + 2] + 2 * padding - reach - 1) / stride + 1
                }
                return Shape([input[0], weight[0]] + spatial)
            }
        }
        let cases = [
            Case(input: [2, 16, 8, 7], weight: [32, 16, 3, 3], padding: [1]),
            Case(input: [2, 32, 9, 9], weight: [48, 32, 3, 3], strides: [2], padding: [1], hasBias: false),
            Case(input: [1, 48, 7, 7], weight: [16, 48, 1, 1]),
            Case(input: [3, 32, 8, 8], weight: [32, 32, 1, 1], strides: [2], hasBias: false),
            Case(
                input: [2, 16, 11, 10], weight: [16, 16, 3, 2], strides: [1, 2], padding: [2, 1], dilations: [2, 1]),
            Case(input: [2, 32, 7, 7], weight: [48, 16, 3, 3], padding: [1], groups: 2),
            Case(input: [2, 48, 8, 8], weight: [48, 1, 3, 3], strides: [2], padding: [1], groups: 48),
            Case(input: [2, 3, 9, 9], weight: [32, 3, 5, 5], strides: [2], padding: [2]),
        ]
        var failures: [String] = []
        for one in cases {
            var numbers = CaseNumbers(seed: 12)
            var inputs = [numbers.reals(one.input, dtype), numbers.reals(one.weight, dtype)]
            if one.hasBias { inputs.append(numbers.reals([one.weight[0]], dtype)) }
            let area = one.weight[2] * one.weight[3]
            inputs.append(numbers.reals(one.output, dtype))
            let comparison = Float64Comparison("\(one)", inputs, bound: EngineKernelTests.convolutionBound(dtype)) {
                values throws(ShapeError) in
                let own = values.dropLast().map { $0.differentiableAlias() }
                let output = try own[0].convolution(
                    own[1], bias: one.hasBias ? own[2] : nil, strides: one.strides, paddingLow: one.padding,
                    dilations: one.dilations, groups: one.groups)
                let cotangent = values[values.count - 1]
                let gradients = Differentiation.gradients(of: [output], cotangents: [cotangent], by: own)
                    .compactMap { $0 }
                // Terms of a sum: a window's channels forward and back, all places for the weights and the bias.
                let places = output.shape.elementCount / output.shape[1]
                let terms = [one.weight[0] / one.groups * area, places, places]
                return [(output, one.weight[1] * area)] + Array(zip(gradients, terms))
            }
            failures += comparison.failures()
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Convolutions one after the other keep their numbers while these stay in channel blocks", arguments: dtypes)
    func chain(dtype: DataType) {
        var numbers = CaseNumbers(seed: 13)
        let inputs = [
            numbers.reals([2, 16, 8, 8], dtype), numbers.reals([32, 16, 3, 3], dtype, in: -0.1...0.1),
            numbers.reals([48, 32, 3, 3], dtype, in: -0.1...0.1), numbers.reals([2, 48, 4, 4], dtype),
        ]
        let comparison = Float64Comparison("chain", inputs, bound: EngineKernelTests.chainBound(dtype)) {
            values throws(ShapeError) in
            let own = values.dropLast().map { $0.differentiableAlias() }
            let inner = try own[0].convolution(own[1], strides: [1], paddingLow: [1]).applying(.tanh)
            let output = try inner.convolution(own[2], strides: [1], paddingLow: [1]).averagePool([2, 2])
            let gradients = Differentiation.gradients(of: [output], cotangents: [values[3]], by: Array(own))
                .compactMap { $0 }
            return [(output, 1), (gradients[0], 1), (gradients[1], 128), (gradients[2], 128)]
        }
        let failures = comparison.failures()
        #expect(failures.isEmpty, "\(joined(failures))")
    }
}

/// Runs a function of arrays on the processor in their own type and by the reference in float64.
private struct Float64Comparison {
    /// Each result with the number of terms that its sums have.
    typealias Function = ([Value]) throws(ShapeError) -> [(Value, Int)]
    private let name: String
    private let inputs: [HostArray]
    private let bound: Double
    private let function: Function

    init(_ name: String, _ inputs: [HostArray], bound: Double, _ function: @escaping Function) {
        (self.name, self.inputs, self.bound, self.function) = (name, inputs, bound, function)
    }

    /// Results whose errors are above the bound, in words.
    func failures() -> [String] {
        do {
            let wide = inputs.map { HostArray(TensorType($0.shape, .float64), real: $0.reals) }
            var terms: [Int] = []
            let expected = try ReferenceEvaluation.run(on: wide) { values in
                let results = recorded(values)
                terms = results.map(\.1)
                return results.map(\.0)
            }
            let found = try onProcessor()
            guard found.count == expected.count else { return ["\(name): \(found.count) results"] }
            return found.indices.compactMap { index in
                guard found[index].shape == expected[index].shape else { return "\(name): \(found[index].type)" }
                let unit = found[index].type.dtype == .bfloat16 ? 0x1p-7 : 0x1p-23
                let worst = zip(found[index].reals, expected[index].reals).reduce(0) { worst, pair in
                    let error = (pair.0 - pair.1).magnitude
                    return error.isFinite ? max(worst, error) : .infinity
                }
                let units = worst / (unit * Double(terms[index]).squareRoot())
                return units <= bound ? nil : "\(name), \(found[index].type), result \(index): \(units) units"
            }
        } catch { return ["\(name): \(error)"] }
    }

    private func onProcessor() throws -> [HostArray] {
        try Recording.with(Recording()) {
            let leaves = inputs.map { HostMemory.leaf($0, layout: 0) }
            let handles = recorded(leaves).map { TensorHandle($0.0) }
            return try handles.map { try HostMemory.array($0.value) }
        }
    }

    private func recorded(_ values: [Value]) -> [(Value, Int)] {
        do throws(ShapeError) { return try function(values) } catch { stop(error.description) }
    }
}
