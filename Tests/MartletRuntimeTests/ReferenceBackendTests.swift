import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

@Suite("The reference backend")
struct ReferenceBackendTests {
    @Test(
        "A hundred random programs on it, and on it and the processor in turn: the rules' numbers, and the same bits wherever they are cut",
        arguments: [[.reference], [.reference, .cpu]] as [[Device]])
    func programs(devices: [Device]) {
        var failures: [String] = []
        for seed in 1001...1100 as ClosedRange<UInt64> {
            let script = FuzzGenerator.script(seed: seed)
            guard let words = FuzzCheck.failure(of: script, on: devices) else { continue }
            failures.append("seed \(seed): \(words)")
        }
        #expect(failures.isEmpty, "\(failures.prefix(5).joined(separator: "\n"))")
    }

    @Test("Each operation is a step of its own, and composites run as their bodies")
    func unfused() throws {
        let program = try program(on: .reference)
        #expect(program.descriptions.map(\.name) == ["fused(multiply)", "fused(add)", "fused(tanh)", "fused(sum)"])
        #expect(try self.program(on: .cpu).descriptions.map(\.name) == ["fused(multiply add tanh sum)"])
    }

    private func program(on device: Device) throws -> Program {
        Runtime.start()
        let trace = Recording(transformation: "compile")
        defer { trace.discard() }
        let (input, output) = Recording.with(trace) {
            let x = Value.placeholder(TensorType([2, 3], .float32), device: device)
            return (x, (x * 2 + 1).applying(.tanh).reduced(.sum, [0, 1]))
        }
        return try Program(inputs: [input], outputs: [output], trace: trace, device: .cpu)
    }

    @Test("Its memory cannot be read as the host's")
    func opaqueMemory() throws {
        let buffer = try ReferenceBackend.shared.allocate(byteCount: 16)
        #expect(buffer.device == .reference)
        #expect(UInt(bitPattern: buffer.address) >> 62 & 1 == 1)
        var (sent, received) = (41, 0)
        try ReferenceBackend.shared.copyFromHost(&sent, buffer.address + 8, byteCount: 8)
        try ReferenceBackend.shared.copyToHost(buffer.address + 8, &received, byteCount: 8)
        #expect(received == 41)
    }
}
