import MartletGraph
import MartletNN
import MartletTensor
import MartletTesting
import Testing

/// Layers against PyTorch's: values, gradients of input and parameters, state dictionaries.
struct GoldenLayerTests {
    private func check(_ makers: Makers, float64: GoldenBound = GoldenBound(relative: 1e-10, absolute: 1e-11)) throws {
        let comparison = try LayerComparison(
            "layers", float32: GoldenBound(relative: 2e-5, absolute: 2e-6, scaled: 5e-6), float64: float64)
        let count = try comparison.check(Set(makers.keys)) { golden in
            guard let maker = makers[golden.operation] else { throw GoldenError("\(golden) is not known") }
            let layer = try maker(golden)
            return (
                layer,
                { inputs in
                    guard let input = inputs["input"] else { throw GoldenError("\(golden) has no input") }
                    return ["output": layer(input)]
                }
            )
        }
        #expect(count >= makers.count)
    }

    @Test func `No case of the file is passed over`() throws {
        let known = Set(
            [
                activations, sixths, axisActivations, convolutions, poolings, adaptivePoolings, normalizations,
                paddings,
                shapings, parametrizations,
            ]
            .flatMap(\.keys))
        #expect(Set(try GoldenFile("layers").cases.map(\.operation)) == known)
    }

    @Test func `Activations agree`() throws {
        try check(activations)
        try check(axisActivations)
        // PyTorch's derivative of this one multiplies by a sixth in float32.
        try check(sixths, float64: GoldenBound(relative: 1e-7))
    }

    @Test func `Depthwise and transposed convolutions agree`() throws { try check(convolutions) }

    @Test func `Poolings agree`() throws {
        try check(poolings)
        try check(adaptivePoolings)
    }

    @Test func `Normalisations and their running statistics agree`() throws { try check(normalizations) }

    @Test func `Weight and spectral normalisation agree`() throws { try check(parametrizations) }

    @Test func `Paddings agree`() throws { try check(paddings) }

    @Test func `Layers that change shapes agree`() throws { try check(shapings) }
}

extension GoldenCase {
    fileprivate func count(_ name: String) throws -> Int {
        guard let number = integer(name) else { throw GoldenError("\(self) has no \(name)") }
        return number
    }
    fileprivate func real(_ name: String) throws -> Double {
        guard let number = number(name) else { throw GoldenError("\(self) has no \(name)") }
        return number
    }
    fileprivate func list(_ name: String) throws -> [Int] {
        guard let list = integers(name) else { throw GoldenError("\(self) has no \(name)") }
        return list
    }
}

private typealias Makers = [String: @Sendable (GoldenCase) throws -> any Layer]

private let activations: Makers = [
    "ReLU": { _ in ReLU() }, "Sigmoid": { _ in Sigmoid() }, "Tanh": { _ in Tanh() }, "SiLU": { _ in SiLU() },
    "Mish": { _ in Mish() }, "Softplus": { _ in Softplus() }, "SELU": { _ in SELU() }, "ReLU6": { _ in ReLU6() },
    "Hardswish": { _ in Hardswish() }, "LogSigmoid": { _ in LogSigmoid() },
    "Softsign": { _ in Softsign() }, "Tanhshrink": { _ in Tanhshrink() },
    "Hardtanh": { Hardtanh(low: try $0.real("low"), high: try $0.real("high")) },
    "Threshold": { Threshold(try $0.real("threshold"), value: try $0.real("value")) },
    "Hardshrink": { Hardshrink(try $0.real("lambda")) }, "Softshrink": { Softshrink(try $0.real("lambda")) },
    "CELU": { CELU(try $0.real("alpha")) }, "ELU": { ELU(try $0.real("alpha")) },
    "LeakyReLU": { LeakyReLU(try $0.real("negativeSlope")) }, "GELU": { GELU(approximate: $0.isSet("approximate")) },
    "RReLU": { RReLU(lower: try $0.real("lower"), upper: try $0.real("upper")) },
    "PReLU": { PReLU(try $0.count("slopes")) },
]

private let sixths: Makers = ["Hardsigmoid": { _ in Hardsigmoid() }]

private let axisActivations: Makers = [
    "Softmax": { Softmax(axis: try $0.count("axis")) }, "LogSoftmax": { LogSoftmax(axis: try $0.count("axis")) },
    "GLU": { GLU(axis: try $0.count("axis")) },
]

private let convolutions: Makers = [
    "Conv1d": { Conv1d(4, try $0.count("outputs"), kernelSize: 3, padding: 1, groups: try $0.count("groups")) },
    "Conv2d": { Conv2d(4, try $0.count("outputs"), kernelSize: 3, padding: 1, groups: try $0.count("groups")) },
    "Conv3d": { Conv3d(4, try $0.count("outputs"), kernelSize: 3, padding: 1, groups: try $0.count("groups")) },
    "ConvTranspose1d": {
        ConvTranspose1d(
            4, try $0.count("outputs"), kernelSize: try $0.count("kernelSize"), stride: try $0.count("stride"),
            padding: try $0.count("padding"), outputPadding: try $0.count("outputPadding"),
            groups: try $0.count("groups"))
    },
    "ConvTranspose2d": {
        ConvTranspose2d(
            4, try $0.count("outputs"), kernelSize: try $0.count("kernelSize"), stride: try $0.count("stride"),
            padding: try $0.count("padding"), outputPadding: try $0.count("outputPadding"),
            groups: try $0.count("groups"))
    },
    "ConvTranspose3d": {
        ConvTranspose3d(
            4, try $0.count("outputs"), kernelSize: try $0.count("kernelSize"), stride: try $0.count("stride"),
            padding: try $0.count("padding"), outputPadding: try $0.count("outputPadding"),
            groups: try $0.count("groups"))
    },
]

private let poolings: Makers = [
    "MaxPool1d": {
        MaxPool1d(try $0.count("kernelSize"), stride: $0.integer("stride"), padding: try $0.count("padding"))
    },
    "MaxPool2d": {
        MaxPool2d(try $0.count("kernelSize"), stride: $0.integer("stride"), padding: try $0.count("padding"))
    },
    "MaxPool3d": {
        MaxPool3d(try $0.count("kernelSize"), stride: $0.integer("stride"), padding: try $0.count("padding"))
    },
    "AvgPool1d": {
        AvgPool1d(
            try $0.count("kernelSize"), stride: $0.integer("stride"), padding: try $0.count("padding"),
            countIncludePad: $0.isSet("countIncludePad"))
    },
    "AvgPool2d": {
        AvgPool2d(
            try $0.count("kernelSize"), stride: $0.integer("stride"), padding: try $0.count("padding"),
            countIncludePad: $0.isSet("countIncludePad"))
    },
    "AvgPool3d": {
        AvgPool3d(
            try $0.count("kernelSize"), stride: $0.integer("stride"), padding: try $0.count("padding"),
            countIncludePad: $0.isSet("countIncludePad"))
    },
    "LpPool1d": { LpPool1d(power: try $0.real("power"), try $0.count("kernelSize"), stride: $0.integer("stride")) },
    "LpPool2d": { LpPool2d(power: try $0.real("power"), try $0.count("kernelSize"), stride: $0.integer("stride")) },
    "LpPool3d": { LpPool3d(power: try $0.real("power"), try $0.count("kernelSize"), stride: $0.integer("stride")) },
]

private let adaptivePoolings: Makers = [
    "AdaptiveAvgPool1d": { AdaptiveAvgPool1d(try $0.count("outputSize")) },
    "AdaptiveAvgPool2d": { AdaptiveAvgPool2d(try $0.count("outputSize")) },
    "AdaptiveAvgPool3d": { AdaptiveAvgPool3d(try $0.count("outputSize")) },
    "AdaptiveMaxPool1d": { AdaptiveMaxPool1d(try $0.count("outputSize")) },
    "AdaptiveMaxPool2d": { AdaptiveMaxPool2d(try $0.count("outputSize")) },
    "AdaptiveMaxPool3d": { AdaptiveMaxPool3d(try $0.count("outputSize")) },
]

private let normalizations: Makers = [
    "InstanceNorm1d": {
        InstanceNorm1d(
            try $0.count("channels"), affine: $0.isSet("affine"),
            tracksRunningStatistics: $0.isSet("tracksRunningStatistics"))
    },
    "InstanceNorm2d": {
        InstanceNorm2d(
            try $0.count("channels"), affine: $0.isSet("affine"),
            tracksRunningStatistics: $0.isSet("tracksRunningStatistics"))
    },
    "InstanceNorm3d": {
        InstanceNorm3d(
            try $0.count("channels"), affine: $0.isSet("affine"),
            tracksRunningStatistics: $0.isSet("tracksRunningStatistics"))
    },
    "BatchNorm3d": { BatchNorm3d(try $0.count("channels")) },
    "LocalResponseNorm": {
        LocalResponseNorm(
            try $0.count("size"), alpha: $0.number("alpha") ?? 1e-4, beta: $0.number("beta") ?? 0.75,
            k: $0.number("k") ?? 1)
    },
]

private let paddings: Makers = [
    "ZeroPad1d": { ZeroPad1d(try $0.list("padding")) }, "ZeroPad2d": { ZeroPad2d(try $0.list("padding")) },
    "ZeroPad3d": { ZeroPad3d(try $0.list("padding")) }, "ReflectionPad1d": { ReflectionPad1d(try $0.list("padding")) },
    "ReflectionPad2d": { ReflectionPad2d(try $0.list("padding")) },
    "ReflectionPad3d": { ReflectionPad3d(try $0.list("padding")) },
    "ReplicationPad1d": { ReplicationPad1d(try $0.list("padding")) },
    "ReplicationPad2d": { ReplicationPad2d(try $0.list("padding")) },
    "ReplicationPad3d": { ReplicationPad3d(try $0.list("padding")) },
]

private let shapings: Makers = [
    "PixelShuffle": { PixelShuffle(try $0.count("factor")) },
    "PixelUnshuffle": { PixelUnshuffle(try $0.count("factor")) },
    "Unflatten": { Unflatten(axis: try $0.count("axis"), try $0.list("sizes")) },
    "Embedding": { Embedding(try $0.count("count"), try $0.count("width"), paddingIndex: $0.integer("paddingIndex")) },
    "Upsample": { golden in
        guard let mode = golden.text("mode").flatMap(InterpolationMode.init(rawValue:)) else {
            throw GoldenError("\(golden) has no mode that is known")
        }
        let corners = golden.isSet("alignsCorners")
        if let size = golden.integers("size") { return Upsample(size: size, mode: mode, alignsCorners: corners) }
        return Upsample(by: try golden.real("factor"), mode: mode, alignsCorners: corners)
    },
]

private let parametrizations: Makers = [
    "WeightNorm": { golden in
        let axis = golden.integer("axis")
        switch golden.text("layer") {
        case "Linear": return WeightNorm(Linear(4, 3), axis: axis)
        case "Conv1d": return WeightNorm(Conv1d(4, 3, kernelSize: 2), axis: axis)
        case "Conv2d": return WeightNorm(Conv2d(4, 3, kernelSize: 2), axis: axis)
        case "Conv3d": return WeightNorm(Conv3d(2, 3, kernelSize: 2), axis: axis)
        case "ConvTranspose1d": return WeightNorm(ConvTranspose1d(4, 3, kernelSize: 2), axis: axis)
        case "ConvTranspose2d": return WeightNorm(ConvTranspose2d(4, 3, kernelSize: 2), axis: axis)
        case "ConvTranspose3d": return WeightNorm(ConvTranspose3d(2, 3, kernelSize: 2), axis: axis)
        default: throw GoldenError("\(golden) has no layer that is known")
        }
    },
    "SpectralNorm": { golden in
        switch golden.text("layer") {
        case "Linear": return SpectralNorm(Linear(4, 3))
        case "Conv1d": return SpectralNorm(Conv1d(4, 3, kernelSize: 2))
        case "Conv2d": return SpectralNorm(Conv2d(4, 3, kernelSize: 2))
        case "Conv3d": return SpectralNorm(Conv3d(2, 3, kernelSize: 2))
        case "ConvTranspose1d": return SpectralNorm(ConvTranspose1d(4, 3, kernelSize: 2))
        case "ConvTranspose2d": return SpectralNorm(ConvTranspose2d(4, 3, kernelSize: 2))
        case "ConvTranspose3d": return SpectralNorm(ConvTranspose3d(2, 3, kernelSize: 2))
        default: throw GoldenError("\(golden) has no layer that is known")
        }
    },
]
