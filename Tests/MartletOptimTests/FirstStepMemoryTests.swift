import Foundation
import MartletNN
import MartletOptim
import MartletTensor
import Testing

@Suite("Memory of a first step")
struct FirstStepMemoryTests {
    @Test("The zeros that an optimizer's moments begin with lie where the moments will", arguments: [true, false])
    func moments(isAdam: Bool) async throws {
        let output =
            isAdam
            ? try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
                FirstStepMemoryTests.steps { Adam($0, learningRate: 0.1) }
            }
            : try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
                FirstStepMemoryTests.steps { SGD($0, learningRate: 0.1, momentum: 0.9) }
            }
        let text = String(decoding: output.standardErrorContent, as: UTF8.self)
        let temporaries = text.matches(of: /plan \d+: .*, (\d+) bytes of temporaries/).compactMap { Int($0.1) }
        // A weight takes 256 KiB: no plan has one beside those it keeps.
        #expect(temporaries.count >= 2 && temporaries.allSatisfy { $0 < 1 << 18 }, "\(text)")
    }

    private static func steps(_ makeOptimizer: ([Parameter]) -> Optimizer) {
        setenv("MARTLET_LOG", "plan", 1)
        let layer = Linear(256, 256)
        let optimizer = makeOptimizer(layer.parameters)
        let x = Tensor.ones([4, 256])
        for _ in 0..<3 {
            optimizer.zeroGradients()
            layer(x).square().mean().backward()
            optimizer.step()
        }
        exit(0)
    }
}
