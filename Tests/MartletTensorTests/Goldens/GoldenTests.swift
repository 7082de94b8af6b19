import MartletGraph
import MartletTensor
import MartletTesting
import Testing

/// Operations against PyTorch, file by file: every case in float64 and float32, values and gradients. An operation that a
/// test does not know is a failure.
struct GoldenTests {
    typealias Operation = (GoldenCase, [Tensor]) throws -> [Tensor]

    private func check(
        _ name: String, count: Int, float32: GoldenBound, float64: GoldenBound, _ operation: Operation
    ) throws {
        let file = try GoldenFile(name)
        let comparison = GoldenComparison(file, float32: float32, float64: float64)
        var failures: [String] = []
        for golden in file.cases { failures += try comparison.failures(of: golden) { try operation(golden, $0) } }
        #expect(file.cases.count == count)
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }

    @Test func everyReductionAgreesInValueAndGradient() throws {
        try check(
            "reductions", count: 207, float32: GoldenBound(relative: 4e-6, scaled: 1e-6),
            float64: GoldenBound(relative: 1e-12, scaled: 1e-13), reduction)
    }

    @Test func everyMatrixProductAgreesInValueAndGradient() throws {
        try check(
            "matmul", count: 34, float32: GoldenBound(relative: 0, scaled: 2e-6),
            float64: GoldenBound(relative: 0, scaled: 1e-13), product)
    }

    @Test func everyConvolutionAgreesInValueAndGradient() throws {
        try check(
            "convolution", count: 27, float32: GoldenBound(relative: 0, scaled: 2e-6),
            float64: GoldenBound(relative: 0, scaled: 1e-13), convolution)
    }

    @Test func everyPoolingAgreesInValueAndGradient() throws {
        try check(
            "pooling", count: 28, float32: GoldenBound(relative: 1e-6, scaled: 1e-6),
            float64: GoldenBound(relative: 1e-13, scaled: 1e-14), pooling)
    }

    @Test func everyIndexingCaseAgreesInValueAndGradient() throws {
        try check(
            "indexing", count: 73, float32: GoldenBound(relative: 1e-6, scaled: 1e-6),
            float64: GoldenBound(relative: 1e-14, scaled: 1e-15), indexing)
    }

    @Test func everyFactorizationAgreesInValueAndGradient() throws {
        try check(
            "linear_algebra", count: 34, float32: GoldenBound(relative: 0, scaled: 2e-4),
            float64: GoldenBound(relative: 0, scaled: 1e-9), factorization)
    }

    // MARK: The operations by name

    private func reduction(_ golden: GoldenCase, _ inputs: [Tensor]) throws -> [Tensor] {
        let x = inputs[0]
        let axes = golden.integers("axes")
        let keeping = golden.isSet("keepingAxes")
        switch golden.operation {
        case "sum": return [x.sum(axes: axes, keepingAxes: keeping)]
        case "mean": return [x.mean(axes: axes, keepingAxes: keeping)]
        case "prod": return [x.product(axes: axes, keepingAxes: keeping)]
        case "max": return [x.max(axes: axes, keepingAxes: keeping)]
        case "min": return [x.min(axes: axes, keepingAxes: keeping)]
        case "logSumExp": return [x.logSumExp(axes: axes, keepingAxes: keeping)]
        case "variance": return [x.variance(axes: axes, keepingAxes: keeping)]
        case "varianceBiased": return [x.variance(axes: axes, unbiased: false, keepingAxes: keeping)]
        case "standardDeviation": return [x.standardDeviation(axes: axes, keepingAxes: keeping)]
        case "argmax": return [golden.integer("axis").map { x.argmax(axis: $0, keepingAxes: keeping) } ?? x.argmax()]
        case "argmin": return [golden.integer("axis").map { x.argmin(axis: $0, keepingAxes: keeping) } ?? x.argmin()]
        case "any": return [golden.integer("axis").map { x.any(axis: $0, keepingAxes: keeping) } ?? x.any()]
        case "all": return [golden.integer("axis").map { x.all(axis: $0, keepingAxes: keeping) } ?? x.all()]
        case "sumOfRepeated": return [x.expand([try required(golden, "count")]).sum(keepingAxes: true)]
        case "cumulativeSum": return [x.cumulativeSum(axis: try required(golden, "axis"))]
        case "softmax": return [softmax(x, axis: try required(golden, "axis"))]
        case "logSoftmax": return [logSoftmax(x, axis: try required(golden, "axis"))]
        case "add": return [x + inputs[1]]
        case "multiply": return [x * inputs[1]]
        case "divide": return [x / inputs[1]]
        default: throw unknown(golden)
        }
    }

    private func product(_ golden: GoldenCase, _ inputs: [Tensor]) throws -> [Tensor] {
        switch golden.operation {
        case "matmul": return [matmul(inputs[0], inputs[1])]
        case "linear": return [linear(inputs[0], inputs[1], bias: inputs[2])]
        case "einsum":
            guard let equation = golden.text("equation") else { throw GoldenError("\(golden) has no equation") }
            return [einsum(equation, inputs)]
        default: throw unknown(golden)
        }
    }

    private func convolution(_ golden: GoldenCase, _ inputs: [Tensor]) throws -> [Tensor] {
        let (x, weight, bias) = (inputs[0], inputs[1], inputs.count > 2 ? inputs[2] : nil)
        let stride = golden.integers("stride") ?? [1]
        let padding = golden.integers("padding") ?? [0]
        let outputPadding = golden.integers("outputPadding") ?? [0]
        let dilation = golden.integers("dilation") ?? [1]
        let groups = golden.integer("groups") ?? 1
        switch (golden.operation, try required(golden, "dimensions")) {
        case ("convolution", 1):
            return [
                conv1d(
                    x, weight, bias: bias, stride: stride[0], padding: .zeros(padding), dilation: dilation[0],
                    groups: groups)
            ]
        case ("convolution", 2):
            return [
                conv2d(
                    x, weight, bias: bias, stride: stride, padding: .zeros(padding), dilation: dilation, groups: groups)
            ]
        case ("convolution", 3):
            return [
                conv3d(
                    x, weight, bias: bias, stride: stride, padding: .zeros(padding), dilation: dilation, groups: groups)
            ]
        case ("transposedConvolution", 1):
            return [
                convTranspose1d(
                    x, weight, bias: bias, stride: stride[0], padding: padding[0], outputPadding: outputPadding[0],
                    dilation: dilation[0], groups: groups)
            ]
        case ("transposedConvolution", 2):
            return [
                convTranspose2d(
                    x, weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding,
                    dilation: dilation, groups: groups)
            ]
        case ("transposedConvolution", 3):
            return [
                convTranspose3d(
                    x, weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding,
                    dilation: dilation, groups: groups)
            ]
        default: throw unknown(golden)
        }
    }

    private func pooling(_ golden: GoldenCase, _ inputs: [Tensor]) throws -> [Tensor] {
        let x = inputs[0]
        let kernel = golden.integers("kernelSize") ?? []
        let stride = golden.integers("stride")
        let padding = golden.integers("padding") ?? [0]
        let dilation = golden.integers("dilation") ?? [1]
        let ceil = golden.isSet("ceilMode")
        let counts = golden.attributes["countsPadding"]?.truth ?? true
        let sizes = golden.integers("outputSize") ?? []
        switch (golden.operation, try required(golden, "dimensions")) {
        case ("maxPool", 1):
            return [
                maxPool1d(
                    x, kernelSize: kernel[0], stride: stride?[0], padding: padding[0], dilation: dilation[0],
                    ceilMode: ceil)
            ]
        case ("maxPool", 2):
            return [
                maxPool2d(x, kernelSize: kernel, stride: stride, padding: padding, dilation: dilation, ceilMode: ceil)
            ]
        case ("maxPool", 3):
            return [
                maxPool3d(x, kernelSize: kernel, stride: stride, padding: padding, dilation: dilation, ceilMode: ceil)
            ]
        case ("averagePool", 1):
            return [
                avgPool1d(
                    x, kernelSize: kernel[0], stride: stride?[0], padding: padding[0], ceilMode: ceil,
                    countIncludePad: counts)
            ]
        case ("averagePool", 2):
            return [
                avgPool2d(
                    x, kernelSize: kernel, stride: stride, padding: padding, ceilMode: ceil, countIncludePad: counts)
            ]
        case ("averagePool", 3):
            return [
                avgPool3d(
                    x, kernelSize: kernel, stride: stride, padding: padding, ceilMode: ceil, countIncludePad: counts)
            ]
        case ("adaptiveAveragePool", 1): return [adaptiveAvgPool1d(x, outputSize: sizes[0])]
        case ("adaptiveAveragePool", 2): return [adaptiveAvgPool2d(x, outputSize: sizes)]
        case ("adaptiveAveragePool", 3): return [adaptiveAvgPool3d(x, outputSize: sizes)]
        default: throw unknown(golden)
        }
    }

    private func indexing(_ golden: GoldenCase, _ inputs: [Tensor]) throws -> [Tensor] {
        let x = inputs[0]
        let axis = golden.integer("axis") ?? 0
        switch golden.operation {
        case "slice":
            let ranges = (golden.attributes["ranges"]?.list ?? []).compactMap(\.list).map { range in
                TensorSubscript.from(range[0].integer, to: range[1].integer, by: range[2].integer ?? 1)
            }
            // A variadic subscript takes no list: one, two or three axes.
            switch ranges.count {
            case 1: return [x[ranges[0]]]
            case 2: return [x[ranges[0], ranges[1]]]
            default: return [x[ranges[0], ranges[1], ranges[2]]]
            }
        case "gather": return [x.gather(axis: axis, indices: inputs[1])]
        case "scatter": return [x.scatter(axis: axis, indices: inputs[1], updates: inputs[2])]
        case "scatterAdd": return [x.scatterAdd(axis: axis, indices: inputs[1], updates: inputs[2])]
        case "indexSelect": return [x.indexSelect(axis: axis, indices: inputs[1])]
        case "indexAdd": return [x.indexAdd(axis: axis, indices: inputs[1], updates: inputs[2])]
        case "embedding": return [x[inputs[1]]]
        case "where": return [`where`(x, inputs[1], inputs[2])]
        case "oneHot": return [x.oneHot(classes: try required(golden, "classes"), dtype: .int64)]
        case "pad":
            let widths = (golden.attributes["widths"]?.list ?? []).compactMap(\.integers)
            let modes: [String: PaddingMode] = [
                "constant": .constant(golden.number("value") ?? 0), "reflect": .reflect, "replicate": .edge,
            ]
            guard let mode = golden.text("mode").flatMap({ modes[$0] }) else { throw unknown(golden) }
            return [x.padded(low: widths.map { $0[0] }, high: widths.map { $0[1] }, mode)]
        case "sort":
            let sorted = x.sorted(axis: axis, descending: golden.isSet("descending"))
            return [sorted.values, sorted.indices]
        case "topK":
            let top = x.topK(try required(golden, "count"), axis: axis, largest: golden.isSet("largest"))
            return [top.values, top.indices]
        case "flip": return [x.flip(axes: golden.integers("axes") ?? [])]
        case "permute": return [x.permute(golden.integers("order") ?? [])]
        case "concatenate": return [concatenated(inputs, axis: axis)]
        case "stack": return [stacked(inputs, axis: axis)]
        case "roll": return [x.roll(by: try required(golden, "shift"), axis: axis)]
        case "lowerTriangle": return [x.lowerTriangle(diagonal: try required(golden, "offset"))]
        case "upperTriangle": return [x.upperTriangle(diagonal: try required(golden, "offset"))]
        default: throw unknown(golden)
        }
    }

    private func factorization(_ golden: GoldenCase, _ inputs: [Tensor]) throws -> [Tensor] {
        let a = inputs[0]
        switch golden.operation {
        case "solve": return [a.solve(inputs[1])]
        case "triangularSolve":
            return [
                a.triangularSolve(
                    inputs[1], lower: !golden.isSet("upper"), transposed: golden.isSet("transposed"),
                    unitDiagonal: golden.isSet("unitDiagonal"))
            ]
        case "cholesky": return [((a + a.transpose()) / 2).cholesky()]
        case "qr":
            let (q, r) = a.qr()
            let signs = r.detached().diagonal().sign()
            return [q * signs.unsqueeze(axis: -2), r * signs.unsqueeze(axis: -1)]
        case "svd":
            let (u, s, vt) = a.svd()
            return [s, u.abs(), vt.abs()]
        case "inverse": return [a.inverse()]
        case "determinant": return [a.determinant()]
        case "logAbsDeterminant":
            let (sign, logarithm) = a.logAbsDeterminant()
            return [sign, logarithm]
        default: throw unknown(golden)
        }
    }

    private func required(_ golden: GoldenCase, _ name: String) throws -> Int {
        guard let number = golden.integer(name) else { throw GoldenError("\(golden) has no \(name)") }
        return number
    }

    private func unknown(_ golden: GoldenCase) -> GoldenError {
        GoldenError("\(golden): the operation \(golden.operation) is not known")
    }
}
