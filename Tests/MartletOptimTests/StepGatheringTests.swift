import MartletCPU
import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting
import Testing

@testable import MartletRuntime

/// Small steps alike and groups side by side, gathered into fewer.
@Suite("Steps gathered")
struct StepGatheringTests {
    private static let without = PlanPasses.all.subtracting([.siblingFusion, .stepGathering])

    /// Convolutions with batch normalisation, all as wide.
    private final class Network: Layer {
        let convolutions: [Conv2d]
        let norms: [BatchNorm2d]
        let head: Linear

        init(depth: Int, channels: Int) {
            convolutions = (0..<depth).map { index in
                Conv2d(index == 0 ? 3 : channels, channels, kernelSize: 3, padding: 1, bias: false)
            }
            norms = (0..<depth).map { _ in BatchNorm2d(channels) }
            head = Linear(channels, 4)
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            var y = x
            for (convolution, norm) in zip(convolutions, norms) { y = relu(norm(convolution(y))) }
            return head(y.mean(axes: [2, 3]))
        }
    }

    /// Losses and, at the end, all that the model holds.
    private static func trained(channels: Int, isCompiled: Bool, narrow: Bool = false) -> [[Float]] {
        withGenerator(seed: 41) {
            let model = Network(depth: 6, channels: channels)
            let optimizer = SGD(model.parameters, learningRate: 0.05, momentum: 0.9)
            let body = { (x: Tensor, y: Tensor) -> Tensor in
                optimizer.zeroGradients()
                let loss = autocast(isEnabled: narrow) { crossEntropy(model(x), y) }
                loss.backward()
                optimizer.step()
                return loss.detached()
            }
            let step = compile(updating: model, optimizer, function: body)
            var found: [[Float]] = []
            for _ in 0..<3 {
                let (x, y) = (Tensor.randn([4, 3, 8, 8]), Tensor([0, 1, 2, 3] as [Int]))
                found.append((isCompiled ? step(x, y) : body(x, y)).array())
            }
            let state = model.stateDictionary
            return found + state.keys.sorted().map { (state[$0] ?? Tensor([])).to(dtype: .float32).array() }
        }
    }

    @Test("Training with batch normalisation gives the same bits", arguments: [false, true], [false, true])
    func bits(isCompiled: Bool, narrow: Bool) {
        let expected = PlanSettings.with(passes: Self.without) {
            Self.trained(channels: 16, isCompiled: isCompiled, narrow: narrow)
        }
        #expect(Self.trained(channels: 16, isCompiled: isCompiled, narrow: narrow) == expected)
        #expect(Set(expected.joined()).count > 100)
    }

    /// The largest plan made by a body, and how much its run needs.
    private func largest(_ body: () -> Void) throws -> Plan {
        try #require(PlanWatch.plans(madeIn: body).max { $0.steps.count < $1.steps.count })
    }

    @Test("Running statistics of all normalisations are a few steps, and the peak is no higher")
    func statistics() throws {
        let gathered = try largest { _ = Self.trained(channels: 32, isCompiled: true) }
        let apart = try PlanSettings.with(passes: Self.without) {
            try largest { _ = Self.trained(channels: 32, isCompiled: true) }
        }
        // Six counts, six means and six variances were a step each; without the engine's layout means and variances are part of
        // the steps that need them besides.
        let hasKernels = CPUBackend.shared.engine != nil
        #expect(gathered.steps.count <= apart.steps.count - (hasKernels ? 15 : 5))
        #expect(gathered.peakByteCount <= apart.peakByteCount)
        let repeated = gathered.descriptions.filter { $0.repetitions == 6 }
        #expect(repeated.count >= (hasKernels ? 3 : 1), "\(gathered.descriptions.map(\.name))")
    }

    /// The derivatives by the two factors of a product, which both read what a matrix product gives.
    private static func product(rows: Int) -> [[Float]] {
        withGenerator(seed: 42) {
            let (a, b) = (Parameter(Tensor.randn([rows, 64])), Parameter(Tensor.randn([rows, 64])))
            matmul(a.value * b.value.sin(), Tensor.randn([64, 3])).tanh().sum().backward()
            return [a, b].map { $0.gradient?.array() ?? [] }
        }
    }

    @Test("Two derivatives that read one gradient are one step with two results")
    func siblings() throws {
        let apart = try PlanSettings.with(passes: Self.without) {
            try largest { _ = Self.product(rows: 37) }
        }
        let together = try largest { _ = Self.product(rows: 37) }
        #expect(together.steps.count == apart.steps.count - 1)
        #expect(together.descriptions.contains { $0.outputs.count == 2 && $0.outputs[0].type.shape == [37, 64] })
        #expect(
            Self.product(rows: 37)
                == PlanSettings.with(passes: Self.without) { Self.product(rows: 37) })
    }

    @Test("What reads another's result, or a kernel's between them, stays apart and in order")
    func dependent() {
        func results() -> [[Float]] {
            withGenerator(seed: 43) {
                let x = Tensor.randn([7])
                var found: [Tensor] = [x.sin() * 2]
                // Each formula is alike and stands on the last; every other one by way of a product.
                for index in 0..<6 {
                    let last = found[index]
                    let next = index % 2 == 0 ? last : matmul(last.reshape([1, 7]), Tensor.randn([7, 7])).reshape([7])
                    found.append(next.sin() * 2)
                    found.append((x + Float(index)).sin() * 2)
                }
                return found.map { $0.array() }
            }
        }
        let expected = PlanSettings.with(passes: Self.without) { results() }
        #expect(results() == expected)
    }

    @Test("Steps of one element each are gathered with their own numbers")
    func single() {
        func results() -> [Float] {
            withGenerator(seed: 44) {
                let parts = (0..<5).map { _ in Tensor.randn([3, 3]) }
                let sums = parts.map { matmul($0, $0).sum() }
                let scaled = sums.map { $0.tanh() * $0 }
                let product = zip(scaled, parts).map { matmul($0 * $1, $1).sum() }
                return product.map { $0.item() } + scaled.map { $0.item() }
            }
        }
        let expected = PlanSettings.with(passes: Self.without) { results() }
        #expect(results() == expected && Set(expected).count == 10)
    }
}
