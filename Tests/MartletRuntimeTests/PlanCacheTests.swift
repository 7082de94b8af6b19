import MartletCPU
import MartletGraph
import MartletTensor
import MartletTesting
import Testing

@testable import MartletRuntime

@Suite("Plan cache")
struct PlanCacheTests {
    private func makePlan() throws -> Plan {
        let backend = CPUBackend.shared
        var lowering = Lowering(argumentCount: 0, backend: backend)
        let type = TensorType([2, 3], .float32)
        let realized = Realized(buffer: try backend.allocate(byteCount: type.byteCount))
        let leaf = lowering.addLeaf(0, type, realized)
        let sum = lowering.lower(.reduce(Reduce(.sum, [0])), [leaf], [TensorType([3], .float32)], arguments: [])
        let kept = sum.map { lowering.kept($0) }
        return try Planner.plan(lowering.graph, kept: kept, backend: backend)
    }

    private func key(_ number: Int) -> KeyWriter {
        var key = KeyWriter()
        key.write(number)
        return key
    }

    @Test("Plans beyond the bound in bytes are dropped, those used last are kept")
    func bound() throws {
        let plan = try makePlan()
        #expect(plan.byteCount > 500)
        let cache = PlanCache(byteBound: 20 * (plan.byteCount + MemoryLayout<UInt64>.stride))
        for number in 0..<200 {
            _ = try cache.plan(for: key(number)) { plan }
            // This one is met again and again.
            _ = try cache.plan(for: key(0)) { plan }
        }
        let counts = cache.counts
        #expect(counts.made == 200)
        #expect(counts.made - counts.evicted <= 20)
        #expect(counts.hit == 200)
    }
}
