import Foundation
import MartletNN
import MartletTensor
import Testing

/// Losses where a number is at the edge of what is usual; expected values are by hand.
@Suite("Edges of losses")
struct LossEdgeTests {
    @Test("smoothL1Loss with beta 0 is the absolute error, its gradient too")
    func smoothL1() {
        let prediction = Parameter(Tensor([1, -2] as [Float]))
        let loss = smoothL1Loss(prediction.value, Tensor.zeros([2]), beta: 0)
        #expect(loss.item() as Float == 1.5)
        loss.backward()
        #expect(prediction.gradient?.array(as: Float.self) == [0.5, -0.5])
    }

    @Test("a class without weight keeps its share of the smoothing; an ignored example has none")
    func weightless() {
        let logits = Tensor([1, 2, 3, 0, 0, 0] as [Float], shape: [2, 3])
        let loss: Float = crossEntropy(
            logits, Tensor([0, 1] as [Int]), weights: Tensor([0, 1, 1] as [Float]), labelSmoothing: 0.1,
            ignoreIndex: 1, reduction: .sum
        ).item()
        // 0.1 / 3 · (1.4076059 + 0.4076059): the negative log-likelihoods of the classes that have weight.
        #expect(abs(loss - 0.0605070) < 1e-6)
    }

    @Test("large logits leave the likelihood its digits", arguments: [DataType.float32, .float64], [3, 100])
    func large(dtype: DataType, classes: Int) {
        for height in [-1e9, 1e4, 1e8] {
            let logits = Tensor.full([2, classes], height, dtype: dtype)
            let expected = Double(classes).logarithm
            for smoothing in [0, 0.1] {
                let loss = crossEntropy(logits, Tensor([0, 1] as [Int]), labelSmoothing: smoothing)
                #expect(abs(loss.item(as: Double.self) - expected) < 1e-5)
            }
            let likelihoods = logits.logSoftmax(axis: 1).array(as: Double.self)
            #expect(likelihoods.allSatisfy { abs($0 + expected) < 1e-5 })
        }
    }

    @Test("a logit of -∞ is a class that cannot be", arguments: [DataType.float32, .float64])
    func impossible(dtype: DataType) {
        let logits = Tensor([0, -.infinity, 0] as [Double], shape: [1, 3], dtype: dtype)
        let labels = Tensor([0] as [Int])
        #expect(abs(crossEntropy(logits, labels).item(as: Double.self) - 2.0.logarithm) < 1e-6)
        #expect(crossEntropy(logits, Tensor([1] as [Int])).item(as: Double.self) == .infinity)
    }

    @Test("a predicted variance below epsilon finds its way back")
    func variance() {
        let variance = Parameter(Tensor([1e-8, 4] as [Float]))
        let loss = gaussianNegativeLogLikelihood(
            Tensor([1, 1] as [Float]), Tensor([0, 3] as [Float]), variances: variance.value, epsilon: 1e-2,
            reduction: .sum)
        // ½·(ln 0.01 + 1 / 0.01) + ½·(ln 4 + 4 / 4)
        #expect(abs((loss.item() as Float) - (0.5 * (-4.6051702 + 100) + 0.5 * (1.3862944 + 1))) < 1e-4)
        loss.backward()
        let gradient = variance.gradient?.array(as: Float.self) ?? []
        // ½·(1 / v - d² / v²)
        #expect(abs(gradient[0] - 0.5 * (100 - 10_000)) < 0.5 && abs(gradient[1]) < 1e-6)
    }

    @Test("a variance below zero counts as epsilon, to the bit")
    func negativeVariance() {
        for given: Float in [-0.5, -1, -20, -1000] {
            let found: Float = gaussianNegativeLogLikelihood(
                Tensor([1] as [Float]), Tensor([1] as [Float]), variances: Tensor([given])
            ).item()
            #expect(abs(found - 0.5 * -13.815511) < 1e-4)
        }
    }

    @Test("ctcLoss does not read targets behind their lengths")
    func padding() {
        let x = Tensor.randn([6, 2, 4]).logSoftmax(axis: 2)
        let lengths = (Tensor([6, 5] as [Int]), Tensor([3, 1] as [Int]))
        let losses = [[1, 2, 3, 2, 0, 0], [1, 2, 3, 2, -1, -1], [1, 2, 3, 2, 99, 7]].map { numbers in
            ctcLoss(
                x, Tensor(numbers as [Int], shape: [2, 3]), inputLengths: lengths.0, targetLengths: lengths.1
            ).item() as Float
        }
        #expect(losses[0].isFinite && losses[1] == losses[0] && losses[2] == losses[0])
    }

    @Test("a label of ctcLoss that is no class stops with its place, within its target's length")
    func label() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = ctcLoss(
                Tensor.zeros([6, 2, 4]), Tensor([1, 2, 3, 2, 9, 0] as [Int], shape: [2, 3]),
                inputLengths: Tensor([6, 6] as [Int]), targetLengths: Tensor([3, 2] as [Int]))
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("ctcLoss: label 9 at position 4 is outside 0..<4"), "\(message.prefix(400))")
    }
}

extension Double {
    fileprivate var logarithm: Double { Tensor([self]).log().item(as: Double.self) }

    @Test("an ignored example counts for nothing, whatever its logits", arguments: [0, 0.1])
    func ignored(smoothing: Double) {
        let counted = Tensor([0, 0, 0] as [Float], shape: [1, 3])
        for odd in [-Float.infinity, .infinity, .nan] {
            let logits = Tensor([odd, 1, 2, 0, 0, 0], shape: [2, 3])
            let labels = Tensor([-100, 1] as [Int])
            let loss = crossEntropy(logits, labels, labelSmoothing: smoothing, ignoreIndex: -100).item()
            #expect(loss == crossEntropy(counted, Tensor([1] as [Int]), labelSmoothing: smoothing).item(), "\(odd)")
            let likelihood = negativeLogLikelihood(logits.logSoftmax(axis: 1), labels, ignoreIndex: -100).item()
            #expect(abs(likelihood - 1.0986123) < 1e-6, "\(odd)")
        }
    }

    @Test(
        "Binary cross entropy keeps the digits of examples that are right, of either class",
        arguments: [16, 10] as [Double])
    func confident(logit: Double) {
        let expected = Foundation.log1p(Foundation.exp(-logit))
        for (x, label) in [(logit, 1.0), (-logit, 0)] {
            let (logits, labels) = (Tensor([Float(x)]), Tensor([Float(label)]))
            let loss = Double(binaryCrossEntropyWithLogits(logits, labels).item())
            #expect(abs(loss / expected - 1) < 1e-5, "\(loss)")
            let weighted = binaryCrossEntropyWithLogits(logits, labels, positiveWeight: Tensor([1])).item()
            #expect(Double(weighted) == loss)
            let focal = Double(focalLoss(logits, labels, alpha: nil, gamma: 0).item())
            #expect(abs(focal / expected - 1) < 1e-5, "\(focal)")
        }
    }

    @Test("Probabilities as labels are compared with float16 logits in float32")
    func narrowProbabilities() {
        let logits = Tensor.zeros([1, 70_000], dtype: .float16)
        let labels = Tensor.full([1, 70_000], 1.0 / 70_000)
        #expect(abs(crossEntropy(logits, labels).item() - 11.156) < 0.01)
        #expect(crossEntropy(logits, labels).dtype == .float16)
    }
}
