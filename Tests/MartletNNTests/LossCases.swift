import MartletNN
import MartletTensor
import MartletTesting

/// A loss on the inputs of a golden case.
typealias LossMaker = @Sendable (_ golden: GoldenCase, _ x: LossInputs, _ reduction: Reduction) throws -> Tensor

/// The inputs of a golden case by name; `required` throws where there is none.
struct LossInputs {
    let tensors: [String: Tensor]
    subscript(name: String) -> Tensor? { tensors[name] }
    func required(_ name: String) throws -> Tensor {
        guard let tensor = tensors[name] else { throw GoldenError("there is no input \(name)") }
        return tensor
    }
}

/// Losses of one prediction and one target, and those of labels.
let likelihoodCases: [String: LossMaker] = [
    "negativeLogLikelihood": { golden, x, reduction in
        negativeLogLikelihood(
            try x.required("logProbabilities"), try x.required("labels"), weights: x["weight"],
            ignoreIndex: golden.integer("ignoreIndex"), reduction: reduction)
    },
    "binaryCrossEntropy": { _, x, reduction in
        binaryCrossEntropy(
            try x.required("input"), try x.required("target"), weights: x["weight"], reduction: reduction)
    },
    "binaryCrossEntropyWithLogits": { _, x, reduction in
        binaryCrossEntropyWithLogits(
            try x.required("logits"), try x.required("target"), weights: x["weight"],
            positiveWeight: x["positiveWeight"], reduction: reduction)
    },
    "focal": { golden, x, reduction in
        focalLoss(
            try x.required("logits"), try x.required("target"), alpha: golden.number("alpha"),
            gamma: golden.number("gamma") ?? 2, reduction: reduction)
    },
    "dice": { golden, x, reduction in
        diceLoss(
            try x.required("input"), try x.required("target"), smoothing: golden.number("smoothing") ?? 1,
            reduction: reduction)
    },
    "klDivergence": { golden, x, reduction in
        klDivergence(
            try x.required("input"), try x.required("target"),
            targetsAreLogarithms: golden.isSet("targetsAreLogarithms"),
            reduction: reduction)
    },
    "poisson": { golden, x, reduction in
        poissonNegativeLogLikelihood(
            try x.required("input"), try x.required("target"), isLogarithm: golden.isSet("isLogarithm"),
            addsStirling: golden.isSet("addsStirling"), reduction: reduction)
    },
    "gaussian": { golden, x, reduction in
        gaussianNegativeLogLikelihood(
            try x.required("input"), try x.required("target"), variances: try x.required("var"),
            addsConstant: golden.isSet("addsConstant"), reduction: reduction)
    },
    "ctc": { golden, x, reduction in
        ctcLoss(
            logSoftmax(try x.required("logits")), try x.required("targets"),
            inputLengths: try x.required("inputLengths"),
            targetLengths: try x.required("targetLengths"), blank: golden.integer("blank") ?? 0,
            zeroInfinity: golden.isSet("zeroInfinity"), reduction: reduction)
    },
]

/// Losses with margins.
let marginCases: [String: LossMaker] = [
    "hinge": { golden, x, reduction in
        hingeLoss(
            try x.required("input"), try x.required("target"), isSquared: golden.isSet("isSquared"),
            reduction: reduction)
    },
    "hingeEmbedding": { golden, x, reduction in
        hingeEmbeddingLoss(
            try x.required("input"), try x.required("target"), margin: golden.number("margin") ?? 1,
            reduction: reduction)
    },
    "softMargin": { _, x, reduction in
        softMarginLoss(try x.required("input"), try x.required("target"), reduction: reduction)
    },
    "multiMargin": { golden, x, reduction in
        multiMarginLoss(
            try x.required("input"), try x.required("target"), power: golden.integer("power") ?? 1,
            margin: golden.number("margin") ?? 1, weights: x["weight"], reduction: reduction)
    },
    "marginRanking": { golden, x, reduction in
        marginRankingLoss(
            try x.required("input1"), try x.required("input2"), try x.required("target"),
            margin: golden.number("margin") ?? 0, reduction: reduction)
    },
    "tripletMargin": { golden, x, reduction in
        tripletMarginLoss(
            anchor: try x.required("anchor"), positive: try x.required("positive"),
            negative: try x.required("negative"),
            power: golden.number("power") ?? 2, swaps: golden.isSet("swaps"), reduction: reduction)
    },
    "cosineEmbedding": { golden, x, reduction in
        cosineEmbeddingLoss(
            try x.required("input1"), try x.required("input2"), try x.required("target"),
            margin: golden.number("margin") ?? 0, reduction: reduction)
    },
]
