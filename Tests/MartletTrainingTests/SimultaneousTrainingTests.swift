import Foundation
import MartletNN
import MartletOptim
import MartletTensor
import Synchronization
import Testing

/// Several models trained by several threads of one process.
@Suite("Training on several threads at once")
struct SimultaneousTrainingTests {
    /// A model with convolutions, normalisation and dropout, and the losses of its training.
    private static func losses(seed: UInt64, steps: Int) -> [Float] {
        withGenerator(seed: seed) {
            let model = Sequential {
                Conv2d(1, 16, kernelSize: 3, padding: 1)
                BatchNorm2d(16)
                ReLU()
                MaxPool2d(2)
                Conv2d(16, 32, kernelSize: 3)
                ReLU()
                Flatten()
                Dropout(0.2)
                Linear(32 * 16, 10)
            }
            let optimizer = Adam(model.parameters, learningRate: 1e-3)
            let (x, y) = (Tensor.randn([8, 1, 12, 12]), Tensor((0..<8).map { ($0 * 3 + Int(seed)) % 10 }))
            return (0..<steps).map { _ in
                optimizer.zeroGradients()
                let loss = crossEntropy(model(x), y)
                loss.backward()
                optimizer.step()
                return loss.item()
            }
        }
    }

    @Test("Four threads that train four models at once get the losses of one after the other, bit for bit")
    func fourThreads() {
        let seeds: [UInt64] = [1, 2, 3, 4]
        let alone = seeds.map { Self.losses(seed: $0, steps: 12) }
        let together = Mutex([[Float]](repeating: [], count: seeds.count))
        DispatchQueue.concurrentPerform(iterations: seeds.count) { index in
            let losses = Self.losses(seed: seeds[index], steps: 12)
            together.withLock { $0[index] = losses }
        }
        let found = together.withLock { $0 }
        #expect(found == alone)
        #expect(Set(alone.map(\.last)).count == seeds.count)
    }
}
