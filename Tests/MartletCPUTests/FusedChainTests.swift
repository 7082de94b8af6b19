import MartletCPU
import MartletGraph
import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting
import Testing

@testable import MartletRuntime

@Suite("Long chains of elementwise work")
struct FusedChainTests {
    /// A chain that has more values than a program's registers, some of them results, with numbers that lie in memory, in tiles
    /// that are not full: blocks of memory are used again and again, and no result may be lost by it.
    @Test("Every value of a chain is right, however many there are", arguments: [1, 500, 512, 20_011])
    func chain(length: Int) {
        var numbers = CaseNumbers(seed: UInt64(length))
        let tensors = (0..<3).map { _ in numbers.reals([length], .float32, in: 0.5...2) }
        let factors = (0..<2).map { _ in numbers.reals([], .float32, in: 0.5...1) }
        let comparison = BackendComparison("chain", tensors + factors) { values in
            let (a, b, c) = (values[0], values[1], values[2])
            let number = values[3] * values[4]
            var (x, y, results) = (a, b, [Value]())
            for round in 0..<12 {
                let z = number * x + y
                y = (z * z + c).applying(.sqrt)
                x = z / (y + number)
                if round % 3 == 2 { results.append(z) }
            }
            return results + [x, y, (x .> y).cast(to: .float32) * a]
        }
        let failures = comparison.failures(.exact)
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("An optimizer without a kernel of its own renews a parameter in one pass, in place")
    func onePass() throws {
        let makers: [(name: String, make: ([Parameter]) -> Optimizer)] = [
            ("RMSProp", { RMSProp($0, weightDecay: 0.1, momentum: 0.9, centered: true) }),
            ("Adagrad", { Adagrad($0, weightDecay: 0.1) }), ("AdaDelta", { AdaDelta($0, weightDecay: 0.1) }),
            ("Adamax", { Adamax($0, weightDecay: 0.1) }), ("NAdam", { NAdam($0, weightDecay: 0.1) }),
            ("Lion", { Lion($0, weightDecay: 0.1) }), ("AMSGrad", { Adam($0, weightDecay: 0.1, amsgrad: true) }),
            ("schedule-free", { ScheduleFreeAdamW($0, weightDecay: 0.1) }),
        ]
        for (name, make) in makers {
            let parameter = Parameter(Tensor.full([77, 31], 0.5))
            let optimizer = make([parameter])
            for _ in 0..<3 {
                parameter.gradient = Tensor.full([77, 31], 0.25)
                optimizer.step()
            }
            let plans = PlanWatch.plans {
                // Another gradient of no leaf: the plan is a new one.
                parameter.gradient = Tensor.full([77, 31], 0.25) * parameter.value.detached().abs()
                optimizer.step()
                parameter.gradient = nil
            }
            let plan = try #require(plans.last, "\(name)")
            let passes = plan.descriptions.filter { $0.outputs.contains { $0.type.shape.sizes == [77, 31] } }
            #expect(passes.count == 1, "\(name): \(plan.descriptions.map(\.name))")
            let held = plan.buffers.filter { $0.byteCount == 77 * 31 * 4 }
            // The gradient that the parameter still held when the step ran is the one with memory of its own.
            #expect(held.count { $0.donor == nil } == 1, "\(name): \(held)")
        }
    }
}
