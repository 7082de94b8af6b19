import MartletGraph
import MartletNN
import MartletTensor
import MartletTesting
import Testing

/// Losses and normalisations against PyTorch, case by case, values and gradients.
struct GoldenNNTests {
    private func check(
        _ name: String, float32: GoldenBound, float64: GoldenBound,
        _ operation: (GoldenCase, [String: Tensor]) throws -> [Tensor]
    ) throws {
        let file = try GoldenFile(name)
        let comparison = GoldenComparison(file, float32: float32, float64: float64)
        var failures: [String] = []
        for golden in file.cases {
            failures += try comparison.failures(of: golden) { inputs in
                try operation(golden, Dictionary(uniqueKeysWithValues: zip(golden.inputs, inputs)))
            }
        }
        #expect(!file.cases.isEmpty)
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }

    @Test func everyLossAgreesInValueAndGradient() throws {
        try check(
            "losses", float32: GoldenBound(relative: 1e-5, absolute: 1e-6, scaled: 1e-6),
            float64: GoldenBound(relative: 1e-11, absolute: 1e-12)
        ) { golden, x in [try GoldenNNTests.loss(golden, x)] }
    }

    private static func loss(_ golden: GoldenCase, _ x: [String: Tensor]) throws -> Tensor {
        func input(_ name: String) throws -> Tensor {
            guard let tensor = x[name] else { throw GoldenError("\(golden) has no input \(name)") }
            return tensor
        }
        let reduction: Reduction =
            switch golden.text("reduction") {
            case "sum": .sum
            case "none": .none
            default: .mean
            }
        switch golden.operation {
        case "crossEntropy":
            return crossEntropy(
                try input("logits"), try input("labels"), weights: x["weight"],
                labelSmoothing: golden.number("labelSmoothing") ?? 0, ignoreIndex: golden.integer("ignoreIndex"),
                reduction: reduction)
        case "crossEntropyOfProbabilities":
            return crossEntropy(try input("logits"), try input("probabilities"), reduction: reduction)
        case "meanSquaredError": return meanSquaredError(try input("input"), try input("target"), reduction: reduction)
        case "meanAbsoluteError":
            return meanAbsoluteError(try input("input"), try input("target"), reduction: reduction)
        case "huber":
            return huberLoss(
                try input("input"), try input("target"), delta: golden.number("delta") ?? 1, reduction: reduction)
        case "smoothL1":
            return smoothL1Loss(
                try input("input"), try input("target"), beta: golden.number("beta") ?? 1, reduction: reduction)
        default:
            guard let maker = likelihoodCases[golden.operation] ?? marginCases[golden.operation] else {
                throw GoldenError("\(golden): the operation \(golden.operation) is not known")
            }
            return try maker(golden, LossInputs(tensors: x), reduction)
        }
    }

    @Test func everyNormalisationAgreesInValueAndGradient() throws {
        try check(
            "normalization", float32: GoldenBound(relative: 2e-5, absolute: 2e-6, scaled: 5e-6),
            float64: GoldenBound(relative: 1e-10, absolute: 1e-11)
        ) { golden, x in try GoldenNNTests.normalization(golden, x) }
    }

    /// The layer's formula on the case's own leaves: parameters take their values so that gradients arrive there.
    private static func normalization(_ golden: GoldenCase, _ x: [String: Tensor]) throws -> [Tensor] {
        guard let first = x["input"] ?? x["input0"] else { throw GoldenError("\(golden) has no input") }
        switch golden.operation {
        case "batchNormTraining": return try batchNormTraining(golden, x, first)
        case "batchNormEvaluation":
            let layer = batchNorm(golden, first)
            layer.eval()
            layer.runningMean.value = x["mean"] ?? first
            layer.runningVariance.value = x["variance"] ?? first
            return [layer.normalized(first, weight: x["weight"], bias: x["bias"])]
        case "layerNorm":
            let layer = LayerNorm(Shape(golden.integers("normalizedShape") ?? []), affine: false)
            return [layer(first) * (x["weight"] ?? first) + (x["bias"] ?? first)]
        case "rmsNorm":
            let layer = RMSNorm(Shape(golden.integers("normalizedShape") ?? []))
            layer.weight.update { $0.to(dtype: first.dtype) }
            return [layer(first) * (x["weight"] ?? first)]
        case "groupNorm":
            let layer = GroupNorm(groups: golden.integer("groups") ?? 1, channels: 6, affine: false)
            let spread: Shape = [1, 6, 1, 1]
            return [layer(first) * (x["weight"] ?? first).reshape(spread) + (x["bias"] ?? first).reshape(spread)]
        default: throw GoldenError("\(golden): the operation \(golden.operation) is not known")
        }
    }

    private static func batchNorm(_ golden: GoldenCase, _ input: Tensor) -> any NormalizationLayer {
        let (channels, epsilon) = (input.shape[1], golden.number("epsilon") ?? 1e-5)
        let momentum = golden.number("momentum") ?? 0.1
        let layer: any NormalizationLayer =
            input.rank == 4
            ? BatchNorm2d(channels, epsilon: epsilon, momentum: momentum, affine: false)
            : BatchNorm1d(channels, epsilon: epsilon, momentum: momentum, affine: false)
        layer.runningMean.value = layer.runningMean.value.to(dtype: input.dtype)
        layer.runningVariance.value = layer.runningVariance.value.to(dtype: input.dtype)
        return layer
    }

    /// In the order of the case's expectations: output, mean and variance after each of three steps.
    private static func batchNormTraining(
        _ golden: GoldenCase, _ x: [String: Tensor], _ first: Tensor
    ) throws -> [Tensor] {
        let layer = batchNorm(golden, first)
        var found: [String: Tensor] = [:]
        for step in 0..<3 {
            guard let input = x["input\(step)"] else { throw GoldenError("\(golden) has no input\(step)") }
            found["output\(step)"] = layer.normalized(input, weight: x["weight"], bias: x["bias"])
            found["mean\(step)"] = layer.runningMean.value
            found["variance\(step)"] = layer.runningVariance.value
        }
        #expect(layer.batchCount.value.item(as: Int.self) == 3)
        return try golden.expected.map { name in
            guard let tensor = found[name] else { throw GoldenError("\(golden) expects \(name)") }
            return tensor
        }
    }
}
