import Foundation
import MartletCPU
import MartletNN
import MartletOptim
import MartletTensor
import Testing

/// Numbers below the smallest normal one: tests that read them are processes of their own, for the setting is read once.
@Suite("Subnormal numbers")
struct SubnormalTests {
    /// Products of 1e-30 and 1e-10, elementwise, summed over a matrix product's rows, and whether the program itself still has
    /// subnormal numbers afterwards. Long enough for every thread to have a share.
    private static func products() -> (elements: Set<Float>, sums: Set<Float>, own: Float) {
        let small = Tensor.full([1 << 20], 1e-30)
        let elements = (small * 1e-10).array(as: Float.self)
        let left = Tensor.full([256, 64], 1e-30)
        let right = Tensor.full([64, 256], 1e-10)
        let sums = matmul(left, right).array(as: Float.self)
        let own = Float("1e-30").map { $0 * 1e-10 } ?? .nan
        return (Set(elements), Set(sums), own)
    }

    @Test("A kernel that throws leaves the program its own")
    func thrown() {
        struct Failure: Error {}
        #expect(throws: Failure.self) { try CPUBackend.shared.run(isParallel: false) { throw Failure() } }
        #expect((Float("1e-30").map { $0 * 1e-10 } ?? 0) > 0)
    }

    @Test("MARTLET_SUBNORMALS=keep computes with them")
    func kept() async {
        await #expect(processExitsWith: .success) {
            setenv("MARTLET_SUBNORMALS", "keep", 1)
            let found = SubnormalTests.products()
            #expect(found.elements.count == 1)
            #expect(found.elements.allSatisfy { $0 > 0 && $0 < .leastNormalMagnitude })
            #expect(found.sums.allSatisfy { $0 > 0 && $0 < .leastNormalMagnitude })
        }
    }

    // Elsewhere nothing is flushed.
    #if arch(x86_64)
        @Test("Kernels write them as zero on every thread, and the program that calls keeps its own")
        func flushed() async {
            await #expect(processExitsWith: .success) {
                // Twice: threads that were started for the first run serve the second.
                for _ in 0..<2 {
                    let found = SubnormalTests.products()
                    #expect(found.elements == [0])
                    #expect(found.sums == [0])
                    #expect(found.own > 0)
                }
            }
        }

        @Test("Moments of Adam that shrink towards zero arrive there")
        func moments() async {
            await #expect(processExitsWith: .success) {
                let parameter = Parameter(Tensor.ones([4096]))
                let optimizer = Adam([parameter], learningRate: 1e-3)
                for step in 0..<1200 {
                    (parameter.value * (step == 0 ? 1 : 0)).sum().backward()
                    optimizer.step()
                    optimizer.zeroGradients()
                }
                let moments = optimizer.state.tensors.values.flatMap { $0.array(as: Float.self) }
                #expect(!moments.contains { $0 != 0 && abs($0) < .leastNormalMagnitude })
            }
        }
    #endif
}
