import MartletGraph
import MartletTensor
import MartletTesting
import Testing

@testable import MartletRuntime

@Suite("The arena's memory")
struct ArenaMemoryTests {
    @Test("A large result late does not lie above the hole that a smaller one left")
    func hole() {
        let inputs = withGenerator(seed: 2) { () -> [Tensor] in
            [[64, 8], [8, 192], [192, 64], [8, 320], [320, 64]].map { Tensor.randn(Shape($0)) }
        }
        for input in inputs { _ = input.array() }
        let plans = PlanWatch.plans {
            withoutGradient {
                // Nothing in between has a name: it would be kept.
                _ = (matmul(matmul(inputs[0], inputs[1]), inputs[2]) * matmul(matmul(inputs[0], inputs[3]), inputs[4]))
                    .array()
            }
        }
        // 48 KiB, then 16 KiB of it that stay, then 80 KiB, and of the last products one lies where the result will: 96 KiB at once, and
        // 128 where the hole stays empty.
        #expect(plans.map(\.arenaByteCount) == [96 << 10])
    }
}
