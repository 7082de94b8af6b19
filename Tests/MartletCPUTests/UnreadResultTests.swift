import MartletGraph
import MartletNN
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// Results of a kernel of several that nobody asked for.
@Suite("Unread results")
struct UnreadResultTests {
    /// For each max pooling in the plans of a body, whether its positions are unread.
    private func areUnread(_ body: () -> Void) -> [Bool] {
        PlanWatch.plans(madeIn: body).flatMap(\.descriptions).compactMap { step in
            guard case .primitive(.maxPool, _) = step.work else { return nil }
            return step.outputs[1].isUnread
        }
    }

    @Test(
        "Without positions the values of pooling behind a convolution are the same",
        arguments: [DataType.float32, .bfloat16])
    func blocks(dtype: DataType) {
        let given = withGenerator(seed: 5) { [Tensor.randn([2, 32, 15, 12]), Tensor.randn([48, 32, 3, 3])] }
        let (x, weight) = (given[0].to(dtype: dtype), given[1].to(dtype: dtype))
        func pooled(requiringGradient: Bool) -> Tensor {
            let own = requiringGradient ? weight.detached().requiringGradient() : weight
            return maxPool2d(conv2d(x, own, padding: 1), kernelSize: 3, stride: 2)
        }
        let inference = withoutGradient { pooled(requiringGradient: false).to(dtype: .float32).array() }
        let training = pooled(requiringGradient: true)
        training.sum().backward()
        #expect(inference == training.to(dtype: .float32).array())
    }

    @Test("Pooling writes where the largest were for a gradient, and where somebody asks for them")
    func pooling() {
        let x = withGenerator(seed: 3) { Tensor.randn([3, 16, 13, 11]) }
        var pooled: [[Float]] = []
        let inference = areUnread { pooled.append(withoutGradient { maxPool2d(x, kernelSize: 3).array() }) }
        #expect(inference == [true])
        var gradients: [Float] = []
        let training = areUnread {
            let leaf = x.detached().requiringGradient()
            let y = maxPool2d(leaf, kernelSize: 3)
            (y * y).sum().backward()
            gradients = leaf.gradient?.array() ?? []
            pooled.append(y.array())
        }
        #expect(training == [false])
        #expect(pooled[0] == pooled[1])
        // Each window's largest gets twice itself.
        let twice = Double(pooled[0].reduce(0, +)) * 2
        #expect(abs(Double(gradients.reduce(0, +)) - twice) < 1e-2)
    }
}
