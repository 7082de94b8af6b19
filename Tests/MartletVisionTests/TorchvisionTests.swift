import Foundation
import MartletNN
import MartletTensor
import MartletTesting
import MartletVision
import Testing

/// The classic networks against torchvision's: names, sizes and numbers.
@Suite(.serialized) struct TorchvisionTests {
    private struct Names: Decodable {
        let parameterCount: Int
        let parameters: String
        let buffers: String
    }

    /// What torchvision answers in float64 for the weights of `PatternedNumbers`.
    private struct Numbers: Decodable {
        let training: [Double]
        let loss: Double
        let gradientNorms: [String: Double]
        let evaluation: [Double]
    }

    private struct Golden: Decodable {
        let names: [String: Names]
        let numbers: [String: Numbers]

        static func read() throws -> Golden {
            let url = URL(fileURLWithPath: GoldenFile.path("networks", "json"))
            return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
        }
    }

    private static let makers: [String: @Sendable () -> any Layer] = [
        "AlexNet": { AlexNet() },
        "VGG-11": { VGG(depth: 11) }, "VGG-11 batchNorm": { VGG(depth: 11, batchNorm: true) },
        "VGG-13": { VGG(depth: 13) }, "VGG-13 batchNorm": { VGG(depth: 13, batchNorm: true) },
        "VGG-16": { VGG(depth: 16) }, "VGG-16 batchNorm": { VGG(depth: 16, batchNorm: true) },
        "VGG-19": { VGG(depth: 19) }, "VGG-19 batchNorm": { VGG(depth: 19, batchNorm: true) },
        "ResNet-18": { ResNet(depth: 18) }, "ResNet-34": { ResNet(depth: 34) }, "ResNet-50": { ResNet(depth: 50) },
        "ResNet-101": { ResNet(depth: 101) }, "ResNet-152": { ResNet(depth: 152) },
        "GoogLeNet": { GoogLeNet(auxiliary: false) }, "GoogLeNet auxiliary": { GoogLeNet() },
    ]

    @Test func `Every network has torchvision's names, in its order, and as many parameters`() throws {
        let golden = try Golden.read().names
        #expect(Set(golden.keys) == Set(Self.makers.keys))
        for (name, make) in Self.makers {
            let network = make()
            #expect(network.parameterCount == golden[name]?.parameterCount, "\(name)")
            #expect(network.namedParameters.map(\.name).joined(separator: " ") == golden[name]?.parameters, "\(name)")
            #expect(network.namedBuffers.map(\.name).joined(separator: " ") == golden[name]?.buffers, "\(name)")
        }
    }

    /// Differences that float32 makes: of logits by their largest, of gradients' norms by themselves. PyTorch's own float32 is
    /// off as far (ResNet-50: 8.5e-5 and 1.7e-2): normalising the eight values of a channel that images of 64 by 64 leave
    /// there magnifies roundings, and a ReLU at zero turns one way or the other.
    private static let tolerances: [String: (logits: Double, gradients: Double)] = [
        "AlexNet": (1e-5, 1e-5), "VGG-11 batchNorm": (4e-5, 4e-3), "VGG-16": (1e-5, 1e-5), "ResNet-18": (1e-5, 1e-4),
        "ResNet-50": (4e-4, 6e-2), "GoogLeNet auxiliary": (3e-4, 2e-2),
    ]

    @Test(arguments: tolerances.keys.sorted())
    func `A training step and the evaluation after it give torchvision's numbers`(_ name: String) throws {
        let expected = try #require(try Golden.read().numbers[name])
        let tolerance = try #require(Self.tolerances[name])
        let network = try #require(Self.small(name))
        PatternedNumbers.fill(network)
        let images = PatternedNumbers.pattern([2, 3, 64, 64])
        let labels = PatternedNumbers.labels(2, classes: 10)

        var outputs = [network(images)]
        if let network = network as? GoogLeNet {
            // Once more from the start: a pass in training moves the running statistics.
            PatternedNumbers.fill(network)
            let all = network.outputs(images)
            outputs = [all.logits] + all.auxiliary
        }
        let losses = outputs.map { crossEntropy($0, labels) }
        let loss = losses.dropFirst().reduce(losses[0]) { $0 + 0.3 * $1 }
        loss.backward()
        expectClose(outputs[0], expected.training, tolerance.logits, "\(name), training")
        #expect(abs(loss.item(as: Double.self) - expected.loss) <= tolerance.logits * expected.loss, "\(name)")

        let parameters = network.namedParameters
        #expect(Set(parameters.map(\.name)) == Set(expected.gradientNorms.keys))
        for (path, parameter) in parameters {
            let gradient = try #require(parameter.gradient, "\(path)")
            let found = (gradient * gradient).sum().sqrt().item(as: Double.self)
            let wanted = expected.gradientNorms[path] ?? 0
            #expect(abs(found - wanted) <= tolerance.gradients * max(wanted, 1e-3), "\(name), \(path)")
        }
        network.eval()
        expectClose(withoutGradient { network(images) }, expected.evaluation, tolerance.logits, "\(name), evaluation")
    }

    private func expectClose(_ tensor: Tensor, _ expected: [Double], _ tolerance: Double, _ place: String) {
        let scale = expected.map(abs).max() ?? 0
        let error = zip(tensor.array(as: Double.self), expected).map { abs($0 - $1) }.max() ?? 0
        #expect(tensor.elementCount == expected.count && error <= tolerance * scale, "\(place): off by \(error)")
    }

    /// Ten classes, and no dropout: no two generators agree.
    private static func small(_ name: String) -> (any Layer)? {
        switch name {
        case "AlexNet": AlexNet(classes: 10, dropout: 0)
        case "VGG-11 batchNorm": VGG(depth: 11, batchNorm: true, classes: 10, dropout: 0)
        case "VGG-16": VGG(depth: 16, classes: 10, dropout: 0)
        case "ResNet-18": ResNet(depth: 18, classes: 10)
        case "ResNet-50": ResNet(depth: 50, classes: 10)
        case "GoogLeNet auxiliary": GoogLeNet(classes: 10, dropout: 0, auxiliaryDropout: 0)
        default: nil
        }
    }

    @Test func `Images of 224 by 224 give a logit for each class`() {
        for network in [ResNet(depth: 50), GoogLeNet(), AlexNet(), VGG(depth: 11)] as [any Layer] {
            network.eval()
            #expect(withoutGradient { network(Tensor.zeros([1, 3, 224, 224])) }.shape == [1, 1000])
        }
        let outputs = GoogLeNet(classes: 7).outputs(Tensor.zeros([2, 3, 96, 64]))
        #expect(outputs.logits.shape == [2, 7])
        #expect(outputs.auxiliary.map(\.shape) == [[2, 7], [2, 7]])
        #expect(GoogLeNet(auxiliary: false).outputs(Tensor.zeros([2, 3, 64, 64])).auxiliary.isEmpty)
        #expect(GoogLeNet().eval().outputs(Tensor.zeros([2, 3, 64, 64])).auxiliary.isEmpty)
    }

    @Test func `Weights start as torchvision's do`() throws {
        let resnet = ResNet(depth: 18)
        let basic = try #require(resnet.layer4[0] as? BasicBlock)
        expectDeviation(basic.conv1.weight, (2.0 / (512 * 9)).squareRoot())
        let bound = try #require(resnet.fc.weight.value.array().map(abs).max())
        #expect(abs(Double(bound) - 1 / 512.0.squareRoot()) < 1e-4)

        let vgg = VGG(depth: 11)
        let convolution = try #require(vgg.features[3] as? Conv2d)
        let dense = try #require(vgg.classifier[6] as? Linear)
        expectDeviation(convolution.weight, (2.0 / (128 * 9)).squareRoot())
        expectDeviation(dense.weight, 0.01)
        #expect(convolution.bias?.value.array() == Array(repeating: 0, count: 128))
        #expect(dense.bias?.value.array() == Array(repeating: 0, count: 1000))

        expectDeviation(GoogLeNet(auxiliary: false).inception4a.branch1.conv.weight, 0.01)
    }

    private func expectDeviation(_ parameter: Parameter, _ expected: Double) {
        let values = parameter.value.array(as: Double.self)
        let deviation = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
        #expect(abs(deviation / expected - 1) < 4 / (2 * Double(values.count)).squareRoot())
    }

    @Test func `A depth that no paper has stops`() async {
        await #expect(processExitsWith: .failure) { _ = VGG(depth: 12) }
        await #expect(processExitsWith: .failure) { _ = ResNet(depth: 20) }
    }
}
