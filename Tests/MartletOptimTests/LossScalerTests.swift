import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting
import Testing

/// Loss scaling against torch.amp.GradScaler, as scripts/goldens/loss_scaler.py took it, and its promises.
@Suite("Loss scaler")
struct LossScalerTests {
    static let cases = (try? GoldenFile("loss_scaler").cases) ?? []

    private func bits(_ tensor: Tensor) -> [UInt64] { tensor.array(as: Double.self).map(\.bitPattern) }

    private func makeOptimizer(_ kind: String, _ parameters: [Parameter]) -> Optimizer {
        switch kind {
        case "Adam": Adam(parameters, learningRate: 0.05)
        case "NAdam": NAdam(parameters, learningRate: 0.05)
        case "ScheduleFree": ScheduleFreeAdamW(parameters, learningRate: 0.05)
        case "Lookahead": Lookahead(Adam(parameters, learningRate: 0.05), period: 2)
        case "Adagrad": Adagrad(parameters, learningRate: 0.05, initialAccumulator: 0.1)
        default: SGD(parameters, learningRate: 0.05, momentum: 0.9, dampening: 0.3)
        }
    }

    @Test("Scales, trackers and parameters are PyTorch's, eagerly and compiled", arguments: cases, [false, true])
    func sequence(_ golden: GoldenCase, isCompiled: Bool) throws {
        let file = try GoldenFile("loss_scaler")
        let rows = try file.required(golden, "rows").to(dtype: .float64)
        let scales = try file.required(golden, "scales").array(as: Double.self)
        let trackers = try file.required(golden, "trackers").array(as: Int.self)
        let values = try file.required(golden, "values").array(as: Double.self)
        let overflows = Set(try #require(golden.integers("overflows")))
        let parameter = Parameter(try file.required(golden, "start").to(dtype: .float64))
        let optimizer = makeOptimizer(golden.operation, [parameter])
        let scaler = LossScaler(
            optimizer, scale: golden.number("scale") ?? 65_536, growthFactor: golden.number("growthFactor") ?? 2,
            backoffFactor: golden.number("backoffFactor") ?? 0.5,
            growthInterval: golden.integer("growthInterval") ?? 2000)
        func take(_ row: Tensor, _ factor: Tensor) -> Tensor {
            optimizer.zeroGradients()
            let loss = (parameter.value * row).sum() * factor
            scaler.backward(loss)
            scaler.step()
            return loss
        }
        let compiled = compile(updating: optimizer, scaler) { (row: Tensor, factor: Tensor) in take(row, factor) }
        for step in scales.indices {
            let number = overflows.contains(step) ? (step % 2 == 1 ? Double.infinity : .nan) : 1
            let (row, factor) = (rows[step], Tensor(number))
            _ = isCompiled ? compiled(row, factor) : take(row, factor)
            #expect(scaler.update() == !overflows.contains(step))
            #expect(scaler.scale == scales[step], "step \(step)")
            #expect(scaler.state.goodSteps == trackers[step], "step \(step)")
            let found = parameter.value.array(as: Double.self)
            let wanted = values[(step * found.count)..<((step + 1) * found.count)]
            let errors = zip(found, wanted).map { ($0 - $1).magnitude / max(1, $1.magnitude) }
            #expect((errors.max() ?? .nan) <= 1e-12, "step \(step)")
        }
        #expect(optimizer.stepCount == scales.count - overflows.count)
        // Steps that make the optimizer's state, and those that go on: another scale is no other plan.
        #expect(compiled.planCount == (isCompiled ? 2 : 0))
    }

    @Test(
        "A skipped step leaves parameters, state and counts as they were, bit for bit",
        arguments: ["Adam", "SGD", "NAdam", "Adagrad", "ScheduleFree", "Lookahead"], [false, true])
    func skipped(_ kind: String, isCompiled: Bool) throws {
        // One run has overflows, the other does not know of them.
        func run(_ factors: [Float]) throws -> (values: [[UInt64]], state: [String: [UInt64]], steps: Int) {
            let parameters = withGenerator(seed: 7) { [Parameter(.randn([37])), Parameter(.randn([5, 3]))] }
            let optimizer = makeOptimizer(kind, parameters)
            let scaler = LossScaler(optimizer)
            func take(_ factor: Tensor) -> Tensor {
                optimizer.zeroGradients()
                let loss = parameters.map { $0.value.square().sum() }.reduce(Tensor(0), +) * factor
                scaler.backward(loss)
                scaler.unscale()
                clipGradientNorm(parameters, to: 1)
                scaler.step()
                return loss
            }
            let step = compile(updating: optimizer, scaler) { (factor: Tensor) in take(factor) }
            for factor in factors {
                // One parameter is trained later: its count is its own.
                parameters[1].requiresGradient = optimizer.stepCount >= 2
                let before = (parameters.map { bits($0.value) }, optimizer.state.tensors.mapValues(bits))
                _ = isCompiled ? step(Tensor(factor)) : take(Tensor(factor))
                guard !scaler.update() else { continue }
                #expect(parameters.map { bits($0.value) } == before.0)
                #expect(optimizer.state.tensors.mapValues(bits) == before.1)
            }
            return (
                parameters.map { bits($0.value) }, optimizer.state.tensors.mapValues(bits), optimizer.stepCount
            )
        }
        let plain = try run([1, 1, 1, 1])
        let interrupted = try run([.infinity, .nan, 1, 1, .infinity, 1, .nan, 1])
        #expect(plain.values == interrupted.values && plain.state == interrupted.state)
        #expect(plain.steps == 4 && interrupted.steps == 4)
    }

    @Test("A small network learns in float16, and its scale settles where nothing overflows")
    func trains() throws {
        try withGenerator(seed: 5) {
            let model = Sequential {
                Linear(8, 32)
                Tanh()
                Linear(32, 3)
            }
            let optimizer = Adam(model.parameters, learningRate: 0.02)
            // The first scales are far too large for float16's 65504.
            let scaler = LossScaler(optimizer, scale: 0x1p28, growthInterval: 20)
            let x = Tensor.randn([64, 8])
            let labels = x.narrow(axis: 1, start: 0, count: 3).argmax(axis: 1)
            let step = compile(updating: model, optimizer, scaler) { (x: Tensor, labels: Tensor) in
                optimizer.zeroGradients()
                let loss = autocast(.float16) { () -> Tensor in
                    let logits = model(x)
                    #expect(logits.dtype == .float16)
                    return crossEntropy(logits, labels)
                }
                scaler.backward(loss)
                scaler.step()
                return loss.detached()
            }
            var (losses, skipped) = ([Float](), 0)
            for _ in 0..<120 {
                losses.append(step(x, labels).item())
                if !scaler.update() { skipped += 1 }
            }
            let (first, last) = (try #require(losses.first), try #require(losses.last))
            #expect(last < 0.25 * first && losses.allSatisfy(\.isFinite))
            #expect(skipped > 4 && scaler.scale < 0x1p28 && scaler.scale > 1024)
            #expect(optimizer.stepCount == 120 - skipped)
            #expect(
                model.parameters.allSatisfy { $0.dtype == .float32 && $0.value.isFinite().all().item(as: Bool.self) })
        }
    }

    @Test("Gradients that float16 would lose arrive when the loss is scaled")
    func underflow() {
        let parameter = Parameter(Tensor([1, 2] as [Float]))
        func gradient(_ backward: (Tensor) -> Void) -> [Float] {
            parameter.gradient = nil
            let narrow = parameter.value.to(dtype: .float16)
            backward((narrow.to(dtype: .float32) * Tensor([1e-9, 3e-9] as [Float])).sum())
            return parameter.gradient?.array() ?? []
        }
        #expect(gradient { $0.backward() } == [0, 0])
        let scaler = LossScaler(SGD([parameter], learningRate: 0.1))
        let found = gradient {
            scaler.backward($0)
            scaler.unscale()
        }
        #expect(zip(found, [1e-9, 3e-9] as [Float]).allSatisfy { abs($0 / $1 - 1) < 1e-2 })
    }

    @Test("A state that was saved goes on, and one that is none throws")
    func state() throws {
        let parameter = Parameter(Tensor([1] as [Float]))
        let scaler = LossScaler(SGD([parameter], learningRate: 0.1), scale: 8, growthInterval: 3)
        for _ in 0..<2 {
            scaler.backward(parameter.value.sum())
            scaler.step()
            scaler.update()
        }
        #expect(scaler.state == LossScaler.State(scale: 8, goodSteps: 2))
        let other = LossScaler(SGD([parameter], learningRate: 0.1), growthInterval: 3)
        try other.load(scaler.state)
        other.backward(parameter.value.sum())
        other.step()
        other.update()
        #expect(other.state == LossScaler.State(scale: 16, goodSteps: 0))
        #expect(throws: StateDictionaryError.self) { try other.load(LossScaler.State(scale: .nan, goodSteps: 0)) }
        #expect(throws: StateDictionaryError.self) { try other.load(LossScaler.State(scale: 1, goodSteps: 3)) }
        #expect(other.scale == 16)
    }

    @Test("Forgetting update() stops at the next one, and SAM is refused")
    func mistakes() async throws {
        let twice = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let parameter = Parameter(Tensor([1] as [Float]))
            let scaler = LossScaler(SGD([parameter], learningRate: 0.1))
            for _ in 0..<2 {
                scaler.backward(parameter.value.sum())
                scaler.step()
            }
            scaler.update()
        }
        #expect(
            String(decoding: try #require(twice).standardErrorContent, as: UTF8.self)
                .contains("one step() is expected since the last update, there were 2"))
        let sam = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let parameter = Parameter(Tensor([1] as [Float]))
            _ = LossScaler(SAM(SGD([parameter], learningRate: 0.1)))
        }
        #expect(
            String(decoding: try #require(sam).standardErrorContent, as: UTF8.self)
                .contains("SAM takes several gradients for a step"))
    }
}
