import MartletNN
import MartletOptim
import MartletTensor
import Testing

/// `step { }`, `train()` and `eval()` as all optimizers have them, and several optimizers as one.
@Suite("Whole steps of optimizers")
struct WholeStepTests {
    private struct Failure: Error {}

    private func parameter(_ numbers: [Double], _ shape: Shape? = nil) -> Parameter {
        Parameter(Tensor(numbers, shape: shape ?? [numbers.count], dtype: .float64))
    }

    private func loss(_ parameters: [Parameter]) -> Tensor {
        let losses = parameters.map { ($0.value - 1).square().square().sum() }
        return losses.dropFirst().reduce(losses[0], +)
    }

    @Test("a step with a closure is the step of its gradients, prepared before they are used")
    func closure() {
        let (weight, plain) = (parameter([3, -2]), parameter([3, -2]))
        let optimizers = [weight, plain].map { Adam([$0], learningRate: 0.1) }
        for _ in 0..<3 {
            let before = loss([weight]).item(as: Double.self)
            let found = optimizers[0].step {
                let loss = loss([weight])
                loss.backward()
                return loss
            } preparing: {
                clipGradientNorm([weight], to: 0.5)
            }
            #expect(found.item(as: Double.self) == before)
            optimizers[1].zeroGradients()
            loss([plain]).backward()
            clipGradientNorm([plain], to: 0.5)
            optimizers[1].step()
        }
        #expect(weight.value.array(as: Double.self) == plain.value.array(as: Double.self))
    }

    @Test(
        "where the closure throws the parameters are where the step began, and the next step is as ever",
        arguments: [1, 2, 3])
    func failing(call: Int) throws {
        for make in [
            { (weight: Parameter) -> Optimizer in SAM(SGD([weight], learningRate: 0.1)) },
            { LBFGS([$0], iterations: 4) }, { SGD([$0], learningRate: 0.1) },
        ] {
            let (weight, other) = (parameter([3, -2]), parameter([3, -2]))
            let (optimizer, untroubled) = (make(weight), make(other))
            if call > 1, !optimizer.evaluatesRepeatedly || (call > 2 && optimizer is SAM) { continue }
            var calls = 0
            #expect(throws: Failure.self) {
                try optimizer.step {
                    calls += 1
                    if calls == call { throw Failure() }
                    let loss = loss([weight])
                    loss.backward()
                    return loss
                }
            }
            #expect(weight.value.array(as: Double.self) == [3, -2], "\(type(of: optimizer))")
            if optimizer is LBFGS { continue }
            for (optimizer, parameter) in [(optimizer, weight), (untroubled, other)] {
                optimizer.step {
                    let loss = loss([parameter])
                    loss.backward()
                    return loss
                }
            }
            #expect(weight.value.array(as: Double.self) == other.value.array(as: Double.self))
        }
    }

    private func combined() -> (CombinedOptimizer, [Parameter]) {
        let parameters = [parameter([1, 2, 3, 4], [2, 2]), parameter([5, 6]), parameter([7])]
        let optimizer = CombinedOptimizer([
            Muon([parameters[0]], learningRate: 0.1),
            AdamW([
                ParameterGroup([parameters[1]], learningRate: 0.2), ParameterGroup([parameters[2]], learningRate: 0.3),
            ]),
        ])
        return (optimizer, parameters)
    }

    private func step(_ optimizer: Optimizer, _ parameters: [Parameter]) {
        optimizer.step {
            let loss = loss(parameters)
            loss.backward()
            return loss
        }
    }

    @Test("several optimizers as one take the steps that each would take, and continue from their state")
    func combination() throws {
        let (optimizer, parameters) = combined()
        let alone = combined().1
        let (muon, adam) = (
            Muon([alone[0]], learningRate: 0.1),
            AdamW([
                ParameterGroup([alone[1]], learningRate: 0.2), ParameterGroup([alone[2]], learningRate: 0.3),
            ])
        )
        for _ in 0..<3 {
            step(optimizer, parameters)
            step(muon, [alone[0]])
            step(adam, [alone[1], alone[2]])
        }
        func numbers(_ parameters: [Parameter]) -> [[Double]] { parameters.map { $0.value.array(as: Double.self) } }
        #expect(numbers(parameters) == numbers(alone))
        #expect(optimizer.stepCount == 3 && optimizer.groups.map(\.learningRate) == [0.1, 0.2, 0.3])
        #expect(optimizer.state.tensors["0.0.0.momentum_buffer"] != nil)
        #expect(optimizer.state.tensors["1.1.0.exp_avg"] != nil)

        let (second, others) = combined()
        for (other, parameter) in zip(others, parameters) { other.update { _ in parameter.value.detached() } }
        second.learningRate = 9
        try second.load(optimizer.state)
        for (optimizer, parameters) in [(optimizer, parameters), (second, others)] { step(optimizer, parameters) }
        #expect(numbers(others) == numbers(parameters) && second.stepCount == 4)

        var state = optimizer.state
        state.tensors["1.0.0.exp_avg"] = .zeros([3], dtype: .float64)
        state.tensors["2.strange"] = .zeros([1])
        #expect(throws: StateDictionaryError.self) { try second.load(state) }
        state.tensors["2.strange"] = nil
        #expect(throws: StateDictionaryError.self) { try second.load(state) }
        let buffers = [optimizer, second].map { $0.state.tensors["0.0.0.momentum_buffer"]?.array(as: Double.self) }
        #expect(buffers[0] == buffers[1])
    }
}
