import MartletCPU
import MartletNN
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// What a limit of memory makes a chain of convolutions, batch normalisations and rectifiers compute again: of each two tensors that
/// a block keeps for its derivative, the one that follows from the other in one pass over memory.
@Suite("Batch normalisations computed again")
struct RecomputedNormTests {
    private static let depth = 8

    /// A training step's gradients and running statistics, and the plan that made them.
    private struct Step {
        let gradients: [[Float]]
        let statistics: [String: [Float]]
        let plan: Plan

        /// Steps of a name, with whatever is folded in.
        func count(_ name: String) -> Int {
            plan.descriptions.count { $0.name == name || $0.name.hasPrefix(name + "+") }
        }
    }

    private static func step(_ limit: Int?) throws -> Step {
        let model = withGenerator(seed: 61) {
            let layers = (0..<depth).flatMap { _ -> [any Layer] in
                [Conv2d(16, 16, kernelSize: 3, padding: 1, bias: false), BatchNorm2d(16), ReLU()]
            }
            return Sequential(layers)
        }
        let x = withGenerator(seed: 62) { Tensor.randn([6, 16, 18, 17]) }
        for tensor in model.parameters.map(\.value) + [x] { _ = tensor.array() }
        var gradients: [[Float]] = []
        let plans = PlanWatch.plans {
            withMemoryLimit(limit) {
                model(x).square().mean().backward()
                gradients = model.parameters.map { $0.gradient?.array() ?? [] }
            }
        }
        let plan = try #require(plans.max { $0.descriptions.count < $1.descriptions.count })
        let statistics = model.stateDictionary.mapValues { $0.to(dtype: .float32).array() }
        return Step(gradients: gradients, statistics: statistics, plan: plan)
    }

    @Test("Under a limit they are, and no convolution is; gradients and statistics have the same bits")
    func chain() throws {
        let free = try Self.step(nil)
        let limit = free.plan.peakByteCount * 3 / 4
        let limited = try Self.step(limit)
        #expect(limited.plan.peakByteCount <= limit)
        #expect(limited.gradients == free.gradients && free.gradients.count == 3 * Self.depth)
        #expect(free.gradients.allSatisfy { $0.contains { $0 != 0 } })
        #expect(limited.statistics == free.statistics)
        // Without the engine normalisation is elementwise work.
        if CPUBackend.shared.engine == nil { return }
        #expect(free.count("convolution") == Self.depth && free.count("batchNormTraining+relu") == Self.depth)
        #expect(limited.count("convolution") == Self.depth, "\(limited.plan.descriptions.map(\.name))")
        let again = limited.count("batchNormTraining+relu") - Self.depth
        // A quarter of what there are two of for each block, but for what the fullest step needs itself.
        #expect((Self.depth / 4..<Self.depth).contains(again), "\(again) of \(Self.depth)")
        #expect(limited.count("batchNormTraining") == limited.count("batchNormTraining+relu"))
    }
}
