import Foundation
import MartletTesting
import Testing

@testable import MartletTensor

/// What the profiler sees. Other tests of this process would be seen too, so most are processes of their own.
@Suite("The profiler")
struct ProfilerTests {
    private static func numbers(_ sizes: Int...) -> Tensor {
        let tensor = Tensor.randn(Shape(sizes))
        _ = tensor[0, 0].item()
        return tensor
    }

    @Test("Each kernel has its shapes, operations and bytes, and stands within its plan's run")
    func kernels() async {
        await #expect(processExitsWith: .success) {
            let (a, b) = (ProfilerTests.numbers(64, 32), ProfilerTests.numbers(32, 16))
            let profile = Profiler.record { for _ in 0..<3 { _ = matmul(a, b).sum().item() } }
            let events = profile.events
            let products = events.filter { $0.name == "matmul" }
            #expect(products.count == 3)
            for product in products {
                #expect(product.shapes == "64×32, 32×16 → 64×16")
                #expect(product.flops == 2 * 64 * 32 * 16)
                #expect(product.bytes == 4 * (64 * 32 + 32 * 16 + 64 * 16))
                #expect(product.seconds > 0)
                #expect(
                    events.contains {
                        $0.kind == .run && $0.start <= product.start
                            && product.start + product.seconds <= $0.start + $0.seconds + 1e-9
                    })
            }
            #expect(profile.planCount == 1 && profile.runCount == 3)
            #expect(zip(events, events.dropFirst()).allSatisfy { $0.start <= $1.start })
        }
    }

    @Test("Kernels, dispatch, planning and recording are the whole time of the one thread there is")
    func totals() async {
        await #expect(processExitsWith: .success) {
            let x = ProfilerTests.numbers(64, 64)
            let profile = Profiler.record {
                for _ in 0..<5 { _ = matmul(x, x).sum().item() }
                usleep(20_000)
            }
            let parts =
                profile.kernelSeconds + profile.dispatchSeconds + profile.planningSeconds + profile.recordingSeconds
            #expect(abs(parts - profile.seconds) < 1e-6)
            #expect(profile.recordingSeconds >= 0.02)
            #expect(profile.kernelSeconds > 0 && profile.planningSeconds > 0 && profile.dispatchSeconds > 0)
        }
    }

    @Test("Afterwards nobody listens: later runs are not added, and layers are as unwatched as before")
    func ending() async {
        await #expect(processExitsWith: .success) {
            let x = ProfilerTests.numbers(8, 8)
            #expect(!Profiler.namesLayers)
            var inner: Profile?
            let outer = Profiler.record {
                #expect(Profiler.namesLayers)
                inner = Profiler.record { _ = (x + 1).sum().item() }
                #expect(Profiler.namesLayers)
                _ = (x + 2).sum().item()
            }
            _ = (x + 3).sum().item()
            #expect(!Profiler.namesLayers)
            #expect(inner?.runCount == 1 && outer.runCount == 2)
            Profiler.namesLayers = true
            _ = Profiler.record {}
            #expect(Profiler.namesLayers)
        }
    }

    @Test("A body that throws ends the recording")
    func throwing() async {
        struct Failure: Error {}
        await #expect(processExitsWith: .success) {
            #expect(throws: Failure.self) { _ = try Profiler.record { throw Failure() } }
            #expect(!Profiler.namesLayers)
        }
    }

    @Test("Kernels that the runner thread calls are that thread's, their run is the asking one's")
    func runner() async {
        await #expect(processExitsWith: .success) {
            let x = ProfilerTests.numbers(256, 256)
            _ = matmul(x, x).sum().item()
            let profile = Profiler.record {
                let thread = Thread { _ = matmul(x, x).sum().item() }
                thread.start()
                while !thread.isFinished { usleep(1000) }
            }
            let events = profile.events
            let product = events.first { $0.name == "matmul" }
            let run = events.first { $0.kind == .run }
            #expect(run != nil && run?.thread != 0)
            #expect(product != nil && product?.thread != run?.thread && product?.thread != 0)
        }
    }

    @Test("The peak is that of the pool while it recorded")
    func peak() async {
        await #expect(processExitsWith: .success) {
            _ = ProfilerTests.numbers(2048, 1024).sum().item()
            let profile = Profiler.record { _ = (Tensor.randn([512, 1024]) * 2).array().count }
            #expect(profile.peakByteCount >= 4 * 512 * 1024)
            #expect(profile.peakByteCount < 4 * 2048 * 1024)
        }
    }

    @Test("Calls on the same shapes make one row, other shapes another; the costliest comes first")
    func rows() async {
        await #expect(processExitsWith: .success) {
            let (small, large) = (ProfilerTests.numbers(8, 8), ProfilerTests.numbers(512, 512))
            let profile = Profiler.record {
                for _ in 0..<4 { _ = matmul(small, small).array() }
                _ = matmul(large, large).array()
            }
            let rows = profile.rows()
            #expect(rows.map(\.calls) == [1, 4])
            #expect(rows[0].flops == 2 << 27 && rows[1].flops == 4 * 1024)
            #expect(rows.reduce(0) { $0 + $1.seconds } == profile.kernelSeconds)
            #expect(profile.rows(by: .layer).map(\.calls) == [5])
            let table = profile.table(limit: MachineLimit(flopsPerSecond: 1e11, bytesPerSecond: 1e10))
            #expect(table.contains("512×512, 512×512 → 512×512"))
            // Each row has what its calls touched: two operands and a result of float32, once or four times.
            #expect(table.contains("3.1 MB") && table.contains("3.1 kB"))
            #expect(table.split(separator: "\n").allSatisfy { $0.count <= 100 })
            #expect(table.contains("compute"))
            #expect(profile.table(top: 1, limit: MachineLimit(flopsPerSecond: 1, bytesPerSecond: 1)).contains("1 more"))
        }
    }

    @Test("The roofline: the slower of arithmetic and traffic is the limit")
    func roofline() {
        let limit = MachineLimit(flopsPerSecond: 100, bytesPerSecond: 10)
        #expect(limit.ridge == 10)
        #expect(limit.seconds(flops: 200, bytes: 10) == 2)
        #expect(limit.isComputeBound(flops: 200, bytes: 10))
        #expect(limit.seconds(flops: 50, bytes: 10) == 1)
        #expect(!limit.isComputeBound(flops: 50, bytes: 10))
        #expect(limit.seconds(flops: 200, bytes: 10, dtype: .float64) == 4)
    }

    @Test("This machine has a limit")
    func measured() {
        let limit = MachineLimit.measured
        #expect(limit.flopsPerSecond > 1e8 && limit.flopsPerSecond < 1e15)
        #expect(limit.bytesPerSecond > 1e7 && limit.bytesPerSecond < 1e13)
    }

    @Test("The trace is JSON in order, what a thread's events contain ends within them, and names are escaped")
    func trace() async throws {
        await #expect(processExitsWith: .success) {
            let x = ProfilerTests.numbers(128, 128)
            let profile = Profiler.record {
                for _ in 0..<3 { _ = relu(matmul(x, x)).sum().item() }
                let thread = Thread { _ = matmul(x, x).sum().item() }
                thread.start()
                while !thread.isFinished { usleep(1000) }
            }
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("trace-\(UUID()).json").path
            try profile.write(trace: path)
            defer { try? FileManager.default.removeItem(atPath: path) }
            let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
            let list = try #require((object as? [String: Any])?["traceEvents"] as? [[String: Any]])
            let spans = list.filter { $0["ph"] as? String == "X" }.map { TraceSpan($0) }
            #expect(spans.count == profile.events.count)
            #expect(list.count { $0["ph"] as? String == "M" } == 1 + Set(spans.map(\.thread)).count)
            #expect(zip(spans, spans.dropFirst()).allSatisfy { $0.start <= $1.start })
            for thread in Set(spans.map(\.thread)) {
                var open: [TraceSpan] = []
                for span in spans where span.thread == thread {
                    while let last = open.last, last.end <= span.start { open.removeLast() }
                    if let last = open.last { #expect(span.end <= last.end, "\(span) crosses \(last)") }
                    open.append(span)
                }
            }
            let product = try #require(list.first { $0["name"] as? String == "matmul" }?["args"] as? [String: Any])
            #expect(product["flops"] as? Int == 2 << 21)
            #expect(product["shapes"] as? String == "128×128, 128×128 → 128×128")
        }
        for text in ["plain", "a \"quoted\" \\ name", "tab\tnew\nline\u{1}", "×→é"] {
            let parsed = try JSONSerialization.jsonObject(
                with: Data(Profile.quoted(text).utf8), options: .fragmentsAllowed)
            #expect(parsed as? String == text)
        }
    }

    @Test("A trace that cannot be written says where and why")
    func unwritable() {
        let profile = Profiler.record {}
        let error = #expect(throws: TraceFileError.self) { try profile.write(trace: "/nowhere/at/all.json") }
        #expect(error?.path == "/nowhere/at/all.json")
        #expect(error?.reason == "No such file or directory")
    }

    @Test("Numbers are printed with the digits that were asked for")
    func digits() {
        #expect(1.0005.text(3) == "1.001" && 12.0.text(0) == "12" && (-0.25).text(1) == "-0.3")
        #expect(0.05.text(2) == "0.05" && (-0.0001).text(2) == "0.00")
        for (bytes, text) in [
            (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
            (12_345_678, "12.3 MB"), (5_000_000_000, "5.0 GB"), (Int.max, "9.2 EB"),
        ] {
            #expect(Profile.traffic(bytes) == text)
        }
    }

    @Test("A kernel that fails ends its run's record where it failed")
    func failure() async {
        await #expect(processExitsWith: .success) {
            let backend = FailingBackend.install()
            let x = Tensor.ones([4, 4], dtype: .float32)
            _ = x.sum().item()
            let profile = Profiler.record {
                backend.fail(.kernel, after: 1)
                _ = try? matmul(x + 1, x).cumulativeSum(axis: 0).withUnsafeBytes { $0.count }
            }
            #expect(profile.runCount == 1)
            #expect(profile.events.count { $0.kind == .kernel } == 1)
        }
    }
}

/// A complete event of a trace.
private struct TraceSpan {
    let thread: Int
    /// Nanoseconds.
    let start: Int
    let end: Int

    init(_ event: [String: Any]) {
        func nanoseconds(_ key: String) -> Int { Int(((event[key] as? NSNumber)?.doubleValue ?? -1) * 1e3 + 0.5) }
        thread = (event["tid"] as? NSNumber)?.intValue ?? -1
        start = nanoseconds("ts")
        end = start + nanoseconds("dur")
    }
}
