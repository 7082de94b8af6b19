import MartletCPU
import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting
import Testing

@testable import MartletRuntime

/// What follows from parameters alone, computed once and kept.
@Suite("Constants folded once")
struct ConstantFoldingTests {
    private static let without = PlanPasses.all.subtracting(.constantFolding)

    /// Normalised without a convolution to fold into, and a formula of two parameters.
    private final class Network: Layer {
        let first: Linear
        let norm: BatchNorm1d
        let gain: Parameter
        let second: Linear

        init(width: Int) {
            first = Linear(9, width)
            norm = BatchNorm1d(width)
            gain = Parameter(Tensor.randn([width]))
            second = Linear(width, 4)
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            second(norm(first(x)) * gain.value.exp())
        }
    }

    private static func network(width: Int) -> Network {
        withGenerator(seed: 51) {
            let model = Network(width: width)
            _ = model(Tensor.randn([32, 9]))
            model.eval()
            return model
        }
    }

    private static func input(_ rows: Int) -> Tensor { withGenerator(seed: 52) { Tensor.randn([rows, 9]) } }

    @Test("Each change of a parameter or a statistic is seen, eager and compiled", arguments: [false, true])
    func freshness(isCompiled: Bool) {
        let model = Self.network(width: 24)
        let step = compile(updating: model) { (x: Tensor) in withoutGradient { model(x) } }
        func result(_ rows: Int) -> [Float] {
            (isCompiled ? step(Self.input(rows)) : withoutGradient { model(Self.input(rows)) }).array()
        }
        func expected(_ rows: Int) -> [Float] {
            PlanSettings.with(passes: Self.without) { withoutGradient { model(Self.input(rows)) }.array() }
        }
        var seen: Set<[Float]> = []
        let optimizer = SGD(model.parameters, learningRate: 0.1)
        for change in 0..<4 {
            // Two batch sizes share what is kept.
            for _ in 0..<3 { for rows in [40, 41] { #expect(result(rows) == expected(rows)) } }
            seen.insert(result(40))
            switch change {
            case 0: model.gain.update { $0 + 1 }
            case 1: model.norm.runningVariance.value = model.norm.runningVariance.value * 2
            case 2:
                optimizer.zeroGradients()
                model(Self.input(40)).square().mean().backward()
                optimizer.step()
            default: break
            }
        }
        #expect(seen.count == 4)
    }

    @Test("The steps of a unit run once, and again after a change")
    func counts() async {
        await #expect(processExitsWith: .success) {
            let backend = FailingBackend.install()
            let model = ConstantFoldingTests.network(width: 24)
            func kernels() -> Int {
                let before = backend.kernelCount
                _ = withoutGradient { model(ConstantFoldingTests.input(40)) }.array()
                return backend.kernelCount - before
            }
            // The first run packs weights as well.
            let counts = (0..<5).map { _ in kernels() }
            precondition(counts[1] < counts[0] && counts[4] <= counts[1], "\(counts) kernels")
            model.gain.update { $0 * 2 }
            _ = model.gain.value.array()
            let changed = [kernels(), kernels()]
            precondition(changed[0] > counts[4] && changed[1] == counts[4], "\(counts) kernels, then \(changed)")
        }
    }

    /// The plan of a formula that needs most memory where what is kept is not needed yet.
    private func plan(rows: Int, _ change: (inout PlanSettings) -> Void = { _ in }) throws -> Plan {
        let (x, weight, gain) = withGenerator(seed: 54) {
            (Tensor.randn([rows, 9]), Tensor.randn([9, 512]), Parameter(Tensor.randn([64])))
        }
        _ = (x.array(), weight.array(), gain.value.array())
        let plans = PlanSettings.with(change) {
            PlanWatch.plans {
                let sums = withoutGradient { matmul(x, weight).reshape([rows, 64, 8]).sum(axis: 2) * gain.value.exp() }
                _ = sums.array()
            }
        }
        return try #require(plans.max { $0.steps.count < $1.steps.count })
    }

    @Test("What is kept is counted, no larger than what it is made of, and given up where memory is short")
    func memory() throws {
        let usual = try plan(rows: 43)
        let kept = usual.foldings.reduce(0) { $0 + $1.byteCount }
        #expect(kept == 64 * 4)
        let bare = try plan(rows: 43) { $0.passes = Self.without }
        #expect(bare.foldings.isEmpty && usual.peakByteCount == bare.peakByteCount + kept)
        let tight = try plan(rows: 43) { $0.memoryLimit = bare.peakByteCount }
        #expect(tight.foldings.isEmpty && tight.peakByteCount == bare.peakByteCount)
        let loose = try plan(rows: 43) { $0.memoryLimit = usual.peakByteCount }
        #expect(loose.foldings.map(\.byteCount) == [kept])
    }

    @Test("A forecast counts what is kept")
    func forecast() throws {
        let model = Self.network(width: 40)
        _ = model.parameters.map { $0.value.array() }
        let with = try model.memory(input: [44, 9])
        let bare = try PlanSettings.with(passes: Self.without) { try model.memory(input: [44, 9]) }
        #expect(with.packedWeights > bare.packedWeights)
    }

    @Test("An input is nothing constant: of a formula of inputs alone nothing is kept")
    func inputs() {
        let plans = PlanWatch.plans {
            let (x, y) = (Tensor.randn([31, 30]), Tensor.randn([31, 30]))
            _ = (x.array(), y.array())
            _ = withoutGradient { matmul((x * y).exp(), (x + y).tanh().transpose()) }.array()
        }
        #expect(plans.allSatisfy { $0.foldings.isEmpty } && !plans.isEmpty)
    }

    @Test("What changes from run to run is not kept for long")
    func changing() {
        let weight = Parameter(Tensor.randn([1, 29]))
        let other = Tensor.randn([29, 3])
        for round in 0..<12 {
            let x = withGenerator(seed: UInt64(round)) { Tensor.randn([1, 29]) }
            let found = withoutGradient { matmul((x + weight.value).exp(), other) }.array()
            let expected = PlanSettings.with(passes: Self.without) {
                withoutGradient { matmul((x + weight.value).exp(), other) }.array()
            }
            #expect(found == expected)
        }
    }

    @Test("Positions made of coordinates are computed once in training too, and follow the numbers in them")
    func coordinates() {
        func positions(_ count: Int, base: Double) -> Tensor {
            let angle = Tensor.arange(count).to(dtype: .float32).reshape([count, 1]) * base
            return (angle * Tensor.ones([1, 24])).sin()
        }
        func gradients(base: Double) -> [Float] {
            let weight = withGenerator(seed: 53) { Parameter(Tensor.randn([24, 5])) }
            matmul(positions(26, base: base), weight.value).square().sum().backward()
            return weight.gradient?.array() ?? []
        }
        let bases = [0.1, 0.1, 0.2, 0.1]
        let found = bases.map { gradients(base: $0) }
        let expected = bases.map { base in PlanSettings.with(passes: Self.without) { gradients(base: base) } }
        #expect(found == expected && found[0] == found[1] && found[2] != found[1])
        let plans = PlanWatch.plans {
            let weight = Parameter(Tensor.randn([24, 7]))
            matmul(positions(27, base: 0.3), weight.value).square().sum().backward()
            _ = weight.gradient?.array()
        }
        #expect(plans.contains { plan in plan.foldings.contains { $0.leaves.isEmpty } })
    }
}
