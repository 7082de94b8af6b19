import MartletGraph
import MartletNN
import MartletTensor
import MartletTesting
import Testing

/// Recurrent layers, attention and transformers against PyTorch's: values, states, gradients, state dictionaries.
struct GoldenSequenceTests {
    private func check(_ operations: Set<String>, _ model: (GoldenCase) throws -> LayerComparison.Model) throws {
        let comparison = try LayerComparison(
            "sequences", float32: GoldenBound(relative: 2e-5, absolute: 5e-6, scaled: 5e-6),
            float64: GoldenBound(relative: 1e-10, absolute: 1e-11))
        #expect(try comparison.check(operations, model) >= operations.count)
    }

    @Test func `No case of the file is passed over`() throws {
        let known = recurrent.union(cells).union(attention).union(transformers).union(["scaledDotProductAttention"])
        #expect(Set(try GoldenFile("sequences").cases.map(\.operation)) == known)
    }

    @Test func `Recurrent layers agree, with states and lengths`() throws { try check(recurrent, recurrentModel) }
    @Test func `Cells agree`() throws { try check(cells, cellModel) }
    @Test func `Attention agrees, with masks of every kind`() throws { try check(attention, attentionModel) }
    @Test func `Transformers agree, whichever way they normalise`() throws { try check(transformers, transformerModel) }

    @Test func `The product of queries, keys and values agrees`() throws {
        let file = try GoldenFile("sequences")
        let comparison = GoldenComparison(
            file, float32: GoldenBound(relative: 2e-5, absolute: 2e-6, scaled: 5e-6),
            float64: GoldenBound(relative: 1e-10, absolute: 1e-11))
        var failures: [String] = []
        for golden in file.cases where golden.operation == "scaledDotProductAttention" {
            failures += try comparison.failures(of: golden) { inputs in
                let mask = inputs.count > 3 ? inputs[3] : nil
                return [
                    scaledDotProductAttention(
                        inputs[0], inputs[1], inputs[2], mask: mask, isCausal: golden.isSet("isCausal"),
                        scale: golden.number("scale"))
                ]
            }
        }
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
}

private let recurrent: Set = ["RNN", "LSTM", "GRU"]
private let cells: Set = ["RNNCell", "LSTMCell", "GRUCell"]
private let attention: Set = ["MultiheadAttention", "SelfAttention"]
private let transformers: Set = [
    "TransformerEncoderLayer", "TransformerEncoder", "TransformerDecoderLayer", "TransformerDecoder",
]

private func required(_ inputs: [String: Tensor], _ name: String) throws -> Tensor {
    guard let tensor = inputs[name] else { throw GoldenError("there is no input \(name)") }
    return tensor
}

private func recurrentModel(_ golden: GoldenCase) throws -> LayerComparison.Model {
    let (inputs, hidden) = (golden.integer("inputs") ?? 0, golden.integer("hidden") ?? 0)
    let (layers, bias) = (golden.integer("layers") ?? 1, golden.isSet("bias"))
    let (batchFirst, both) = (golden.isSet("batchFirst"), golden.isSet("bidirectional"))
    switch golden.operation {
    case "LSTM":
        let layer = LSTM(inputs, hidden, layers: layers, bias: bias, batchFirst: batchFirst, bidirectional: both)
        return (
            layer,
            { x in
                let state = x["hidden"].flatMap { hidden in x["cell"].map { LSTM.State(hidden: hidden, cell: $0) } }
                let (output, last) = layer(try required(x, "input"), state: state, lengths: x["lengths"])
                return ["output": output, "lastHidden": last.hidden, "lastCell": last.cell]
            }
        )
    case "GRU":
        let layer = GRU(inputs, hidden, layers: layers, bias: bias, batchFirst: batchFirst, bidirectional: both)
        return (
            layer,
            { x in
                let (output, last) = layer(try required(x, "input"), state: x["hidden"], lengths: x["lengths"])
                return ["output": output, "lastHidden": last]
            }
        )
    default:
        let nonlinearity = golden.text("nonlinearity").flatMap(RNN.Nonlinearity.init(rawValue:)) ?? .tanh
        let layer = RNN(
            inputs, hidden, layers: layers, bias: bias, batchFirst: batchFirst, bidirectional: both,
            nonlinearity: nonlinearity)
        return (
            layer,
            { x in
                let (output, last) = layer(try required(x, "input"), state: x["hidden"], lengths: x["lengths"])
                return ["output": output, "lastHidden": last]
            }
        )
    }
}

private func cellModel(_ golden: GoldenCase) throws -> LayerComparison.Model {
    let (inputs, hidden) = (golden.integer("inputs") ?? 0, golden.integer("hidden") ?? 0)
    switch golden.operation {
    case "LSTMCell":
        let cell = LSTMCell(inputs, hidden)
        return (
            cell,
            { x in
                let state = LSTM.State(hidden: try required(x, "hidden"), cell: try required(x, "cell"))
                let last = cell(try required(x, "input"), state: state)
                return ["lastHidden": last.hidden, "lastCell": last.cell]
            }
        )
    case "GRUCell":
        let cell = GRUCell(inputs, hidden)
        return (cell, { x in ["lastHidden": cell(try required(x, "input"), state: x["hidden"])] })
    default:
        let cell = RNNCell(inputs, hidden)
        return (cell, { x in ["lastHidden": cell(try required(x, "input"), state: x["hidden"])] })
    }
}

private func attentionModel(_ golden: GoldenCase) throws -> LayerComparison.Model {
    let isSelf = golden.operation == "SelfAttention"
    let layer = MultiheadAttention(
        golden.integer("width") ?? 0, heads: golden.integer("heads") ?? 1, bias: !isSelf,
        keyWidth: golden.integer("keyWidth"), valueWidth: golden.integer("valueWidth"),
        batchFirst: golden.isSet("batchFirst"))
    if isSelf {
        return (
            layer, { x in ["output": layer(try required(x, "input"), mask: nil, isCausal: golden.isSet("isCausal"))] }
        )
    }
    return (
        layer,
        { x in
            let (query, key, value) = (try required(x, "query"), try required(x, "key"), try required(x, "value"))
            let result = layer.withWeights(query, key, value, mask: x["mask"], keyPadding: x["keyPadding"])
            let alone = layer(query, key, value, mask: x["mask"], keyPadding: x["keyPadding"])
            #expect(alone.isClose(to: result.output))
            return ["output": result.output, "weights": result.weights]
        }
    )
}

private func transformerModel(_ golden: GoldenCase) throws -> LayerComparison.Model {
    let (width, heads) = (golden.integer("width") ?? 0, golden.integer("heads") ?? 1)
    let inner = golden.integer("feedforward") ?? 0
    let activation: any Layer = golden.text("activation") == "gelu" ? GELU() : ReLU()
    let (normFirst, batchFirst) = (golden.isSet("normFirst"), golden.isSet("batchFirst"))
    func encoder() -> TransformerEncoderLayer {
        TransformerEncoderLayer(
            width, heads: heads, feedforward: inner, dropout: 0, activation: activation, normFirst: normFirst,
            batchFirst: batchFirst)
    }
    func decoder() -> TransformerDecoderLayer {
        TransformerDecoderLayer(
            width, heads: heads, feedforward: inner, dropout: 0, activation: activation, normFirst: normFirst,
            batchFirst: batchFirst)
    }
    func masks(_ x: [String: Tensor]) -> TransformerMasks {
        TransformerMasks(isCausal: true, memory: x["mask"], memoryPadding: x["keyPadding"])
    }
    let norm = golden.isSet("norm") ? LayerNorm(width) : nil
    let layers = golden.integer("layers") ?? 1
    switch golden.operation {
    case "TransformerEncoderLayer":
        let layer = encoder()
        return (
            layer, { x in ["output": layer(try required(x, "input"), mask: x["mask"], keyPadding: x["keyPadding"])] }
        )
    case "TransformerEncoder":
        let stack = TransformerEncoder((0..<layers).map { _ in encoder() }, norm: norm)
        return (stack, { x in ["output": stack(try required(x, "input"))] })
    case "TransformerDecoderLayer":
        let layer = decoder()
        return (
            layer,
            { x in ["output": layer(try required(x, "input"), memory: try required(x, "memory"), masks: masks(x))] }
        )
    default:
        let stack = TransformerDecoder((0..<layers).map { _ in decoder() }, norm: norm)
        return (
            stack,
            { x in ["output": stack(try required(x, "input"), memory: try required(x, "memory"), masks: masks(x))] }
        )
    }
}
