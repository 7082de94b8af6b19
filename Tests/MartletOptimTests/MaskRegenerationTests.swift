import MartletCPU
import MartletGraph
import MartletNN
import MartletOptim
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// Dropout's masks, made again in the derivative's own kernel.
@Suite("Masks made again rather than kept")
struct MaskRegenerationTests {
    /// How a derivative is asked for.
    enum Form: CaseIterable {
        case eager, readBefore, checkpointed, compiled
    }

    /// Every layer that drops, between products so that forward and backward are kernels of their own.
    private static func layer(_ name: String) -> any Layer {
        switch name {
        case "Dropout": Dropout(0.3)
        case "AlphaDropout": AlphaDropout(0.2)
        case "DropPath": DropPath(0.4)
        default: Dropout(0.5)
        }
    }

    private final class Network: Layer {
        let first = Linear(24, 96)
        let dropping: any Layer
        let second = Linear(96, 40)
        let last = Linear(40, 5)
        let isCheckpointed, isRectified: Bool

        init(_ dropping: any Layer, isCheckpointed: Bool, isRectified: Bool) {
            self.dropping = dropping
            (self.isCheckpointed, self.isRectified) = (isCheckpointed, isRectified)
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            let y = isCheckpointed ? checkpoint { hidden(x) } : hidden(x)
            return last(y)
        }

        private func hidden(_ x: Tensor) -> Tensor {
            second(dropping(isRectified ? relu(first(x)) : first(x).tanh()).tanh())
        }
    }

    /// Losses of some steps and what the parameters are by then.
    private static func trained(_ name: String, _ form: Form, rows: Int, isRectified: Bool = true) -> [[Float]] {
        withGenerator(seed: 21) {
            let model = Network(layer(name), isCheckpointed: form == .checkpointed, isRectified: isRectified)
            let optimizer = Adam(model.parameters, learningRate: 1e-2)
            let body = { (x: Tensor, y: Tensor) -> Tensor in
                optimizer.zeroGradients()
                let loss = crossEntropy(model(x), y)
                if form == .readBefore { _ = loss.item() }
                loss.backward()
                optimizer.step()
                return loss.detached()
            }
            let step = compile(updating: model, optimizer, function: body)
            var found: [[Float]] = []
            for _ in 0..<3 {
                let x = Tensor.randn([rows, 24])
                let y = Tensor((0..<rows).map { $0 % 5 })
                found.append((form == .compiled ? step(x, y) : body(x, y)).array())
            }
            return found + model.parameters.map { $0.value.array() }
        }
    }

    private static let without = PlanPasses.all.subtracting(.maskRegeneration)

    @Test(
        "Training gives the same bits as with masks kept, and the same in every form",
        arguments: ["Dropout", "AlphaDropout", "DropPath"])
    func bits(_ name: String) {
        let expected = PlanSettings.with(passes: Self.without) { Self.trained(name, .eager, rows: 33) }
        #expect(Set(expected.joined()).count > 100)
        for form in Form.allCases {
            #expect(Self.trained(name, form, rows: 33) == expected, "\(form)")
            let kept = PlanSettings.with(passes: Self.without) { Self.trained(name, form, rows: 33) }
            #expect(kept == expected, "\(form), masks kept")
        }
    }

    @Test("Channels dropped together give the same bits too", arguments: [1, 2, 3])
    func channels(axes: Int) {
        func gradients() -> [[Float]] {
            withGenerator(seed: 22) {
                let layers: [any Layer] = [Dropout1d(0.5), Dropout2d(0.5), Dropout3d(0.5)]
                let shape = Shape([48, 32] + Array(repeating: 3, count: axes))
                let weight = Parameter(Tensor.randn(shape))
                let loss = (layers[axes - 1](weight.value * 2).sin() * 3).sum()
                _ = loss.item()
                loss.backward()
                return [weight.gradient?.array() ?? []]
            }
        }
        let expected = PlanSettings.with(passes: Self.without) { gradients() }
        #expect(expected[0].contains(0) && expected[0].contains { $0 != 0 })
        #expect(gradients() == expected)
    }

    /// The gradient's norm, differentiated once more, of a network with dropout and a causal mask.
    private static func curvature(width: Int) -> [[Float]] {
        withGenerator(seed: 23) {
            let (w, x) = (Tensor.randn([width, width]), Tensor.randn([width, width]))
            let generator = Generator.current.state
            let loss = { (w: Tensor) -> Tensor in
                Generator.current.state = generator
                let weights = dropout(attention(matmul(x, w)), probability: 0.3)
                return (matmul(weights, w).tanh() * x).sum()
            }
            let slope = gradient(of: loss)
            let second = gradient(of: { (w: Tensor) in slope(w).square().sum() })
            return [slope(w).array(), second(w).array()]
        }
    }

    private static func attention(_ x: Tensor) -> Tensor {
        let row = Value.iota(x.shape, axis: 0)
        let hidden = Tensor(Value.iota(x.shape, axis: 1) .<= row)
        return `where`(hidden, x, Tensor(x.value.constant(-.infinity))).softmax()
    }

    @Test("Second derivatives give the same bits")
    func secondOrder() {
        let expected = PlanSettings.with(passes: Self.without) { Self.curvature(width: 40) }
        #expect(Self.curvature(width: 40) == expected)
        #expect(expected[1].contains { $0 != 0 })
    }

    @Test("The reference device drops the same elements in the derivative, cut before it or not")
    func reference() {
        func gradient(_ device: Device, reads: Bool) -> [Float] {
            withGenerator(seed: 24) {
                let weight = Parameter(Tensor.ones([40, 40]).to(device))
                let y = Dropout(0.5)(weight.value)
                if reads { _ = y.array() }
                (y * 2).sum().backward()
                return weight.gradient?.array() ?? []
            }
        }
        let expected = gradient(.reference, reads: false)
        #expect(expected.contains(0) && expected.contains(4))
        for device in [Device.cpu, .reference] {
            for reads in [false, true] { #expect(gradient(device, reads: reads) == expected) }
        }
    }

    // MARK: What lies in memory

    /// Masks that steps write to memory.
    private func masks(_ plans: [Plan]) -> Int {
        plans.reduce(0) { sum, plan in
            sum
                + plan.descriptions.flatMap(\.outputs).count {
                    $0.type.dtype == .bool && $0.type.shape.elementCount >= 1024
                }
        }
    }

    @Test("No step writes a mask, whole or cut; without the pass one does", arguments: Form.allCases)
    func plans(_ form: Form) {
        // Shapes of its own: a plan that is known is not made.
        let rows = 50 + (Form.allCases.firstIndex(of: form) ?? 0)
        func masks(_ passes: PlanPasses, isRectified: Bool) -> Int {
            let plans = PlanSettings.with(passes: passes) {
                PlanWatch.plans { _ = Self.trained("Dropout", form, rows: rows, isRectified: isRectified) }
            }
            #expect(!plans.isEmpty)
            return self.masks(plans)
        }
        #expect(masks(.all, isRectified: false) == 0)
        // A checkpoint's derivative records the mask once more anyway.
        #expect(masks(Self.without, isRectified: false) > 0 || form == .checkpointed)
        // A rectifier's own mask may lie in memory.
        let rectified = (masks(.all, isRectified: true), masks(Self.without, isRectified: true))
        #expect(rectified.0 < rectified.1 || form == .checkpointed)
    }

    @Test("A mask that somebody holds is read where it lies")
    func held() {
        let plans = PlanWatch.plans {
            let weight = Parameter(Tensor.randn([61, 47]))
            let kept = Tensor.rand([61, 47]) .>= 0.5
            let y = `where`(kept, weight.value, Tensor.zeros([61, 47]))
            matmul(y, y.transpose()).sum().backward()
            _ = (weight.gradient?.array(), kept.array())
        }
        #expect(masks(plans) == 1)
    }

    @Test("The forecast of a training step falls by the masks")
    func forecast() throws {
        let model = Sequential {
            Linear(16, 2048)
            Dropout(0.5)
            Tanh()
            Linear(2048, 2048)
            Dropout(0.5)
            Tanh()
            Linear(2048, 4)
        }
        let optimizer = SGD(model.parameters, learningRate: 0.1)
        let with = try model.memory(training: optimizer, input: [512, 16])
        let kept = try PlanSettings.with(passes: Self.without) {
            try model.memory(training: optimizer, input: [512, 16])
        }
        // Two masks of a byte an element.
        #expect(kept.peak - with.peak >= 2 * 512 * 2048, "\(kept.peak) with masks, \(with.peak) without")
    }
}
