import MartletTensor
import Synchronization
import Testing

/// Memory lent by the user, and memory that is used again.
struct MemoryTests {
    private func address(of tensor: Tensor) throws -> UnsafeRawPointer? {
        try tensor.withUnsafeBytes { $0.baseAddress }
    }

    @Test func borrowedMemoryIsReadWhereItLiesAndGivenBack() throws {
        let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: 6)
        defer { memory.deallocate() }
        for index in memory.indices { memory[index] = Float(index) }
        let base = UnsafeMutableRawPointer(memory.baseAddress!)
        final class Count: Sendable { let value = Atomic(0) }
        let released = Count()
        do {
            let x = Tensor(borrowing: base, shape: [2, 3], dtype: .float32) {
                released.value.add(1, ordering: .relaxed)
            }
            #expect(try address(of: x) == UnsafeRawPointer(base))
            #expect(try address(of: x[1]) == UnsafeRawPointer(base + 12))
            #expect((x * 2).array() == [0, 2, 4, 6, 8, 10])
            #expect(released.value.load(ordering: .relaxed) == 0)
        }
        #expect(released.value.load(ordering: .relaxed) == 1)
    }

    @Test func borrowedMemoryIsNeverWrittenThoughNobodyElseHoldsIt() {
        let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: 4)
        defer { memory.deallocate() }
        for index in memory.indices { memory[index] = 1 }
        guard let base = memory.baseAddress else { return }
        var x = Tensor(borrowing: UnsafeMutableRawPointer(base), shape: [4], dtype: .float32)
        for _ in 0..<3 {
            x = x + 1
            x[0] = Tensor(9)
            _ = x.array()
        }
        #expect(x.array() == [9, 4, 4, 4])
        #expect(memory.allSatisfy { $0 == 1 })
    }

    @Test func assignmentWorksInPlaceWhereTheOldValueIsGone() throws {
        var z = Tensor.arange(1000) + 1
        let first = try address(of: z)
        z[0] = Tensor(-1)
        #expect(try address(of: z) == first)
        z[10..<20] = Tensor(0)
        #expect(try address(of: z) == first)
        #expect(z[..<12].array() == [-1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0])
        // Somebody else holds it: a copy.
        let old = z
        z[1] = Tensor(7)
        #expect(try address(of: z) != first)
        #expect(try address(of: old) == first)
        #expect(old[1].item() == 2)
        #expect(z[1].item() == 7)
    }
}
