import Foundation
import Martlet

/// A row of the benchmark: makes a fresh model and gives the step to repeat, which returns its loss unread.
struct BenchRow {
    let makeStep: () -> () -> Tensor
    /// True where every step's result is read.
    var readsEach = false
    /// True where two busy loader workers run beside the timed steps.
    var isBesideWorkers = false
    /// Steps whose losses are recorded, and steps after those that are not timed either.
    var recorded = 5
    var warm = 20
    /// True where the step is kept from one run to the next instead of being made afresh.
    var isKept = false

    static func named(_ name: String) -> BenchRow? {
        let compiled = name.hasSuffix("-compiled")
        let plain = compiled ? String(name.dropLast("-compiled".count)) : name
        switch plain {
        case "mlp":
            return BenchRow {
                let model = Sequential {
                    Linear(784, 128)
                    ReLU()
                    Linear(128, 10)
                }
                return trainingStep(model, BenchData.inputs(32, [784]), BenchData.labels(32), compiled: compiled)
            }
        case "cnn":
            return BenchRow {
                let model = Sequential {
                    Conv2d(1, 32, kernelSize: 3)
                    ReLU()
                    MaxPool2d(2)
                    Conv2d(32, 64, kernelSize: 3)
                    ReLU()
                    MaxPool2d(2)
                    Flatten()
                    Linear(1600, 128)
                    ReLU()
                    Linear(128, 10)
                }
                return trainingStep(
                    model, BenchData.inputs(128, [1, 28, 28]), BenchData.labels(128), compiled: compiled)
            }
        case "mlp-beside-workers":
            var row = named("mlp")
            row?.isBesideWorkers = true
            return row
        case "matmul":
            return BenchRow(
                makeStep: {
                    let (a, b) = (BenchData.inputs(1024, [1024]), BenchData.inputs(1024, [1024]))
                    return { matmul(a, b)[0, 0] }
                }, readsEach: true)
        case "conv3x3":
            return BenchRow(
                makeStep: {
                    let layer = Conv2d(64, 64, kernelSize: 3, padding: 1)
                    let x = BenchData.inputs(8, [64, 56, 56])
                    return { withoutGradient { layer(x)[0, 0, 0, 0] } }
                }, readsEach: true)
        case EpochRow.name: return EpochRow.row(compiled: compiled)
        case "tiny": return BenchRow { tinyStep(compiled: compiled) }
        case "add":
            return BenchRow(
                makeStep: {
                    let a: Tensor = [0.5]
                    let b: Tensor = [0.25]
                    return { a + b }
                }, readsEach: true)
        default:
            return OptimizerRow.named(plain)?.row(compiled: compiled)
                ?? NetworkRow.named(plain)?.row(compiled: compiled)
        }
    }

    /// The step, made and warm, with its first losses.
    func begin() -> (step: () -> Tensor, losses: [Float]) {
        let step = makeStep()
        let losses = (0..<recorded).map { _ in step().item() }
        for index in 0..<warm {
            let loss = step()
            if index == warm - 1 { _ = loss.item() }
        }
        return (step, losses)
    }

    /// Seconds that steps take.
    func measure(_ step: () -> Tensor, steps: Int) -> Double {
        let workers = isBesideWorkers ? BusyWorkers() : nil
        defer { withExtendedLifetime(workers) {} }
        let start = ContinuousClock.now
        if readsEach {
            for _ in 0..<steps { _ = step().item() }
        } else {
            for _ in 0..<(steps - 1) { _ = step() }
            _ = step().item()
        }
        let elapsed = (ContinuousClock.now - start).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    }
}

/// The step of programs 03 and 04.
private func trainingStep(_ model: Sequential, _ x: Tensor, _ y: Tensor, compiled: Bool) -> () -> Tensor {
    let step = adamStep(model, compiled: compiled)
    return { step(x, y) }
}

/// The step on any batch.
func adamStep(_ model: Sequential, compiled: Bool) -> (Tensor, Tensor) -> Tensor {
    BenchData.initialize(model)
    let optimizer = Adam(model.parameters, learningRate: 1e-3)
    let body = { (x: Tensor, y: Tensor) -> Tensor in
        optimizer.zeroGradients()
        let loss = crossEntropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detached()
    }
    guard compiled else { return body }
    let step = compile(updating: model, optimizer, function: body)
    return { step($0, $1) }
}

private func tinyStep(compiled: Bool) -> () -> Tensor {
    let model = Sequential {
        Linear(2, 16)
        ReLU()
        Linear(16, 1)
    }
    BenchData.initialize(model)
    let optimizer = SGD(model.parameters, learningRate: 0.01)
    let (x, target) = (BenchData.inputs(1, [2]), Tensor([Float(3) / 10], shape: [1, 1]))
    let body = { (x: Tensor, target: Tensor) -> Tensor in
        optimizer.zeroGradients()
        let loss = meanSquaredError(model(x), target)
        loss.backward()
        optimizer.step()
        return loss.detached()
    }
    guard compiled else { return { body(x, target) } }
    let step = compile(updating: model, optimizer, function: body)
    return { step(x, target) }
}

/// The numbers that all workers use: see scripts/bench_peers.py.
enum BenchData {
    static func initialize(_ model: Sequential) {
        var fanIn = 1
        for (number, (name, parameter)) in model.namedParameters.enumerated() {
            if name.hasSuffix("weight") { fanIn = parameter.shape.sizes.dropFirst().reduce(1, *) }
            let bound = 1 / Double(fanIn).squareRoot()
            let values = (0..<parameter.shape.elementCount).map { element in
                Float(bound * sin(1 + 0.7 * Double(element) + 1.3 * Double(number)))
            }
            let shape = parameter.shape
            parameter.update { _ in Tensor(values, shape: shape) }
        }
    }

    static func inputs(_ batch: Int, _ shape: [Int]) -> Tensor {
        let count = shape.reduce(1, *)
        let values = (1...batch).flatMap { example in
            (1...count).map { Float(0.5 + 0.5 * sin(0.01 * Double($0) * Double(example))) }
        }
        return Tensor(values, shape: Shape([batch] + shape))
    }

    static func labels(_ batch: Int) -> Tensor { Tensor((0..<batch).map { ($0 * 7 + 3) % 10 }) }
}
