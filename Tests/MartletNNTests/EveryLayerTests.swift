import MartletGraph
import MartletNN
import MartletTensor
import Testing

/// What every layer owes: both modes, a state that can be saved and loaded, one plan for `compile` that gives the eager bits, hooks,
/// a summary, a forecast of memory, devices and types.
struct EveryLayerTests {
    /// A layer, how it is made, and an input of it.
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let input: Shape
        var indices = false
        let make: @Sendable () -> any Layer
        var testDescription: String { name }

        func sample() -> Tensor {
            indices ? Tensor.randint(0, 5, input) : Tensor.randn(input)
        }
    }

    static let elementwise: [Row] = [
        Row(name: "ReLU", input: [3, 4]) { ReLU() }, Row(name: "ReLU6", input: [3, 4]) { ReLU6() },
        Row(name: "LeakyReLU", input: [3, 4]) { LeakyReLU() }, Row(name: "RReLU", input: [3, 4]) { RReLU() },
        Row(name: "PReLU", input: [3, 4]) { PReLU(4) }, Row(name: "ELU", input: [3, 4]) { ELU() },
        Row(name: "SELU", input: [3, 4]) { SELU() }, Row(name: "CELU", input: [3, 4]) { CELU() },
        Row(name: "GELU", input: [3, 4]) { GELU() }, Row(name: "SiLU", input: [3, 4]) { SiLU() },
        Row(name: "Mish", input: [3, 4]) { Mish() }, Row(name: "Softplus", input: [3, 4]) { Softplus() },
        Row(name: "Softsign", input: [3, 4]) { Softsign() }, Row(name: "Tanhshrink", input: [3, 4]) { Tanhshrink() },
        Row(name: "Softshrink", input: [3, 4]) { Softshrink() },
        Row(name: "Hardshrink", input: [3, 4]) { Hardshrink() },
        Row(name: "Hardtanh", input: [3, 4]) { Hardtanh() }, Row(name: "Hardsigmoid", input: [3, 4]) { Hardsigmoid() },
        Row(name: "Hardswish", input: [3, 4]) { Hardswish() },
        Row(name: "Threshold", input: [3, 4]) { Threshold(0.1, value: 20) },
        Row(name: "LogSigmoid", input: [3, 4]) { LogSigmoid() }, Row(name: "Sigmoid", input: [3, 4]) { Sigmoid() },
        Row(name: "Tanh", input: [3, 4]) { Tanh() }, Row(name: "Softmax", input: [3, 4]) { Softmax() },
        Row(name: "LogSoftmax", input: [3, 4]) { LogSoftmax() }, Row(name: "GLU", input: [3, 4]) { GLU() },
        Row(name: "Dropout", input: [3, 4]) { Dropout(0.4) },
        Row(name: "AlphaDropout", input: [3, 4]) { AlphaDropout(0.4) },
        Row(name: "DropPath", input: [3, 4]) { DropPath(0.4) },
        Row(name: "Dropout1d", input: [3, 4, 5]) { Dropout1d(0.4) },
        Row(name: "Dropout2d", input: [3, 4, 5, 2]) { Dropout2d(0.4) },
        Row(name: "Dropout3d", input: [3, 4, 5, 2, 2]) { Dropout3d(0.4) },
    ]

    static let products: [Row] = [
        Row(name: "Linear", input: [3, 4]) { Linear(4, 2) },
        Row(name: "WeightNorm", input: [3, 4]) { WeightNorm(Linear(4, 2)) },
        Row(name: "SpectralNorm", input: [2, 4, 5, 6]) { SpectralNorm(Conv2d(4, 3, kernelSize: 3)) },
        Row(name: "Embedding", input: [3, 4], indices: true) { Embedding(5, 2, paddingIndex: 1) },
        Row(name: "Conv1d", input: [2, 4, 7]) { Conv1d(4, 2, kernelSize: 3, groups: 2) },
        Row(name: "Conv2d", input: [2, 4, 7, 6]) { Conv2d(4, 4, kernelSize: 3, groups: 4) },
        Row(name: "Conv3d", input: [2, 4, 4, 5, 3]) { Conv3d(4, 2, kernelSize: 3) },
        Row(name: "ConvTranspose1d", input: [2, 4, 5]) { ConvTranspose1d(4, 2, kernelSize: 3, stride: 2) },
        Row(name: "ConvTranspose2d", input: [2, 4, 5, 4]) { ConvTranspose2d(4, 2, kernelSize: 3, stride: 2) },
        Row(name: "ConvTranspose3d", input: [2, 4, 3, 3, 2]) { ConvTranspose3d(4, 2, kernelSize: 2, stride: 2) },
        Row(name: "RNN", input: [3, 2, 4]) { RNN(4, 3, layers: 2, dropout: 0.3) },
        Row(name: "LSTM", input: [3, 2, 4]) { LSTM(4, 3, layers: 2, dropout: 0.3, bidirectional: true) },
        Row(name: "GRU", input: [2, 3, 4]) { GRU(4, 3, batchFirst: true) },
        Row(name: "MultiheadAttention", input: [3, 2, 4]) { MultiheadAttention(4, heads: 2, dropout: 0.2) },
        Row(name: "TransformerEncoderLayer", input: [3, 2, 4]) {
            TransformerEncoderLayer(4, heads: 2, feedforward: 6, activation: GELU(), normFirst: true)
        },
        Row(name: "TransformerEncoder", input: [2, 3, 4]) {
            TransformerEncoder(
                (0..<2).map { _ in TransformerEncoderLayer(4, heads: 2, feedforward: 6, batchFirst: true) },
                norm: LayerNorm(4))
        },
        Row(name: "SinusoidalPositions", input: [3, 2, 4]) { SinusoidalPositions(4) },
        Row(name: "LearnedPositions", input: [2, 3, 4]) { LearnedPositions(6, 4, batchFirst: true) },
    ]

    static let normalizations: [Row] = [
        Row(name: "BatchNorm1d", input: [5, 4]) { BatchNorm1d(4) },
        Row(name: "BatchNorm2d", input: [5, 4, 3, 2]) { BatchNorm2d(4) },
        Row(name: "BatchNorm3d", input: [5, 4, 3, 2, 2]) { BatchNorm3d(4) },
        Row(name: "InstanceNorm1d", input: [3, 4, 5]) {
            InstanceNorm1d(4, affine: true, tracksRunningStatistics: true)
        },
        Row(name: "InstanceNorm2d", input: [3, 4, 5, 2]) { InstanceNorm2d(4, affine: true) },
        Row(name: "InstanceNorm3d", input: [3, 4, 5, 2, 2]) { InstanceNorm3d(4) },
        Row(name: "LayerNorm", input: [3, 4]) { LayerNorm(4) },
        Row(name: "GroupNorm", input: [3, 4, 5]) { GroupNorm(groups: 2, channels: 4) },
        Row(name: "RMSNorm", input: [3, 4]) { RMSNorm([4]) },
        Row(name: "LocalResponseNorm", input: [3, 4, 5]) { LocalResponseNorm(3) },
    ]

    static let poolings: [Row] = [
        Row(name: "MaxPool1d", input: [2, 3, 8]) { MaxPool1d(2) },
        Row(name: "MaxPool2d", input: [2, 3, 8, 6]) { MaxPool2d(2) },
        Row(name: "MaxPool3d", input: [2, 3, 4, 6, 4]) { MaxPool3d(2) },
        Row(name: "AvgPool1d", input: [2, 3, 8]) { AvgPool1d(2) },
        Row(name: "AvgPool2d", input: [2, 3, 8, 6]) { AvgPool2d(2) },
        Row(name: "AvgPool3d", input: [2, 3, 4, 6, 4]) { AvgPool3d(2) },
        Row(name: "LpPool1d", input: [2, 3, 8]) { LpPool1d(power: 2, 2) },
        Row(name: "LpPool2d", input: [2, 3, 8, 6]) { LpPool2d(power: 2, 2) },
        Row(name: "LpPool3d", input: [2, 3, 4, 6, 4]) { LpPool3d(power: 2, 2) },
        Row(name: "AdaptiveAvgPool1d", input: [2, 3, 8]) { AdaptiveAvgPool1d(3) },
        Row(name: "AdaptiveAvgPool2d", input: [2, 3, 8, 7]) { AdaptiveAvgPool2d(3) },
        Row(name: "AdaptiveAvgPool3d", input: [2, 3, 4, 5, 4]) { AdaptiveAvgPool3d(2) },
        Row(name: "AdaptiveMaxPool1d", input: [2, 3, 8]) { AdaptiveMaxPool1d(3) },
        Row(name: "AdaptiveMaxPool2d", input: [2, 3, 8, 7]) { AdaptiveMaxPool2d(3) },
        Row(name: "AdaptiveMaxPool3d", input: [2, 3, 4, 5, 4]) { AdaptiveMaxPool3d(2) },
        Row(name: "GlobalAvgPool", input: [2, 3, 4, 5]) { GlobalAvgPool() },
        Row(name: "GlobalMaxPool", input: [2, 3, 4, 5]) { GlobalMaxPool(keepingAxes: true) },
    ]

    static let shapings: [Row] = [
        Row(name: "Flatten", input: [2, 3, 4]) { Flatten() },
        Row(name: "Unflatten", input: [2, 6]) { Unflatten([2, -1]) },
        Row(name: "Identity", input: [2, 3]) { Identity() }, Row(name: "Lambda", input: [2, 3]) { Lambda { $0 * 2 } },
        Row(name: "PixelShuffle", input: [2, 8, 3, 2]) { PixelShuffle(2) },
        Row(name: "PixelUnshuffle", input: [2, 2, 4, 6]) { PixelUnshuffle(2) },
        Row(name: "Upsample nearest", input: [2, 2, 3, 4]) { Upsample(by: 2) },
        Row(name: "Upsample cubic", input: [2, 2, 3, 4]) { Upsample(size: [5, 7], mode: .cubic) },
        Row(name: "ZeroPad1d", input: [2, 2, 4]) { ZeroPad1d(1) },
        Row(name: "ZeroPad2d", input: [2, 2, 4, 3]) { ZeroPad2d(1) },
        Row(name: "ZeroPad3d", input: [2, 2, 4, 3, 2]) { ZeroPad3d(1) },
        Row(name: "ReflectionPad1d", input: [2, 2, 4]) { ReflectionPad1d(1) },
        Row(name: "ReflectionPad2d", input: [2, 2, 4, 3]) { ReflectionPad2d(1) },
        Row(name: "ReflectionPad3d", input: [2, 2, 4, 3, 2]) { ReflectionPad3d(1) },
        Row(name: "ReplicationPad1d", input: [2, 2, 4]) { ReplicationPad1d(1) },
        Row(name: "ReplicationPad2d", input: [2, 2, 4, 3]) { ReplicationPad2d(1) },
        Row(name: "ReplicationPad3d", input: [2, 2, 4, 3, 2]) { ReplicationPad3d(1) },
        Row(name: "Residual", input: [2, 4]) {
            Residual(shortcut: Linear(4, 3), activation: ReLU()) {
                Linear(4, 5)
                ReLU()
                Linear(5, 3)
            }
        },
        Row(name: "Parallel", input: [2, 4]) {
            Parallel {
                Linear(4, 3)
                Linear(4, 3)
            }
        },
        Row(name: "Concatenate", input: [2, 4]) {
            Concatenate {
                Identity()
                Linear(4, 3)
            }
        },
        Row(name: "Sequential", input: [2, 4]) {
            Sequential {
                Linear(4, 3)
                ReLU()
            }
        },
    ]

    static let rows = elementwise + products + normalizations + poolings + shapings

    @Test(arguments: rows)
    func `A copy with the same state gives the same bits, in training and in evaluation`(row: Row) throws {
        let (layer, copy) = (row.make(), row.make())
        let x = row.sample()
        for isTraining in [true, false] {
            layer.train(isTraining)
            copy.train(isTraining)
            try copy.load(layer.stateDictionary)
            let y = withGenerator(seed: 11) { layer(x) }
            #expect(y.isFinite().all().item(as: Bool.self))
            #expect(withGenerator(seed: 11) { copy(x) }.array() == y.array(), "\(isTraining)")
            #expect(
                copy.stateDictionary.mapValues { $0.array(as: Double.self) }
                    == layer.stateDictionary.mapValues { $0.array(as: Double.self) })
        }
    }

    @Test(arguments: rows)
    func `Compiled is eager, bit for bit, with one plan for both calls`(row: Row) throws {
        try compare(row.make(), row)
    }

    private func compare(_ layer: some Layer, _ row: Row) throws {
        let x = row.sample()
        for isTraining in [true, false] {
            layer.train(isTraining)
            let state = layer.stateDictionary
            // Two calls that draw from one generator, each from the same state.
            func outcomes(_ run: () -> Tensor) throws -> [[Float]] {
                try withGenerator(seed: 13) {
                    try (0..<2).flatMap { _ in
                        try layer.load(state)
                        layer.zeroGradients()
                        return [run().array()] + layer.parameters.map { $0.gradient?.array() ?? [] }
                    }
                }
            }
            func body(_ x: Tensor) -> Tensor {
                layer.zeroGradients()
                let y = layer(x)
                if y.requiresGradient { y.square().sum().backward() }
                return y
            }
            let eager = try outcomes { body(x) }
            let step = compile(updating: layer) { (x: Tensor) in body(x).detached() }
            let compiled = try outcomes { step(x) }
            #expect(compiled == eager)
            #expect(step.planCount == 1)
        }
    }

    @Test(arguments: rows)
    func `Hooks, summaries and forecasts see the layer`(row: Row) throws {
        let layer = row.make()
        guard !(layer is Sequential) else { return }
        var seen: [Shape] = []
        let x = row.sample()
        let y = withForwardHook { observed, _, output in
            if observed === layer { seen.append(output.shape) }
        } _: {
            layer(x)
        }
        #expect(seen == [y.shape])
        let summary = layer.summary(input: row.input, dtype: x.dtype)
        #expect(summary.rows.last?.output == y.shape)
        #expect(summary.parameterCount == layer.parameterCount)
        let forecast = try layer.memory(input: row.input, dtype: x.dtype)
        #expect(forecast.peak >= 0)
        #expect(layer.modeSwitches.allSatisfy { $0.isTraining })
    }

    @Test(arguments: rows)
    func `In float64 and on another device the outputs are the same`(row: Row) throws {
        let layer = row.make()
        layer.eval()
        let x = row.sample()
        let y = layer(x)
        layer.to(.reference)
        let elsewhere = layer(x.to(.reference)).to(.cpu)
        #expect(elsewhere.isClose(to: y, relativeTolerance: 1e-4, absoluteTolerance: 1e-5))
        layer.to(.cpu)
        layer.to(dtype: .float64)
        #expect(layer.parameters.allSatisfy { $0.dtype == .float64 })
        let wide = layer(row.indices ? x : x.to(dtype: .float64))
        #expect(wide.dtype == .float64)
        #expect(wide.isClose(to: y.to(dtype: .float64), relativeTolerance: 1e-4, absoluteTolerance: 1e-5))
    }
}
