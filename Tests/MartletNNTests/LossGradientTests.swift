import MartletGraph
import MartletNN
import MartletTensor
import Testing

/// First and second derivatives of losses against differences in float64.
struct LossGradientTests {
    private static let x = Tensor([0.3, -1.2, 0.8, 1.7, -0.4, 0.9] as [Double]).reshape([2, 3])
    private static let p = Tensor([0.3, 0.62, 0.8, 0.17, 0.44, 0.9] as [Double]).reshape([2, 3])
    private static let t = Tensor([0.9, 0.1, 0.4, 0.7, 0.2, 0.5] as [Double]).reshape([2, 3])
    private static let signs = Tensor([1, -1, 1, -1, -1, 1] as [Double]).reshape([2, 3])
    private static let labels = Tensor([2, 0] as [Int])

    private static let losses: [(name: String, at: Tensor, loss: @Sendable (Tensor) -> Tensor)] = [
        ("negative log-likelihood", x, { negativeLogLikelihood(logSoftmax($0), labels) }),
        ("binary cross entropy", p, { binaryCrossEntropy($0, t) }), ("focal", x, { focalLoss($0, t) }),
        ("dice", p, { diceLoss($0.reshape([1, 2, 3]), t.reshape([1, 2, 3])) }),
        ("Kullback-Leibler", x, { klDivergence(logSoftmax($0), t) }),
        ("Poisson", x, { poissonNegativeLogLikelihood($0, t) }),
        ("Gaussian", p, { gaussianNegativeLogLikelihood(x, t, variances: $0) }),
        ("squared hinge", x, { hingeLoss($0, signs, isSquared: true) }),
        ("soft margin", x, { softMarginLoss($0, signs) }),
        ("multi margin", x, { multiMarginLoss($0, labels, power: 2) }),
        ("triplet", x, { tripletMarginLoss(anchor: $0, positive: t, negative: p, margin: 2) }),
        ("cosine", x, { cosineEmbeddingLoss($0, t, Tensor([1, -1] as [Double])) }),
        (
            "connectionist", Tensor(x.array(as: Double.self) + p.array(as: Double.self), shape: [4, 1, 3]),
            {
                ctcLoss(
                    logSoftmax($0), Tensor([1, 1] as [Int]).reshape([1, 2]), inputLengths: Tensor([4] as [Int]),
                    targetLengths: Tensor([2] as [Int]))
            }
        ),
    ]

    @Test(arguments: losses.map(\.name))
    func `Derivatives of first and second order are those of differences`(name: String) throws {
        let row = try #require(Self.losses.first { $0.name == name })
        for order in 1...2 {
            let report = checkGradient(of: row.loss, at: row.at, order: order, tolerance: 1e-6)
            #expect(report.passed, "\(name), order \(order): \(report)")
        }
    }

    @Test func `A target that its input is too short for has an infinite loss, or none where asked`() {
        func loss(zeroInfinity: Bool) -> Float {
            ctcLoss(
                logSoftmax(Tensor.zeros([2, 1, 3])), Tensor([1, 1] as [Int]).reshape([1, 2]),
                inputLengths: Tensor([2] as [Int]), targetLengths: Tensor([2] as [Int]), zeroInfinity: zeroInfinity
            ).item()
        }
        #expect(loss(zeroInfinity: false) == .infinity)
        #expect(loss(zeroInfinity: true) == 0)
    }

    @Test(arguments: [DataType.float16, .bfloat16])
    func `Sequences in narrow types have the losses of wide ones`(dtype: DataType) {
        let x = withGenerator(seed: 31) { Tensor.randn([6, 2, 4]) }
        func loss(_ x: Tensor) -> Float {
            ctcLoss(
                logSoftmax(x), Tensor([1, 2, 3, 1] as [Int]).reshape([2, 2]), inputLengths: Tensor([6, 4] as [Int]),
                targetLengths: Tensor([2, 1] as [Int])
            ).item()
        }
        #expect(abs(loss(x.to(dtype: dtype)) - loss(x)) < 0.05)
    }

    @Test func `A label outside the classes stops with its place`() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = multiMarginLoss(Tensor.zeros([2, 3]), Tensor([0, 3] as [Int]))
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("multiMarginLoss: label 3 at position 1 is outside 0..<3"), "\(message.prefix(400))")
    }
}
