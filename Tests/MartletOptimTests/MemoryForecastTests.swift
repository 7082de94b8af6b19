import Foundation
import MartletCPU
import MartletNN
import MartletOptim
import MartletTensor
import Testing

/// Forecasts of memory against what runs really peak at: each test is a process of its own, whose pool nobody else uses.
@Suite("Memory forecasts")
struct MemoryForecastTests {
    /// A stem, a residual block with batch normalisation and a head.
    private final class Residual: Layer {
        let stem = Conv2d(3, 32, kernelSize: 3, padding: 1)
        let norm1 = BatchNorm2d(32)
        let conv1 = Conv2d(32, 32, kernelSize: 3, padding: 1, bias: false)
        let norm2 = BatchNorm2d(32)
        let pool = MaxPool2d(2)
        let head = Linear(32 * 16 * 16, 10)

        func callAsFunction(_ x: Tensor) -> Tensor {
            let first = relu(norm1(stem(x)))
            let second = relu(norm2(conv1(first)) + first)
            return head(pool(second).flattened(from: 1))
        }
    }

    private static func mlp() -> Sequential {
        Sequential {
            Linear(784, 512)
            ReLU()
            Linear(512, 512)
            ReLU()
            Linear(512, 10)
        }
    }

    private static var pool: MemoryPool { CPUBackend.shared.memory }

    /// The most that the last of some steps has in use.
    private static func peak(_ step: () -> Void) -> Int {
        for _ in 0..<3 { step() }
        pool.resetPeak()
        step()
        return pool.statistics.peak
    }

    private static func expect(_ forecast: MemoryForecast, near peak: Int) {
        let ratio = Double(forecast.peak) / Double(peak)
        #expect((0.95...1.05).contains(ratio), "forecast \(forecast.peak), measured \(peak): \(forecast)")
    }

    /// Forecasts training, then trains, compiled or not.
    private static func train(
        _ model: some Layer, _ optimizer: Optimizer, input: Shape, isCompiled: Bool, keepingGradients: Bool = true
    ) throws -> MemoryForecast {
        pool.resetPeak()
        let before = pool.statistics.peak
        let forecast = try model.memory(
            training: optimizer, input: input, keepingGradients: keepingGradients)
        #expect(pool.statistics.peak - before < 100_000, "the forecast itself took memory")
        #expect(model.parameters.allSatisfy { $0.gradient == nil } && optimizer.state.tensors.isEmpty)
        let x = Tensor.randn(input)
        let y = Tensor((0..<input[0]).map { $0 % 10 })
        let body = { (x: Tensor, y: Tensor) -> Tensor in
            optimizer.zeroGradients()
            let loss = crossEntropy(model(x), y)
            loss.backward()
            optimizer.step(keepingGradients: keepingGradients)
            return loss.detached()
        }
        let compiled = compile(updating: model, optimizer, function: body)
        expect(forecast, near: peak { _ = (isCompiled ? compiled(x, y) : body(x, y)).item() })
        return forecast
    }

    @Test("A training step of a perceptron peaks where its plan says, compiled and eager", arguments: [true, false])
    func perceptron(isCompiled: Bool) async {
        await #expect(processExitsWith: .success) { [isCompiled] in
            let model = MemoryForecastTests.mlp()
            let forecast = try MemoryForecastTests.train(
                model, Adam(model.parameters), input: [64, 784], isCompiled: isCompiled)
            let bytes = 4 * model.parameterCount
            // The pool rounds up, by an eighth at most.
            for part in [forecast.parameters, forecast.gradients, forecast.state[1] / 2] {
                #expect((bytes...bytes + bytes / 8).contains(part))
            }
            #expect(forecast.state[0] == 0)
            // Two hidden layers, twice: what the matrix product gives, or the rectifier of it.
            #expect(forecast.activations >= 2 * 64 * 512 * 4 && forecast.activations <= forecast.temporaries)
        }
    }

    @Test(
        "Where gradients are forgotten with the step, a large layer's takes no memory at any time, compiled and eager",
        arguments: [true, false])
    func forgotten(isCompiled: Bool) async {
        await #expect(processExitsWith: .success) { [isCompiled] in
            func forecast(keepingGradients: Bool) throws -> MemoryForecast {
                let model = Sequential {
                    Linear(1100, 2048)
                    ReLU()
                    Linear(2048, 10)
                }
                return try MemoryForecastTests.train(
                    model, SGD(model.parameters, learningRate: 0.1, momentum: 0.9), input: [16, 1100],
                    isCompiled: isCompiled, keepingGradients: keepingGradients)
            }
            let (kept, forgotten) = (try forecast(keepingGradients: true), try forecast(keepingGradients: false))
            #expect(forgotten.gradients == 0)
            // All but a block of it.
            #expect(kept.peak - forgotten.peak > 1100 * 2048 * 4 * 7 / 10)
        }
    }

    @Test("So does one of a residual network with batch normalisation", arguments: [true, false])
    func residual(isCompiled: Bool) async {
        await #expect(processExitsWith: .success) { [isCompiled] in
            let model = Residual()
            let optimizer = SGD(model.parameters, learningRate: 0.01, momentum: 0.9)
            let forecast = try MemoryForecastTests.train(
                model, optimizer, input: [16, 3, 32, 32], isCompiled: isCompiled)
            // Running mean and variance of two layers of 32 channels.
            #expect(forecast.state[0] >= 4 * 32 * 4)
        }
    }

    @Test(
        "An evaluation peaks where its plan says, with the weights that are kept packed, and takes less than training")
    func inference() async {
        await #expect(processExitsWith: .success) {
            let model = Residual()
            model.train()
            let forecast = try model.memory(input: [16, 3, 32, 32])
            #expect(model.norm1.modeSwitches.allSatisfy { $0.isTraining })
            let training = try model.memory(training: SGD(model.parameters, learningRate: 0.1), input: [16, 3, 32, 32])
            #expect(forecast.peak < training.peak && forecast.gradients == 0 && forecast.activations == 0)
            model.eval()
            let x = Tensor.randn([16, 3, 32, 32])
            let step = compile(updating: model) { (x: Tensor) in withoutGradient { model(x) } }
            MemoryForecastTests.expect(forecast, near: MemoryForecastTests.peak { _ = step(x).array() })
        }
    }

    @Test("A larger batch takes more for temporaries and no more for parameters")
    func batches() throws {
        let model = Self.mlp()
        let (small, large) = (try model.memory(input: [8, 784]), try model.memory(input: [256, 784]))
        #expect(small.parameters == large.parameters)
        #expect(large.temporaries > 16 * small.temporaries)
    }
}
