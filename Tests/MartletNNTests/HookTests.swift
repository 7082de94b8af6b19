import MartletGraph
import MartletNN
import MartletTensor
import Synchronization
import Testing

struct HookTests {
    private let model = Sequential {
        Linear(2, 3)
        Tanh()
        Linear(3, 1)
    }

    @Test func preHooksSeeInputsAndReplaceThem() {
        var seen: [Shape] = []
        let output = withForwardPreHook { layer, input in
            seen.append(input.shape)
            return layer is Tanh ? Tensor.zeros(like: input) : nil
        } _: {
            model(Tensor.ones([4, 2]))
        }
        // The sequence itself does not call `observed`: only layers with a body do.
        #expect(seen == [[4, 2], [4, 3], [4, 3]])
        let bias = (model[2] as? Linear)?.bias?.value.item()
        #expect(output.array() == Array(repeating: bias ?? .nan, count: 4))
    }

    @Test func backwardHooksSeeTheGradientOfEachOutputLastLayerFirst() {
        let seen = Mutex<[(String, [Float])]>([])
        let x = Tensor([[1, 2]])
        let output = withBackwardHook { layer, gradient in
            seen.withLock { $0.append(("\(type(of: layer))", gradient.array())) }
            return nil
        } _: {
            model(x)
        }
        (output * 3.0).sum().backward()
        let found = seen.withLock { $0 }
        #expect(found.map(\.0) == ["Linear", "Tanh", "Linear"])
        #expect(found.first?.1 == [3])
        let last = (model[2] as? Linear)?.weight.value.array() ?? []
        #expect(found.dropFirst().first?.1 == last.map { $0 * 3 })
        let first = model[0] as? Linear
        #expect(found.last?.1 == first?.bias?.gradient?.array())
    }

    @Test func hooksLeaveValuesAndGradientsAsTheyAre() {
        let x = Tensor.randn([5, 2])
        model(x).sum().backward()
        let plain = model.parameters.map { $0.gradient?.array() }
        model.zeroGradients()
        let output = withBackwardHook { _, _ in
            nil
        } _: {
            model(x)
        }
        #expect(output.array() == model(x).array())
        output.sum().backward()
        #expect(model.parameters.map { $0.gradient?.array() } == plain)
    }

    @Test func aGradientThatABackwardHookReturnsIsUsed() {
        let output = withBackwardHook { layer, gradient in
            layer is Tanh ? Tensor.zeros(like: gradient) : nil
        } _: {
            model(Tensor.ones([1, 2]))
        }
        output.sum().backward()
        #expect((model[0] as? Linear)?.weight.gradient?.array() == Array(repeating: 0, count: 6))
        #expect((model[2] as? Linear)?.bias?.gradient?.array() == [1])
    }
}
