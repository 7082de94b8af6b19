import Martlet
import MartletTesting

/// A row with one optimizer's step alone, on the parameters of a narrow ResNet-50: see scripts/bench_optimizers.py.
struct OptimizerRow {
    private let make: ([Parameter]) -> Optimizer
    /// True where all parameters are matrices.
    private var wantsMatrices = false
    /// True where the gradients are clipped by their norm first.
    private var clips = false

    /// A row by its name, such as `optimizer-adam`.
    static func named(_ name: String) -> OptimizerRow? {
        let prefix = "optimizer-"
        guard name.hasPrefix(prefix) else { return nil }
        let kind = String(name.dropFirst(prefix.count))
        if kind == "muon" { return OptimizerRow(make: { Muon($0, learningRate: 1e-3) }, wantsMatrices: true) }
        if kind == "adam-clipped" { return OptimizerRow(make: { Adam($0, learningRate: 1e-3) }, clips: true) }
        return optimizer(kind).map { OptimizerRow(make: $0) }
    }

    private static func optimizer(_ kind: String) -> (([Parameter]) -> Optimizer)? {
        switch kind {
        case "sgd": { SGD($0, learningRate: 1e-3) }
        case "momentum": { SGD($0, learningRate: 1e-3, momentum: 0.9, weightDecay: 1e-4) }
        case "adam": { Adam($0, learningRate: 1e-3) }
        case "adamw": { AdamW($0, learningRate: 1e-3) }
        case "amsgrad": { Adam($0, learningRate: 1e-3, amsgrad: true) }
        case "rmsprop": { RMSProp($0) }
        case "rmsprop-centered": { RMSProp($0, weightDecay: 1e-4, momentum: 0.9, centered: true) }
        case "adagrad": { Adagrad($0) }
        case "adadelta": { AdaDelta($0) }
        case "adamax": { Adamax($0) }
        case "nadam": { NAdam($0) }
        case "radam": { RAdam($0) }
        case "lion": { Lion($0) }
        case "schedule-free": { ScheduleFreeAdamW($0) }
        case "lamb": { LAMB($0) }
        case "lars": { LARS($0, learningRate: 1e-3) }
        case "adafactor": { Adafactor($0) }
        default: nil
        }
    }

    /// The step gives the mean magnitude of the last parameter, which counts as the loss.
    func row(compiled: Bool) -> BenchRow {
        BenchRow(makeStep: { step(compiled) }, readsEach: true, recorded: 3, warm: 2, isKept: true)
    }

    private func step(_ compiled: Bool) -> () -> Tensor {
        let shapes = OptimizerRow.shapes(matrices: wantsMatrices)
        let parameters = shapes.enumerated().map { number, shape in
            Parameter(PatternedNumbers.pattern(shape, start: 101 * number, scale: 0.1))
        }
        let gradients = shapes.enumerated().map { number, shape in
            PatternedNumbers.pattern(shape, start: 211 * number + 7, scale: 0.01)
        }
        // Not a part of any step's plan.
        for tensor in gradients + parameters.map(\.value) { _ = tensor.abs().max().item(as: Float.self) }
        let optimizer = make(parameters)
        let last = parameters[parameters.count - 1]
        let body = { (given: [Tensor]) -> Tensor in
            for (parameter, gradient) in zip(parameters, given) { parameter.gradient = gradient }
            if clips { clipGradientNorm(parameters, to: 1) }
            optimizer.step()
            return withoutGradient { last.value.abs().mean() }
        }
        return { body(gradients) }
    }

    /// ResNet-50's parameters with 40 channels where it has 64: 161 tensors of 10.5 million elements; as matrices, those of
    /// more than one axis, `[outputs, all others]`.
    static func shapes(matrices: Bool) -> [Shape] {
        let width = 40
        var shapes: [Shape] = []
        func convolution(_ inputs: Int, _ outputs: Int, _ size: Int) {
            shapes.append(matrices ? [outputs, inputs * size * size] : [outputs, inputs, size, size])
            if !matrices { shapes += [[outputs], [outputs]] }
        }
        convolution(3, width, 7)
        var inputs = width
        for (stage, blocks) in [3, 4, 6, 3].enumerated() {
            let inner = width << stage
            for block in 0..<blocks {
                convolution(inputs, inner, 1)
                convolution(inner, inner, 3)
                convolution(inner, inner * 4, 1)
                if block == 0 { convolution(inputs, inner * 4, 1) }
                inputs = inner * 4
            }
        }
        shapes.append([1000, inputs])
        if !matrices { shapes.append([1000]) }
        return shapes
    }
}
