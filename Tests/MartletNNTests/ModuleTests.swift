import MartletGraph
import MartletNN
import MartletTensor
import Testing

private final class Block: Layer {
    let conv1: Conv2d, bn1: BatchNorm2d, conv2: Conv2d, bn2: BatchNorm2d

    init(_ channels: Int) {
        conv1 = Conv2d(channels, channels, kernelSize: 3, padding: 1, bias: false)
        bn1 = BatchNorm2d(channels)
        conv2 = Conv2d(channels, channels, kernelSize: 3, padding: 1, bias: false)
        bn2 = BatchNorm2d(channels)
    }

    func callAsFunction(_ x: Tensor) -> Tensor { relu(bn2(conv2(relu(bn1(conv1(x))))) + x) }
}

private final class Tied: Module {
    let first = Linear(4, 4)
    let again: Linear
    let heads: [any Layer] = [Linear(4, 2), Linear(4, 3)]
    let extra: Linear? = Linear(4, 1)
    let absent: Linear? = nil

    init() { again = first }
}

struct ModuleTests {
    @Test func stateDictionariesHaveTorchvisionsNames() {
        let names = Block(8).stateDictionary.keys.sorted()
        #expect(
            names == [
                "bn1.bias", "bn1.num_batches_tracked", "bn1.running_mean", "bn1.running_var", "bn1.weight", "bn2.bias",
                "bn2.num_batches_tracked", "bn2.running_mean", "bn2.running_var", "bn2.weight", "conv1.weight",
                "conv2.weight",
            ])
        #expect(Sequential { for _ in 0..<3 { Block(8) } }.stateDictionary.count == 36)
    }

    @Test func aResidualBlockKeepsTheShape() {
        #expect(Block(16)(Tensor.randn([2, 16, 8, 8])).shape == [2, 16, 8, 8])
    }

    @Test func sharedParametersCountOnceAndOptionalAndListedModulesAreFound() {
        let module = Tied()
        #expect(
            module.namedParameters.map(\.name).sorted() == [
                "again.bias", "again.weight", "extra.bias", "extra.weight", "first.bias", "first.weight",
                "heads.0.bias",
                "heads.0.weight", "heads.1.bias", "heads.1.weight",
            ])
        #expect(module.parameters.count == 8)
        #expect(module.parameterCount == 20 + 10 + 15 + 5)
    }

    @Test func sequentialsAreBuiltWithLoopsAndConditions() {
        func network(deep: Bool) -> Sequential {
            Sequential {
                Linear(4, 4)
                if deep {
                    for _ in 0..<2 { Linear(4, 4) }
                } else {
                    ReLU()
                }
                if deep { Tanh() }
            }
        }
        #expect(network(deep: true).layers.count == 4)
        #expect(network(deep: false).layers.count == 2)
        #expect(
            network(deep: true).namedParameters.map(\.name) == [
                "0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias",
            ])
    }

    @Test func loadingNamesEverythingThatDoesNotFitAndChangesNothing() throws {
        let module = Linear(3, 2)
        let before = module.weight.value.array()
        var error = StateDictionaryError()
        error.missing = ["bias"]
        error.unexpected = ["extra"]
        error.misshapen = ["weight (expected [2, 3], found [3, 2])"]
        #expect(throws: error) { try module.load(["weight": Tensor.zeros([3, 2]), "extra": Tensor.zeros([1])]) }
        #expect(module.weight.value.array() == before)
        try module.load(["weight": Tensor.ones([2, 3])], strict: false)
        #expect(module.weight.value.array() == [1, 1, 1, 1, 1, 1])
    }

    @Test func aCopyThroughTheStateDictionaryGivesTheSameOutputs() throws {
        let (a, b) = (Block(16), Block(16))
        for _ in 0..<2 { _ = a(Tensor.randn([4, 16, 5, 5])) }
        try b.load(a.stateDictionary)
        a.eval()
        b.eval()
        let x = Tensor.randn([2, 16, 5, 5])
        #expect(a(x).array() == b(x).array())
    }

    @Test func frozenParametersGetNoGradient() {
        let model = Sequential {
            Linear(3, 3)
            Linear(3, 1)
        }
        model[0].freeze()
        model(Tensor.randn([2, 3])).sum().backward()
        #expect(model.namedParameters.map { $0.parameter.gradient != nil } == [false, false, true, true])
    }

    @Test func dropoutDropsInTrainingOnlyAndKeepsTheMean() {
        withGenerator(seed: 3) {
            let layer = Dropout(0.25)
            let x = Tensor.ones([200, 500])
            let dropped = layer(x)
            #expect(abs(dropped.mean().item() - 1) < 0.01)
            let zeros = (dropped .== 0).sum().item(as: Int.self)
            #expect(abs(Double(zeros) / 100_000 - 0.25) < 0.01)
            layer.eval()
            #expect(layer(x).array() == x.array())
        }
    }

    @Test func theSummaryComputesNothingAndCountsParametersAndMultiplyAdds() {
        let model = Sequential {
            Conv2d(1, 32, kernelSize: 3)
            ReLU()
            MaxPool2d(2)
            Flatten()
            Dropout(0.25)
            Linear(5408, 10)
        }
        let summary = withGenerator(seed: 1) {
            let state = Generator.current.state
            defer { #expect(Generator.current.state == state) }
            return model.summary(input: [1, 1, 28, 28])
        }
        #expect(summary.parameterCount == 320 + 54_090)
        #expect(summary.multiplyAdds == 26 * 26 * 32 * 9 + 54_080)
        #expect(
            summary.rows.map(\.output) == [
                [1, 32, 26, 26], [1, 32, 26, 26], [1, 32, 13, 13], [1, 5408], [1, 5408], [1, 10],
            ])
        #expect(
            summary.description.split(separator: "\n")[2] == "0 (Conv2d)     [1, 32, 26, 26]         320        194,688"
        )
    }

    @Test func hooksSeeEveryLayerInItsOrder() {
        let model = Sequential {
            Linear(2, 3)
            ReLU()
        }
        var seen: [String] = []
        withForwardHook { layer, input, output in
            seen.append("\(type(of: layer)) \(input.shape) \(output.shape)")
        } _: {
            _ = model(Tensor.zeros([1, 2]))
        }
        #expect(seen == ["Linear [1, 2] [1, 3]", "ReLU [1, 3] [1, 3]"])
    }

    @Test func theFirstLayerThatMakesNaNIsNamed() {
        let model = Sequential {
            Linear(2, 2)
            Lambda { ($0 - 1e9).log() }
            ReLU()
        }
        #expect(firstNonFiniteLayer(of: model) { _ = model(Tensor.ones([1, 2])) } == "1")
        #expect(firstNonFiniteLayer(of: model) { _ = model[0](Tensor.ones([1, 2])) } == nil)
    }

    @Test func extremeLogitsGiveFiniteLossesAndGradients() {
        let logits = Tensor([[1e4, -1e4], [-1e4, 1e4]]).requiringGradient()
        let loss = crossEntropy(logits, Tensor([1, 1] as [Int]))
        loss.backward()
        #expect(loss.item() == 1e4)
        #expect(logits.gradient?.array() == [0.5, -0.5, 0, 0])
    }

    @Test func aLabelOutsideTheClassesStopsWithItsPlace() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = crossEntropy(Tensor.zeros([2, 3]), Tensor([1, 3] as [Int]))
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("crossEntropy: label 3 at position 1 is outside 0..<3"), "\(message.prefix(400))")
    }

    @Test func aComputedLabelOutsideTheClassesGivesNaN() {
        #expect(crossEntropy(Tensor.zeros([2, 3]), Tensor([1, 2] as [Int]) + 1).item().isNaN)
    }

    @Test func anEmptyBatchStopsWithItsShape() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = crossEntropy(Tensor.zeros([0, 3]), Tensor.zeros([0], dtype: .int64))
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(
            message.contains("crossEntropy: logits of shape [0, 3]: a batch that is not empty"),
            "\(message.prefix(400))")
    }
}
