import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting
import Testing

@Suite("Parameter groups", .serialized)
struct ParameterGroupTests {
    private func step(_ optimizer: Optimizer, _ parameters: [Parameter]) {
        optimizer.zeroGradients()
        parameters.map { ($0.value.square() * $0.value).sum() }.reduce(Tensor(0), +).backward()
        optimizer.step()
    }

    private func parameter(_ numbers: [Float]) -> Parameter { Parameter(Tensor(numbers, shape: [numbers.count])) }

    @Test("A group's own settings are those of an optimizer of its own")
    func ownSettings() {
        let numbers: [Float] = [1, -2, 0.5]
        let (a, b) = (parameter(numbers), parameter(numbers))
        let (alone, other) = (parameter(numbers), parameter(numbers))
        let together = AdamW(
            [
                ParameterGroup([a], learningRate: 0.1, weightDecay: 0.1),
                ParameterGroup([b], learningRate: 0.01, betas: (0.5, 0.9), epsilon: 1e-3),
            ], betas: (0.9, 0.99))
        let first = AdamW([alone], learningRate: 0.1, betas: (0.9, 0.99), weightDecay: 0.1)
        let second = AdamW([other], learningRate: 0.01, betas: (0.5, 0.9), epsilon: 1e-3, weightDecay: 0)
        for _ in 0..<4 {
            step(together, [a, b])
            step(first, [alone])
            step(second, [other])
        }
        #expect(a.value.array() == alone.value.array() && b.value.array() == other.value.array())
        #expect(together.groups[1].betas == (0.5, 0.9) && together.groups[0].epsilon == 1e-8)
    }

    @Test("A momentum of one group alone is enough for all to have a velocity")
    func oneMomentum() {
        let (a, b, plain) = (parameter([1, 2]), parameter([1, 2]), parameter([1, 2]))
        let together = SGD([
            ParameterGroup([a], learningRate: 0.01, momentum: 0.9), ParameterGroup([b], learningRate: 0.01),
        ])
        let alone = SGD([plain], learningRate: 0.01)
        for _ in 0..<3 {
            step(together, [a, b])
            step(alone, [plain])
        }
        #expect(b.value.array() == plain.value.array() && a.value.array() != b.value.array())
    }

    @Test("Momentum, decay and rate follow schedules without a new plan, and compiled as eagerly")
    func schedules() {
        func run(compiled: Bool) -> ([Float], [Int]) {
            let weight = parameter([1, -2, 0.5])
            let optimizer = Adam([weight], learningRate: 0.1, weightDecay: 0.01)
            let cycle = OneCycle(peak: 0.1, steps: 12)
            let scheduled = ScheduledSettings(
                learningRate: cycle, momentum: cycle.momentum(),
                weightDecay: PolynomialDecay(from: 0.1, to: 0.01, steps: 9))
            let fixed = compile(updating: optimizer) { (scale: Tensor) -> Tensor in
                step(optimizer, [weight])
                return scale
            }
            var made: [Int] = []
            for turn in 0..<12 {
                scheduled.apply(to: optimizer, step: turn)
                // Other tests make plans meanwhile: those of this task are counted.
                let plans = PlanWatch.plans {
                    if compiled { _ = fixed(Tensor(1)).item() } else { step(optimizer, [weight]) }
                }
                made.append(compiled ? fixed.planCount : plans.count)
            }
            #expect(optimizer.groups[0].momentum == cycle.momentum()(11) && optimizer.weightDecay == 0.01)
            return (weight.value.array(), made)
        }
        let (eager, compiled) = (run(compiled: false), run(compiled: true))
        #expect(eager.0 == compiled.0)
        #expect(eager.1[4...].allSatisfy { $0 == 0 }, "\(eager.1)")
        #expect(compiled.1.last == 2, "\(compiled.1)")
    }

    @Test("A decay that begins later is obeyed, compiled too")
    func laterDecay() {
        func run(compiled: Bool) -> [Float] {
            let weight = parameter([1, -2])
            let optimizer = SGD([weight], learningRate: 0.1)
            let fixed = compile(updating: optimizer) { (scale: Tensor) -> Tensor in
                step(optimizer, [weight])
                return scale
            }
            for turn in 0..<6 {
                if turn == 2 { optimizer.weightDecay = 0.5 }
                if turn == 4 { optimizer.weightDecay = 0 }
                if compiled { _ = fixed(Tensor(1)).item() } else { step(optimizer, [weight]) }
            }
            return weight.value.array()
        }
        let never = parameter([1, -2])
        let plain = SGD([never], learningRate: 0.1)
        for _ in 0..<6 { step(plain, [never]) }
        #expect(run(compiled: false) == run(compiled: true))
        #expect(run(compiled: false) != never.value.array())
    }

    @Test("Settings that have changed are saved and loaded, others are not in the file")
    func savedSettings() throws {
        func make() -> (Optimizer, Parameter) {
            let weight = parameter([1, 2])
            return (Adam([weight], learningRate: 0.1, weightDecay: 0.1), weight)
        }
        let (first, a) = make()
        step(first, [a])
        #expect(Set(first.state.tensors.keys) == ["0.0.exp_avg", "0.0.exp_avg_sq"])
        first.groups[0].momentum = 0.8
        first.weightDecay = 0
        #expect(Set(first.state.tensors.keys).isSuperset(of: ["0.beta1", "0.weight_decay"]))
        let (second, b) = make()
        second.groups[0].epsilon = 7
        try second.load(first.state)
        #expect(second.groups[0].betas == (0.8, 0.999) && second.weightDecay == 0 && second.groups[0].epsilon == 1e-8)
        b.update { _ in a.value.detached() }
        step(first, [a])
        step(second, [b])
        #expect(a.value.array() == b.value.array())
        var damaged = first.state
        damaged.tensors["0.beta1"] = .zeros([2])
        damaged.tensors["0.momentum"] = .zeros([])
        do throws(StateDictionaryError) {
            try second.load(damaged)
            Issue.record("loaded")
        } catch {
            #expect(error.misshapen.count == 1 && error.unexpected == ["0.momentum"])
        }
    }

    @Test("The ready-made groups leave biases and normalisations without decay")
    func decayingWeights() {
        let model = Sequential {
            Conv2d(1, 4, kernelSize: 3)
            BatchNorm2d(4)
            Flatten()
            Linear(16, 2)
        }
        let groups = ParameterGroup.decayingWeights(of: model, learningRate: 0.1, weightDecay: 0.05)
        #expect(groups.map(\.weightDecay) == [0.05, 0])
        #expect(
            groups[0].parameters.map(\.shape.rank) == [4, 2] && groups[1].parameters.map(\.shape.rank) == [1, 1, 1, 1])
        let fewer = ParameterGroup.decayingWeights(of: model, learningRate: 0.1, weightDecay: 0.05) { name, _ in
            !name.hasPrefix("3")
        }
        #expect(fewer[0].parameters.count == 1 && fewer[1].parameters.count == 5)
        _ = AdamW(groups)
    }

    @Test("Settings that an optimizer has not stop with its name")
    func foreignSettings() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = SGD([ParameterGroup([Parameter(.zeros([2]))], learningRate: 0.1, betas: (0.9, 0.9))])
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("SGD: a group sets beta1, which SGD has not"), "\(message.prefix(300))")
        let second = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let optimizer = SGD([Parameter(.zeros([2]))], learningRate: 0.1)
            optimizer.groups[0].momentum = 0.9
        }
        let text = String(decoding: try #require(second).standardErrorContent, as: UTF8.self)
        #expect(text.contains("SGD has no beta1") || text.contains("SGD has no momentum"), "\(text.prefix(300))")
    }

    @Test("A group without momentum is not dampened")
    func undampened() {
        let (a, b) = (parameter([0]), parameter([0]))
        let optimizer = SGD(
            [ParameterGroup([a], learningRate: 1, momentum: 0.9), ParameterGroup([b], learningRate: 1)], dampening: 0.5)
        for _ in 0..<3 {
            for parameter in [a, b] { parameter.gradient = Tensor([1] as [Float]) }
            optimizer.step()
        }
        #expect(b.value.array() == [-3])
        // v = 1, 0.9 + 0.5, 0.9 · 1.4 + 0.5
        #expect(abs(a.value.array()[0] + 1 + 1.4 + 1.76) < 1e-6)
    }
}
