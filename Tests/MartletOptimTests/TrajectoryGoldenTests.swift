import Foundation
import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting
import Testing

/// The first steps of the benchmarks' networks against the peer's, from the initial values that scripts/bench_peers.py
/// describes.
@Suite("Training goldens")
struct TrajectoryGoldenTests {
    @Test(
        "Whole training runs have the peer's losses and end at its parameters", arguments: [DataType.float64, .float32])
    func trainingRuns(dtype: DataType) throws {
        let file = try GoldenFile("trajectories")
        for golden in file.cases {
            guard golden.operation == "training", golden.text("optimizer") == "Adam",
                let size = golden.integer("batchSize"), let steps = golden.integer("steps"),
                let rate = golden.number("learningRate")
            else { throw GoldenError("\(golden) is no training run by Adam") }
            let network = try BenchmarkNetwork(golden, dtype)
            #expect(
                network.model.namedParameters.map(\.name) == golden.attributes["parameters"]?.list?.compactMap(\.text))
            let (inputs, labels) = network.batch(size, dtype)
            let optimizer = Adam(network.model.parameters, learningRate: rate)
            let losses = (0..<steps).map { _ in
                optimizer.zeroGradients()
                let loss = crossEntropy(network.model(inputs), labels)
                loss.backward()
                optimizer.step()
                return loss.item(as: Double.self)
            }
            let norms = network.model.parameters.map { parameter in
                parameter.value.array(as: Double.self).reduce(0) { $0 + $1 * $1 }.squareRoot()
            }
            // float32's own rounding: the peer's is off by 4e-7 at most.
            let tolerance = dtype == .float64 ? 1e-10 : 2e-6
            for (name, found) in [("losses", losses), ("norms", norms)] {
                let wanted = try file.required(golden, name).array(as: Double.self)
                #expect(found.count == wanted.count, "\(golden), \(name)")
                for (index, (found, wanted)) in zip(found, wanted).enumerated() {
                    #expect(
                        (found - wanted).magnitude <= tolerance * max(1, wanted.magnitude),
                        "\(golden), \(name) \(index): \(found) instead of \(wanted)")
                }
            }
        }
        #expect(file.cases.map(\.name) == ["mlp", "cnn"])
    }
}

/// A network of the benchmarks with its initial values, each computed in float64 and rounded to float32 once.
private struct BenchmarkNetwork {
    let model: Sequential
    private let inputShape: [Int]

    init(_ golden: GoldenCase, _ dtype: DataType) throws {
        switch golden.text("network") {
        case "mlp":
            inputShape = [784]
            model = Sequential {
                Linear(784, 128)
                ReLU()
                Linear(128, 10)
            }
        case "cnn":
            inputShape = [1, 28, 28]
            model = Sequential {
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
        default: throw GoldenError("\(golden): no network \(golden.text("network") ?? "without a name")")
        }
        var fanIn = 1
        for (number, (name, parameter)) in model.namedParameters.enumerated() {
            let shape = parameter.shape
            if name.hasSuffix("weight") { fanIn = shape.elementCount / shape[0] }
            let values = (0..<shape.elementCount).map { index in
                Float(sin(1 + 0.7 * Double(index) + 1.3 * Double(number)) / Double(fanIn).squareRoot())
            }
            parameter.slot.tensor = Tensor(values, shape: shape, dtype: dtype)
        }
    }

    func batch(_ size: Int, _ dtype: DataType) -> (inputs: Tensor, labels: Tensor) {
        let count = inputShape.reduce(1, *)
        let values = (0..<size * count).map { place in
            Float(0.5 + 0.5 * sin(0.01 * Double(place % count + 1) * Double(place / count + 1)))
        }
        return (
            Tensor(values, shape: Shape([size] + inputShape), dtype: dtype),
            Tensor((0..<size).map { (7 * $0 + 3) % 10 })
        )
    }
}
