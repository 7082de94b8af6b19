import MartletNN
import MartletOptim
import MartletTensor
import Testing

/// Weights that kernels keep in a layout of their own follow what the optimizer makes of the parameter.
@Suite("Packed weights")
struct PackedWeightTests {
    private func makeModel() -> Sequential {
        Sequential {
            Conv2d(16, 32, kernelSize: 3, padding: 1)
            ReLU()
            Conv2d(32, 16, kernelSize: 1)
        }
    }

    /// What a model of the same parameters that never ran before gives.
    private func fresh(_ model: Sequential, _ x: Tensor) throws -> [Float] {
        let copy = makeModel()
        // Through numbers, so that no memory is shared.
        var state: [String: Tensor] = [:]
        for (name, tensor) in model.stateDictionary { state[name] = Tensor(tensor.array(), shape: tensor.shape) }
        try copy.load(state)
        return withoutGradient { copy(x).array() }
    }

    @Test("Evaluate, train in place, evaluate: the second evaluation sees the new weights")
    func evaluateTrainEvaluate() throws {
        let model = withGenerator(seed: 3) { makeModel() }
        let x = withGenerator(seed: 4) { Tensor.randn([2, 16, 8, 8]) }
        let optimizer = SGD(model.parameters, learningRate: 0.1, momentum: 0.9)
        var seen: [[Float]] = []
        for _ in 0..<3 {
            for _ in 0..<2 { seen.append(withoutGradient { model(x).array() }) }
            #expect(seen[seen.count - 1] == seen[seen.count - 2])
            #expect(try fresh(model, x) == seen[seen.count - 1])
            optimizer.zeroGradients()
            model(x).square().mean().backward()
            optimizer.step()
        }
        #expect(Set(seen).count == 3)
    }

    @Test("A weight that is replaced or loaded is packed anew; a view of it is packed for itself")
    func replaced() throws {
        let model = withGenerator(seed: 3) { makeModel() }
        let x = withGenerator(seed: 4) { Tensor.randn([2, 16, 8, 8]) }
        let before = withoutGradient { model(x).array() }
        for parameter in model.parameters { parameter.update { $0 * 2 } }
        let after = withoutGradient { model(x).array() }
        #expect(after != before)
        #expect(try fresh(model, x) == after)
        let weights = withGenerator(seed: 5) { Tensor.randn([64, 16, 3, 3]) }
        let (low, high) = (weights[0..<32], weights[32..<64])
        let own = (Tensor(low.array(), shape: low.shape), Tensor(high.array(), shape: high.shape))
        withoutGradient {
            for (view, copy) in [(low, own.0), (high, own.1), (low, own.0)] {
                #expect(conv2d(x, view).array() == conv2d(x, copy).array())
            }
        }
    }
}
