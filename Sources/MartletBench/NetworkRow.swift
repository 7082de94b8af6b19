import Martlet
import MartletTesting

/// A row with one of the classic networks, on images of 224 by 224: see scripts/bench_networks.py.
struct NetworkRow {
    /// What products run in: float32, bfloat16 (`autocast`), or 8-bit integers (`QuantizedModel`, in inference).
    enum Precision: String {
        case float32, bf16, int8
    }

    let batch: Int
    let isTraining: Bool
    let precision: Precision
    let make: () -> any Layer

    /// A row by its name, such as `resnet50-train-16` or `vgg16-infer-16-bf16`: network, what is done, images of a batch, and
    /// what products run in where it is not float32.
    static func named(_ name: String) -> NetworkRow? {
        let parts = name.split(separator: "-").map(String.init)
        guard parts.count == 3 || parts.count == 4, let make = network(parts[0]), let batch = Int(parts[2]), batch > 0
        else {
            return nil
        }
        guard parts[1] == "train" || parts[1] == "infer",
            let precision = parts.count == 3 ? Precision.float32 : Precision(rawValue: parts[3]),
            precision != .int8 || parts[1] == "infer"
        else { return nil }
        return NetworkRow(batch: batch, isTraining: parts[1] == "train", precision: precision, make: make)
    }

    private static func network(_ name: String) -> (() -> any Layer)? {
        switch name {
        case "alexnet": { AlexNet() }
        case "vgg16": { VGG(depth: 16) }
        case "resnet50": { ResNet(depth: 50) }
        case "googlenet": { GoogLeNet(auxiliary: false) }
        default: nil
        }
    }

    /// Three recorded steps and two more; the step is kept. Each inference is read, of a training run the last loss.
    func row(compiled: Bool) -> BenchRow {
        BenchRow(
            makeStep: { isTraining ? trainingStep(make(), compiled) : inferenceStep(make(), compiled) },
            readsEach: !isTraining, recorded: Self.recorded, warm: 2, isKept: true)
    }

    private static let recorded = 3

    private var images: Tensor { PatternedNumbers.pattern([batch, 3, 224, 224]) }

    private func trainingStep(_ network: some Layer, _ compiled: Bool) -> () -> Tensor {
        PatternedNumbers.fill(network)
        let optimizer = SGD(network.parameters, learningRate: 1e-3, momentum: 0.9, weightDecay: 1e-4)
        let body = { (x: Tensor, y: Tensor) -> Tensor in
            // The plain loop is that of program 03; the compiled one does not keep gradients that nobody looks at.
            if !compiled { optimizer.zeroGradients() }
            let loss = autocast(isEnabled: precision == .bf16) { crossEntropy(network(x), y) }
            loss.backward()
            optimizer.step(keepingGradients: !compiled)
            return loss.detached()
        }
        let step = compiled ? compile(updating: network, optimizer, function: body) : nil
        let (x, y) = (images, PatternedNumbers.labels(batch, classes: 1000))
        // Recorded losses are compared with the peers', whose generators of random numbers are others.
        let dropouts = network.namedModules.compactMap { $0.module as? Dropout }
        for dropout in dropouts { dropout.eval() }
        var count = 0
        return {
            if count == Self.recorded { for dropout in dropouts { dropout.train() } }
            count += 1
            return step.map { $0(x, y) } ?? body(x, y)
        }
    }

    private func inferenceStep(_ network: some Layer, _ compiled: Bool) -> () -> Tensor {
        PatternedNumbers.fill(network)
        network.eval()
        guard precision == .int8 else { return inferenceStep(of: network, compiled) }
        return inferenceStep(of: QuantizedModel(network, Calibration(of: network, on: [images])), compiled)
    }

    private func inferenceStep(of network: some Layer, _ compiled: Bool) -> () -> Tensor {
        let x = images
        let body = { (x: Tensor) -> Tensor in
            withoutGradient { autocast(isEnabled: precision == .bf16) { network(x).abs() }.to(dtype: .float32).mean() }
        }
        guard compiled else { return { body(x) } }
        let step = compile(updating: network, function: body)
        return { step(x) }
    }
}
