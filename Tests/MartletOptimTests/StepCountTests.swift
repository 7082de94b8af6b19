import MartletNN
import MartletOptim
import MartletTensor
import Testing

/// Adam's t is of the parameter, not of the optimizer.
@Suite("Steps of a parameter")
struct StepCountTests {
    private func step(_ optimizer: Optimizer, _ parameters: [Parameter]) {
        optimizer.zeroGradients()
        parameters.map { ($0.value * 3).sum() }.reduce(Tensor(0), +).backward()
        optimizer.step()
    }

    @Test("A parameter that is unfrozen later starts at its own first step: it moves by the learning rate")
    func unfrozen() {
        let (early, late) = (Parameter(.zeros([3])), Parameter(.zeros([2])))
        late.requiresGradient = false
        let optimizer = Adam([early, late], learningRate: 0.1)
        for _ in 0..<9 { step(optimizer, [early]) }
        late.requiresGradient = true
        step(optimizer, [early, late])
        #expect(late.value.array().allSatisfy { ($0 + 0.1).magnitude < 1e-6 })
        #expect(early.value.array().allSatisfy { ($0 + 1).magnitude < 1e-5 })
    }

    @Test("Counts of parameters survive saving and loading")
    func saved() throws {
        func make() -> (Optimizer, [Parameter]) {
            let parameters = [Parameter(.zeros([3])), Parameter(.zeros([2]))]
            return (Adam(parameters, learningRate: 0.1), parameters)
        }
        let (optimizer, parameters) = make()
        parameters[1].requiresGradient = false
        for _ in 0..<4 { step(optimizer, [parameters[0]]) }
        parameters[1].requiresGradient = true
        step(optimizer, parameters)
        let (second, copies) = make()
        try second.load(optimizer.state)
        for (copy, parameter) in zip(copies, parameters) { copy.update { _ in parameter.value.detached() } }
        step(optimizer, parameters)
        step(second, copies)
        for (copy, parameter) in zip(copies, parameters) { #expect(copy.value.array() == parameter.value.array()) }
    }

    @Test("A compiled step follows counts that part and meet again as the eager one does")
    func compiled() {
        func run(_ isCompiled: Bool) -> [[Float]] {
            let parameters = [Parameter(.zeros([3])), Parameter(.zeros([2]))]
            let optimizer = Adam(parameters, learningRate: 0.1)
            let function = { (scale: Tensor) -> Tensor in
                optimizer.zeroGradients()
                let trained = parameters.filter(\.requiresGradient)
                let loss = trained.map { ($0.value.square() * scale + $0.value * 3).sum() }.reduce(Tensor(0), +)
                loss.backward()
                optimizer.step()
                return loss
            }
            let fixed = compile(updating: optimizer) { (scale: Tensor) -> Tensor in function(scale) }
            for turn in 0..<9 {
                parameters[1].requiresGradient = turn < 2 || turn > 5
                _ = (isCompiled ? fixed(Tensor(0.5)) : function(Tensor(0.5))).item()
                if turn == 6 {
                    // Both stand at one count again: the program of the first turns fits once more.
                    var state = optimizer.state
                    state.tensors = state.tensors.filter { !$0.key.hasSuffix(".step") }
                    try? optimizer.load(state)
                }
            }
            return parameters.map { $0.value.array() }
        }
        #expect(run(true) == run(false))
    }
}
