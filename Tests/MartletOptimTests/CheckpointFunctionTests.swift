import MartletGraph
import MartletNN
import MartletOptim
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

@Suite("checkpoint { }")
struct CheckpointFunctionTests {
    /// Blocks of a convolution, batch normalisation, a rectifier and dropout, each in a checkpoint or not.
    final class Network: Layer {
        let blocks: [Sequential]
        let head = Linear(16, 3)
        let wraps: Int

        /// - Parameter wraps: checkpoints around each block, one in the other.
        init(blocks: Int, wraps: Int) {
            self.wraps = wraps
            self.blocks = (0..<blocks).map { index in
                Sequential {
                    Conv2d(index == 0 ? 3 : 16, 16, kernelSize: 3, padding: 1, bias: false)
                    BatchNorm2d(16)
                    ReLU()
                    Dropout(0.1)
                }
            }
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            let y = blocks.reduce(x) { value, block in
                wraps == 0 ? block(value) : wrapped(wraps) { block(value) }
            }
            return head(y.mean(axes: [2, 3]))
        }

        private func wrapped(_ times: Int, _ body: () -> Tensor) -> Tensor {
            times == 0 ? body() : checkpoint { wrapped(times - 1, body) }
        }
    }

    enum Loop: CaseIterable { case plain, readsLossFirst, compiled, flushedInside }

    /// Losses and, at the end, everything that the model holds, running statistics too.
    private func train(_ loop: Loop, wraps: Int, batch: Int = 4, size: Int = 8) -> (
        losses: [Float], state: [String: [Float]]
    ) {
        withGenerator(seed: 5) {
            let model = Network(blocks: 3, wraps: wraps)
            let optimizer = SGD(model.parameters, learningRate: 0.1, momentum: 0.9)
            let body = { (x: Tensor, y: Tensor) -> Tensor in
                optimizer.zeroGradients()
                let loss = crossEntropy(model(x), y)
                if loop == .readsLossFirst { _ = loss.item() }
                if loop == .flushedInside { _ = try? Flush.all() }
                loss.backward()
                optimizer.step()
                return loss
            }
            let step = compile(updating: model, optimizer, function: body)
            let losses = (0..<3).map { index -> Float in
                let x = Tensor.randn([batch, 3, size, size])
                let y = Tensor((0..<batch).map { ($0 + index) % 3 })
                _ = x.array()
                return (loop == .compiled ? step(x, y) : body(x, y)).item()
            }
            return (losses, model.stateDictionary.mapValues { $0.to(dtype: .float32).array() })
        }
    }

    @Test(
        "Losses, parameters and running statistics are those of the loop without, bit for bit", arguments: Loop.allCases
    )
    func sameBits(_ loop: Loop) {
        let expected = train(.plain, wraps: 0)
        for wraps in 1...2 {
            let found = train(loop, wraps: wraps)
            #expect(found.losses == expected.losses, "\(wraps) around each block")
            #expect(found.state == expected.state, "\(wraps) around each block")
        }
        #expect(Set(expected.losses).count == 3)
    }

    @Test("The closure runs once, and batches are counted once")
    func once() {
        let norm = BatchNorm1d(4)
        var calls = 0
        let x = withGenerator(seed: 2) { Tensor.randn([8, 4]) }.requiringGradient()
        let y = checkpoint { () -> Tensor in
            calls += 1
            return norm(x)
        }
        y.square().sum().backward()
        #expect(x.gradient != nil)
        #expect(calls == 1)
        #expect(norm.batchCount.value.item(as: Int.self) == 1)
    }

    private static func formula(_ x: Tensor) -> Tensor { (x.sin() * x.exp() + x.square().sum(axis: 0)).tanh() }

    @Test("Derivatives of derivatives, forward derivatives and vmap give the same bits")
    func transformations() {
        let x = withGenerator(seed: 3) { Tensor.randn([5, 4]) }
        let plain = { (x: Tensor) -> Tensor in Self.formula(Self.formula(x)).sum() }
        let kept = { (x: Tensor) -> Tensor in checkpoint { Self.formula(checkpoint { Self.formula(x) }) }.sum() }
        let (first, second) = (gradient(of: plain), gradient(of: kept))
        #expect(second(x).array() == first(x).array())
        let slopes = [first, second].map { slope in
            gradient(of: { (x: Tensor) in (slope(x) * x.cos()).sum() }, at: x).array()
        }
        #expect(slopes[0] == slopes[1])
        let batch = withGenerator(seed: 4) { Tensor.randn([3, 5, 4]) }
        #expect(vmap(second)(batch).array() == vmap(first)(batch).array())
        let inside = { (x: Tensor) -> Tensor in checkpoint { second(x) * x }.sum() }
        let outside = { (x: Tensor) -> Tensor in (first(x) * x).sum() }
        #expect(gradient(of: inside, at: x).array() == gradient(of: outside, at: x).array())
        let (value, tangent) = jvp(of: kept, at: x, along: x)
        let (expected, slope) = jvp(of: plain, at: x, along: x)
        #expect(value.array() == expected.array() && tangent.array() == slope.array())
        #expect(checkpoint(of: plain, at: x).array() == plain(x).array())
        #expect(gradient(of: checkpoint(of: plain), at: x).array() == first(x).array())
    }

    @Test("A graph that is kept, or recorded with a history of its own, goes through a checkpoint twice")
    func again() {
        func gradients(_ wraps: Bool) -> [[Float]] {
            let x = withGenerator(seed: 6) { Tensor.randn([6, 3]) }.requiringGradient()
            let y = (wraps ? checkpoint { Self.formula(x) } : Self.formula(x)).sum()
            y.backward(retainGraph: true)
            let first = x.gradient?.array() ?? []
            y.backward(createGraph: true)
            let second = x.gradient ?? Tensor([0])
            second.square().sum().backward()
            return [first, second.array(), x.gradient?.array() ?? []]
        }
        let (found, expected) = (gradients(true), gradients(false))
        #expect(found == expected)
        #expect(expected[0].count == 18 && expected[2] != expected[1])
    }

    @Test("Random numbers drawn inside are the same in the repetition, eagerly and compiled, and new ones in each call")
    func randomNumbers() {
        let x = Tensor.ones([64])
        let kept = { (x: Tensor) -> Tensor in
            gradient(of: { (x: Tensor) in checkpoint { (x * Tensor.rand([64])).square() }.sum() }, at: x)
        }
        let plain = { (x: Tensor) -> Tensor in
            gradient(of: { (x: Tensor) in (x * Tensor.rand([64])).square().sum() }, at: x)
        }
        let expected = withGenerator(seed: 8) { (0..<2).map { _ in plain(x).array() } }
        let compiled = compile(function: kept)
        #expect(withGenerator(seed: 8) { (0..<2).map { _ in kept(x).array() } } == expected)
        #expect(withGenerator(seed: 8) { (0..<2).map { _ in compiled(x).array() } } == expected)
        #expect(expected[0] != expected[1])
    }

    @Test(
        "Sixteen blocks: the step's planned memory falls under half, and each kernel of a forward pass runs twice at most"
    )
    func memory() throws {
        let peaks = [0, 1].map { wraps -> (bytes: Int, convolutions: Int, steps: Int) in
            let model = withGenerator(seed: 5) { Network(blocks: 16, wraps: wraps) }
            let optimizer = SGD(model.parameters, learningRate: 0.1)
            let plans = PlanWatch.plans {
                let loss = crossEntropy(model(Tensor.ones([8, 3, 20, 20])), Tensor((0..<8).map { $0 % 3 }))
                loss.backward()
                optimizer.step()
            }
            let largest = plans.max { $0.arenaByteCount < $1.arenaByteCount }
            let names = largest?.descriptions.map(\.name) ?? []
            return (largest?.arenaByteCount ?? 0, names.count { $0 == "convolution" }, names.count)
        }
        let activation = 8 * 16 * 20 * 20 * 4
        #expect(peaks[0].bytes > 16 * 2 * activation, "\(peaks)")
        #expect(peaks[1].bytes * 2 < peaks[0].bytes, "\(peaks)")
        #expect(peaks[0].convolutions == 16 && peaks[1].convolutions == 32, "\(peaks)")
    }

    @Test("Where the loss is read before backward, what is kept until then falls too")
    func residuals() throws {
        let bytes = [0, 1].map { wraps -> Int in
            let model = withGenerator(seed: 5) { Network(blocks: 6, wraps: wraps) }
            let plans = PlanWatch.plans {
                let loss = crossEntropy(model(Tensor.ones([6, 3, 12, 12])), Tensor((0..<6).map { $0 % 3 }))
                _ = loss.item()
            }
            return plans.map(\.resultByteCount).max() ?? 0
        }
        let activation = 6 * 16 * 12 * 12 * 4
        #expect(bytes[0] > 6 * 2 * activation && bytes[1] < 8 * activation, "\(bytes)")
    }

    @Test("Without a derivative nothing is repeated")
    func inference() {
        let model = withGenerator(seed: 5) { Network(blocks: 2, wraps: 1) }
        let plans = PlanWatch.plans { _ = withoutGradient { model(Tensor.ones([2, 3, 9, 9])).array() } }
        let names = plans.flatMap { $0.descriptions.map(\.name) }
        #expect(names.count { $0.contains("convolution") } == 2, "\(names)")
    }
}
