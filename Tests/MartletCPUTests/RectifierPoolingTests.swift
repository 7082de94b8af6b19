import MartletGraph
import MartletTensor
import MartletTesting
import Testing

@testable import MartletRuntime

@Suite("Rectifiers behind max pools in training")
struct RectifierPoolingTests {
    struct Case: Sendable, CustomStringConvertible {
        let channels, size, window, stride, padding: Int
        var dtype = DataType.float32
        var description: String {
            "\(channels) channels of \(size), windows of \(window) by \(stride), padding \(padding), \(dtype)"
        }
    }

    // Plain and in channel blocks, side by side and overlapping, with a rest at the rim. Sizes that no other test has planned.
    static let cases = [
        Case(channels: 3, size: 18, window: 2, stride: 2, padding: 0),
        Case(channels: 32, size: 19, window: 2, stride: 2, padding: 0),
        Case(channels: 32, size: 21, window: 3, stride: 2, padding: 1),
        Case(channels: 48, size: 22, window: 3, stride: 2, padding: 0),
        Case(channels: 32, size: 20, window: 3, stride: 2, padding: 0, dtype: .bfloat16),
        Case(channels: 3, size: 17, window: 3, stride: 3, padding: 1, dtype: .float64),
    ]

    /// What a network gave: its loss and the gradients by picture, weight and bias; and the steps of its plans.
    struct Found {
        /// Bits: a zero has a sign.
        var values: [[UInt32]] = []
        var steps: [StepDescription] = []
    }

    private static func leaves(_ given: Case, spoiled: Bool) -> [Tensor] {
        withGenerator(seed: 9) {
            var pictures = Tensor.randn([2, given.channels, given.size, given.size])
            if spoiled { pictures[0, 1, 5, 6] = Tensor(Float.nan) }
            let weight = Tensor.randn([given.channels, given.channels, 3, 3]) * 0.2
            let leaves = [pictures, weight, Tensor.randn([given.channels])].map { $0.to(dtype: given.dtype) }
            for leaf in leaves { _ = leaf.array() }
            return leaves.map { $0.detached().requiringGradient() }
        }
    }

    /// A convolution, a rectifier and a pool, and the sum of the squares; `holding` gets what is rectified.
    private static func found(
        _ given: Case, _ passes: PlanPasses, spoiled: Bool = false, readsLoss: Bool = false,
        holding: ((Tensor) -> Void)? = nil
    ) -> Found {
        let own = leaves(given, spoiled: spoiled)
        var result = Found()
        let plans = PlanSettings.with(passes: passes) {
            PlanWatch.plans {
                let pooled = pooled(given, rectified(own, holding)).to(dtype: .float32)
                // Gradients of both signs, where nothing is to flow too.
                let sum = (pooled.square() - 3 * pooled).sum()
                if readsLoss { _ = sum.item() }
                sum.backward()
                let tensors = [sum] + own.compactMap(\.gradient)
                result.values = tensors.map { $0.to(dtype: .float32).array().map(\.bitPattern) }
            }
        }
        result.steps = plans.flatMap(\.descriptions)
        return result
    }

    private static func rectified(_ leaves: [Tensor], _ holding: ((Tensor) -> Void)?) -> Tensor {
        let rectified = relu(conv2d(leaves[0], leaves[1], bias: leaves[2], padding: 1))
        holding?(rectified)
        return rectified
    }

    private static func pooled(_ given: Case, _ x: Tensor) -> Tensor {
        maxPool2d(x, kernelSize: given.window, stride: given.stride, padding: given.padding)
    }

    /// Elementwise steps that write something as large as the convolution's result.
    private static func fullSizeSteps(_ steps: [StepDescription], _ given: Case) -> [String] {
        let count = 2 * given.channels * given.size * given.size
        return steps.filter { step in
            guard case .fused(let kernel) = step.work, kernel.instructions.contains(where: { $0.operation != .cast })
            else { return false }
            return step.outputs.contains { $0.type.shape.elementCount == count }
        }.map(\.name)
    }

    private static let without = PlanPasses.all.subtracting(.rectifierPooling)

    @Test("Loss and gradients have the same bits, and nothing elementwise is done in full size", arguments: cases)
    func values(_ given: Case) {
        let (found, expected) = (Self.found(given, .all), Self.found(given, Self.without))
        #expect(found.values.count == 4 && found.values == expected.values)
        #expect(Self.fullSizeSteps(found.steps, given).isEmpty)
        #expect(!Self.fullSizeSteps(expected.steps, given).isEmpty)
    }

    @Test("A number that is none comes through forward and backward where it did")
    func notANumber() {
        let given = Case(channels: 32, size: 23, window: 2, stride: 2, padding: 0)
        func areNumbers(_ passes: PlanPasses) -> [[Bool]] {
            Self.found(given, passes, spoiled: true).values.map { $0.map { !Float(bitPattern: $0).isNaN } }
        }
        let found = areNumbers(.all)
        #expect(found[0] == [false] && found[2].contains(false) && found[1].contains(true))
        #expect(found == areNumbers(Self.without))
    }

    @Test("A loss that is read before the backward pass changes no bit", arguments: cases)
    func cut(_ given: Case) {
        let (whole, cut) = (Self.found(given, .all), Self.found(given, .all, readsLoss: true))
        #expect(whole.values == cut.values)
        #expect(Self.fullSizeSteps(whole.steps, given) != Self.fullSizeSteps(cut.steps, given))
    }

    @Test("A pool's gradient that only a repetition reads is left alone")
    func repeated() {
        let x = withGenerator(seed: 4) { Tensor.randn([2, 3, 8, 8]) }
        func gradients(repeats: Bool) -> [Float] {
            gradient(
                of: { (w: Tensor) -> Tensor in
                    let inner = gradient(of: { (maxPool2d(relu($0), kernelSize: 2) * w).sum() }, at: x)
                    let squared = { inner.square() }
                    return (repeats ? checkpoint(squared) : squared()).sum()
                }, at: Tensor.ones([2, 3, 4, 4])
            ).array()
        }
        #expect(gradients(repeats: true) == gradients(repeats: false))
        #expect(gradients(repeats: true).contains { $0 > 0 })
    }

    @Test("What somebody holds is made in full, with the same values and gradients")
    func held() {
        let given = Case(channels: 32, size: 25, window: 2, stride: 2, padding: 0)
        var held: [Tensor] = []
        let found = Self.found(given, .all) { held.append($0) }
        let expected = Self.found(given, Self.without) { held.append($0) }
        #expect(found.values == expected.values)
        #expect(held[0].array() == held[1].array() && held[0].array().contains { $0 > 0 })
        #expect(!Self.fullSizeSteps(found.steps, given).isEmpty)
    }
}
