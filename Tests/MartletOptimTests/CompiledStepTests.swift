import MartletGraph
import MartletNN
import MartletOptim
import MartletRuntime
import MartletTensor
import Testing

@Suite("Optimizer steps", .serialized)
struct CompiledStepTests {
    private func bits(_ tensor: Tensor) -> [UInt32] { tensor.array().map(\.bitPattern) }

    private func makeParameters() -> [Parameter] {
        withGenerator(seed: 7) { [Parameter(.randn([37])), Parameter(.randn([5, 3]))] }
    }

    private func record(_ parameters: [Parameter], _ optimizer: Optimizer) -> Tensor {
        optimizer.zeroGradients()
        let loss = parameters.map { $0.value.square().sum() }.reduce(Tensor(0), +)
        loss.backward()
        optimizer.step()
        return loss
    }

    private static let makers: [@Sendable ([Parameter]) -> Optimizer] = [
        { SGD($0, learningRate: 0.1) },
        { SGD($0, learningRate: 0.1, momentum: 0.9, dampening: 0.3, weightDecay: 0.01) },
        { SGD($0, learningRate: 0.1, momentum: 0.9, momentumForm: .exponentialAverage, nesterov: true) },
        { SGD($0, learningRate: 0.1, weightDecay: 0.01, decouplesWeightDecay: true, maximize: true) },
        { Adam($0, learningRate: 0.1, weightDecay: 0.01) },
        { AdamW($0, learningRate: 0.1, amsgrad: true) },
        { RMSProp($0, learningRate: 0.1, weightDecay: 0.01, momentum: 0.9, centered: true) },
        { Adagrad($0, learningRate: 0.1, learningRateDecay: 0.1, initialAccumulator: 0.1) },
    ]

    @Test("A compiled step equals an eager one bit for bit, under a changing rate", arguments: makers.indices)
    func compiledEqualsEager(_ index: Int) {
        let (eager, compiled) = (makeParameters(), makeParameters())
        let (first, second) = (Self.makers[index](eager), Self.makers[index](compiled))
        let step = compile(updating: second) { (scale: Tensor) -> Tensor in scale * record(compiled, second) }
        for turn in 0..<5 {
            (first.learningRate, second.learningRate) = (0.1 / Double(turn + 1), 0.1 / Double(turn + 1))
            let losses = (record(eager, first), step(Tensor(1)))
            #expect(bits(losses.0) == bits(losses.1), "loss of step \(turn)")
            for (a, b) in zip(eager, compiled) { #expect(bits(a.value) == bits(b.value), "step \(turn)") }
        }
        #expect(first.stepCount == 5 && second.stepCount == 5)
    }

    @Test("An old value that is held keeps its bits")
    func heldValues() {
        let parameters = makeParameters()
        let optimizer = Adam(parameters, learningRate: 0.1)
        _ = record(parameters, optimizer)
        let held = parameters[0].value.detached()
        let before = bits(held)
        _ = record(parameters, optimizer)
        #expect(bits(held) == before)
        #expect(bits(parameters[0].value) != before)
    }

    private func makeStep(_ parameters: [Parameter]) -> CompiledFunction<Tensor, Tensor> {
        let optimizer = Adam(parameters, learningRate: 0.1)
        return compile(updating: optimizer) { (scale: Tensor) -> Tensor in
            scale * record(parameters, optimizer)
        }
    }

    @Test("What somebody holds of a compiled function's state, or has recorded on it, keeps its bits")
    func heldState() throws {
        let parameters = makeParameters()
        let step = makeStep(parameters)
        for _ in 0..<3 { _ = step(Tensor(1)) }
        let (value, gradient) = (parameters[0].value, try #require(parameters[0].gradient))
        let before = (value: bits(value), gradient: bits(gradient), other: bits(parameters[1].value))
        let recorded = parameters[1].value * 2
        for _ in 0..<2 { _ = step(Tensor(1)) }
        #expect(bits(value) == before.value && bits(gradient) == before.gradient)
        #expect(bits(recorded * 0.5) == before.other)
        #expect(bits(parameters[0].value) != before.value && bits(parameters[1].value) != before.other)
        #expect(bits(try #require(parameters[0].gradient)) != before.gradient)
    }

    @Test("A compiled call renews the leaves that it left where nobody looks")
    func renewedLeaves() throws {
        let parameters = makeParameters()
        let step = makeStep(parameters)
        func leaves() throws -> [UInt64] {
            try parameters.flatMap { [$0.value, try #require($0.gradient)] }.map(\.value.node.order)
        }
        for _ in 0..<2 { _ = step(Tensor(1)) }
        let (before, values) = (try leaves(), parameters.map { bits($0.value) })
        _ = step(Tensor(1))
        #expect(try leaves() == before)
        #expect(parameters.map { bits($0.value) } != values)
    }

    @Test("Two compiled functions over one state, and eager steps between their calls, equal eager steps alone")
    func alternating() {
        let (eager, compiled) = (makeParameters(), makeParameters())
        let makers = [{ Adam($0, learningRate: 0.1) }, { Adam($0, learningRate: 0.1) }] as [([Parameter]) -> Optimizer]
        let (first, second) = (makers[0](eager), makers[1](compiled))
        let steps = (0..<2).map { _ in
            compile(updating: second) { (scale: Tensor) -> Tensor in scale * record(compiled, second) }
        }
        for turn in 0..<9 {
            let expected = record(eager, first)
            let found = turn % 3 == 2 ? record(compiled, second) : steps[turn % 3](Tensor(1))
            #expect(bits(found) == bits(expected))
            for (a, b) in zip(eager, compiled) { #expect(bits(a.value) == bits(b.value), "step \(turn)") }
        }
    }

    @Test("Parameters that share a gradient get it both")
    func sharedGradient() throws {
        let parameters = withGenerator(seed: 8) { [Parameter(.randn([29])), Parameter(.randn([29]))] }
        let optimizer = SGD(parameters, learningRate: 0.5)
        let step = compile(updating: optimizer) { (x: Tensor) -> Tensor in
            optimizer.zeroGradients()
            let loss = (x * (parameters[0].value + parameters[1].value)).sum()
            loss.backward()
            optimizer.step()
            return loss
        }
        for turn in 1...4 {
            let x = Tensor((0..<29).map { Float($0 * turn) })
            _ = step(x)
            for parameter in parameters { #expect(try #require(parameter.gradient).array() == x.array()) }
        }
    }

    @Test("A buffer that changes its type between calls, the node being the same, is traced anew")
    func changedResult() {
        let sorted = Tensor([3, 1, 2] as [Float]).sorted()
        let buffer = ModuleBuffer("numbers", sorted.values)
        let read = compile(updating: Holder(buffer: buffer)) { (x: Tensor) in x + buffer.value.to(dtype: .float32) }
        #expect(read(Tensor(10 as Float)).array() == [11, 12, 13])
        buffer.value = sorted.indices
        #expect(read(Tensor(10 as Float)).array() == [11, 12, 10])
    }

    private struct Holder: StateHolder {
        let buffer: ModuleBuffer
        var stateSlots: [StateSlot] { [buffer.slot] }
        var stateNumbers: [StateNumber] { [] }
    }

    @Test("Frozen parameters are passed by")
    func frozen() {
        let parameters = makeParameters()
        let optimizer = SGD(parameters, learningRate: 0.1, weightDecay: 0.1)
        _ = record(parameters, optimizer)
        let before = bits(parameters[0].value)
        parameters[0].requiresGradient = false
        _ = record(parameters, optimizer)
        #expect(bits(parameters[0].value) == before)
    }

    @Test("A run continued from a saved state equals one that went on")
    func resume() throws {
        let (whole, halves) = (makeParameters(), makeParameters())
        let first = Adam(whole, learningRate: 0.1)
        for _ in 0..<6 { _ = record(whole, first) }
        let before = Adam(halves, learningRate: 0.1)
        for _ in 0..<3 { _ = record(halves, before) }
        let after = Adam(halves, learningRate: 0.5)
        try after.load(before.state)
        for _ in 0..<3 { _ = record(halves, after) }
        for (a, b) in zip(whole, halves) { #expect(bits(a.value) == bits(b.value)) }
        #expect(after.stepCount == 6 && after.learningRate == 0.1)
    }

    @Test("A state that does not fit is refused with the names, and nothing changes")
    func misfits() {
        let parameters = makeParameters()
        let optimizer = Adam(parameters, learningRate: 0.1)
        let state = Optimizer.State(
            tensors: ["0.0.exp_avg": .zeros([2]), "0.7.exp_avg": .zeros([1])], stepCount: 3, learningRates: [0.2])
        do throws(StateDictionaryError) {
            try optimizer.load(state)
            Issue.record("loaded")
        } catch {
            #expect(error.missing == ["0.0.exp_avg_sq"] && error.unexpected == ["0.7.exp_avg"])
            #expect(error.misshapen.count == 1 && optimizer.stepCount == 0 && optimizer.learningRate == 0.1)
        }
    }
}
