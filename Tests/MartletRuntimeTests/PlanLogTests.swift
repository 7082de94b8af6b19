import Foundation
import MartletGraph
import MartletTensor
import Testing

@Suite("The plan log")
struct PlanLogTests {
    @Test("Each plan is printed with its kernels, bytes and what variables hold, and the totals at the end")
    func plans() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            setenv("MARTLET_LOG", "plan", 1)
            let x = Tensor([[1, 2], [3, 4]])
            let held = x * 2
            for _ in 0..<3 { _ = (held + 1).sum().item() }
            withExtendedLifetime((x, held)) {}
            // The totals are printed by a process that ends in order.
            exit(0)
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(
            text.contains(
                "plan 1: 1 kernels, 0 of them copies or reorders, 0 that pack or unpack weights in every run, "
                    + "0 bytes of temporaries, 20 bytes of results"))
        #expect(text.contains("kept for a variable: multiply [2, 2] float32, sum [] float32"))
        #expect(text.contains("0: fused(multiply add sum) [2, 2] float32"))
        #expect(text.contains("plans: 2 made, 1 met again, 0 dropped"))
        #expect(!text.contains("warning"))
    }

    @Test("A loop whose shapes change every turn is warned of, with the shapes")
    func loop() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            setenv("MARTLET_LOG", "plan", 1)
            for length in 1...20 { _ = Tensor([Float](repeating: 1, count: length)).exp().sum().item() }
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("warning: these kernels were planned 16 times"))
        #expect(text.contains("[15] float32"))
        #expect(text.contains("[16] float32"))
    }

    @Test("Nothing is printed unless it is asked for")
    func silence() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            unsetenv("MARTLET_LOG")
            _ = Tensor.ones([3]).sum().item()
        }
        #expect(result.standardErrorContent.isEmpty)
    }
}
