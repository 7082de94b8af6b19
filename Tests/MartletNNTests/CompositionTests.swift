import Foundation
import MartletGraph
import MartletNN
import MartletTensor
import Testing

/// Layers made of layers, and what layers say to wrong input.
struct CompositionTests {
    @Test func `A residual block's activation stands after the addition or before it`() {
        let body = Linear(3, 3)
        let x = Tensor.randn([4, 3])
        #expect(Residual(body)(x).array() == (body(x) + x).array())
        #expect(Residual(body, activation: ReLU())(x).array() == relu(body(x) + x).array())
        #expect(Residual(body, activation: ReLU(), .beforeAddition)(x).array() == (relu(body(x)) + x).array())
        let shortcut = Linear(3, 2)
        let narrow = Residual(shortcut: shortcut) { Linear(3, 2) }
        #expect(narrow(x).isClose(to: narrow.body(x) + shortcut(x)))
        #expect(
            narrow.namedParameters.map(\.name)
                == ["body.0.weight", "body.0.bias", "shortcut.weight", "shortcut.bias"])
    }

    @Test func `Branches are added or put side by side`() {
        let (a, b) = (Linear(3, 2), Linear(3, 2))
        let x = Tensor.randn([4, 3])
        #expect(Parallel([a, b])(x).array() == (a(x) + b(x)).array())
        let joined = Concatenate {
            Identity()
            a
            b
        }
        #expect(joined(x).array() == concatenated([x, a(x), b(x)], axis: 1).array())
        #expect(joined.namedParameters.map(\.name) == ["1.weight", "1.bias", "2.weight", "2.bias"])
    }

    @Test func `Sinusoidal positions follow the formula, far positions too`() {
        let y = SinusoidalPositions(4)(Tensor.zeros([5000, 1, 4]))
        for position in [0, 1, 7, 4999] {
            let row = y.narrow(axis: 0, start: position, count: 1).array()
            let p = Double(position)
            let expected = [sin(p), cos(p), sin(p / 100), cos(p / 100)]
            for (found, wanted) in zip(row, expected) { #expect(abs(Double(found) - wanted) < 1e-6, "\(position)") }
        }
        let first = SinusoidalPositions(4, batchFirst: true)(Tensor.zeros([2, 9, 4]))
        #expect(first.narrow(axis: 0, start: 1, count: 1).array() == y.narrow(axis: 0, start: 0, count: 9).array())
    }

    @Test func `A padding row starts from zeros`() {
        let layer = Embedding(4, 3, paddingIndex: 2)
        #expect(layer(Tensor([2] as [Int])).array() == [0, 0, 0])
        #expect(!layer(Tensor([1] as [Int])).array().contains(0))
    }

    @Test func `A causal layer's outputs do not change with what comes later`() {
        let layer = TransformerEncoderLayer(8, heads: 2, feedforward: 16, batchFirst: true).eval()
        let x = Tensor.randn([2, 6, 8])
        let changed = concatenated([x.narrow(axis: 1, start: 0, count: 4), Tensor.randn([2, 2, 8])], axis: 1)
        let (a, b) = (layer(x, mask: nil, isCausal: true), layer(changed, mask: nil, isCausal: true))
        #expect(a.narrow(axis: 1, start: 0, count: 4).isClose(to: b.narrow(axis: 1, start: 0, count: 4)))
        #expect(!a.isClose(to: b))
    }

    @Test func `Cells and layers agree step by step`() throws {
        let (layer, cell) = (GRU(3, 4), GRUCell(3, 4))
        let renamed = layer.stateDictionary.map { ($0.key.replacingOccurrences(of: "_l0", with: ""), $0.value) }
        try cell.load(Dictionary(uniqueKeysWithValues: renamed))
        let x = Tensor.randn([5, 2, 3])
        var state: Tensor?
        let steps = x.unstacked().map { step -> Tensor in
            let next = cell(step, state: state)
            state = next
            return next
        }
        #expect(stacked(steps).isClose(to: layer(x)))
    }

    @Test(arguments: [DataType.bfloat16, .float16])
    func `Recurrent layers run narrow under autocast`(dtype: DataType) {
        let layer = LSTM(8, 16, layers: 2)
        let x = Tensor.randn([6, 3, 8])
        let wide = layer(x)
        let narrow = autocast(dtype) { layer(x) }
        #expect(narrow.dtype == dtype)
        #expect((narrow.to(dtype: .float32) - wide).abs().max().item() < 0.03)
        narrow.to(dtype: .float32).sum().backward()
        #expect(layer.parameters.allSatisfy { $0.gradient?.dtype == .float32 })
    }

    @Test func `A wrong shape stops with the layer's name and what it expects`() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = LSTM(3, 4)(Tensor.zeros([5, 2, 4]))
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(
            message.contains("LSTM: an input [time, batch, 3] is expected, not [5, 2, 4]"), "\(message.prefix(400))")
    }
}
