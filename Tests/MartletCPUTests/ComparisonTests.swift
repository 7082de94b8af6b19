import MartletGraph
import MartletTesting
import Testing

@Suite("Comparison with the reference")
struct ComparisonTests {
    @Test("A result that differs is reported for every device and layout")
    func reports() {
        let input = HostArray(TensorType([2, 3], .float32), real: [1, 2, 3, 4, 5, 6])
        var calls = 0
        let failures = BackendComparison("identity", [input]) { values throws(ShapeError) in
            calls += 1
            return [calls == 1 ? values[0] : values[0].permuted([0, 1]) + (calls > 1 ? 1e-6 : 0)]
        }.failures(.exact)
        #expect(failures.count == HostMemory.layoutCount * BackendComparison.devices.count)
        #expect(failures.contains { $0.contains("on reference") }, "\(failures)")
        #expect(failures.first?.contains("element 0 is 1.0000009") ?? false, "\(failures)")
    }
}
