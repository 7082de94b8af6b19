import MartletCPU
import MartletNN
import MartletOptim
import MartletTensor
import Testing

/// What a training loop's variables hold costs no more than themselves.
@Suite struct HeldValueTests {
    @Test func `A loop that holds logits and loss past the step peaks within one percent of one that does not`() async {
        await #expect(processExitsWith: .success) {
            let loop = HeldLoop()
            let without = loop.peak(holdsValues: false)
            let with = loop.peak(holdsValues: true)
            #expect(Double(with) <= 1.01 * Double(without), "\(with) bytes, and \(without) without")
        }
    }

    @Test func `What is evaluated after training in place uses the new weights`() {
        let model = Sequential {
            Conv2d(1, 16, kernelSize: 3)
            ReLU()
            Flatten()
            Linear(16 * 6 * 6, 4)
        }
        let optimizer = SGD(model.parameters, learningRate: 0.05)
        let (x, y) = (Tensor.randn([8, 1, 8, 8]), Tensor((0..<8).map { $0 % 4 }))
        for _ in 0..<3 {
            let before = withoutGradient { model(x) }.array()
            optimizer.zeroGradients()
            crossEntropy(model(x), y).backward()
            optimizer.step()
            let after = withoutGradient { model(x) }.array()
            // The same weights in a network that has never run: nothing packed for the old ones can be in use.
            let copy = Sequential {
                Conv2d(1, 16, kernelSize: 3)
                ReLU()
                Flatten()
                Linear(16 * 6 * 6, 4)
            }
            for (parameter, source) in zip(copy.parameters, model.parameters) {
                let numbers = source.value.array()
                let shape = source.shape
                parameter.update { _ in Tensor(numbers, shape: shape) }
            }
            #expect(withoutGradient { copy(x) }.array() == after)
            #expect(before != after)
        }
    }
}

/// Program 03's loop on one batch.
private final class HeldLoop {
    private let model = Sequential {
        Linear(784, 128)
        ReLU()
        Linear(128, 10)
    }
    private let optimizer: Adam
    private let x = Tensor.randn([64, 784])
    private let y = Tensor((0..<64).map { $0 % 10 })
    private var held: [Tensor] = []

    init() { optimizer = Adam(model.parameters, learningRate: 1e-3) }

    /// The most bytes in use during twenty steps.
    func peak(holdsValues: Bool) -> Int {
        for step in 0..<25 {
            if step == 5 { CPUBackend.shared.memory.resetPeak() }
            optimizer.zeroGradients()
            let logits = model(x)
            let loss = crossEntropy(logits, y)
            loss.backward()
            if holdsValues { held = [logits, loss] }
            optimizer.step()
        }
        held = []
        return CPUBackend.shared.memory.statistics.peak
    }
}
