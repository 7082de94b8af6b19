#if canImport(Glibc)
    import Foundation
    import Glibc
    import MartletTensor
    import Synchronization
    import Testing

    /// What a kernel keeps for a thread goes with the thread: a loader starts threads in every epoch, a server with each request.
    @Suite("Memory of threads")
    struct ThreadMemoryTests {
        /// Bytes that malloc has of the system, in all its arenas and mappings.
        private static func systemBytes() -> Int {
            var (text, size) = (UnsafeMutablePointer<CChar>?.none, 0)
            // Swift's Glibc module leaves malloc.h out.
            typealias Info = @convention(c) (CInt, UnsafeMutablePointer<FILE>) -> CInt
            guard let symbol = dlsym(nil, "malloc_info"), let stream = open_memstream(&text, &size) else { return 0 }
            _ = unsafeBitCast(symbol, to: Info.self)(0, stream)
            fclose(stream)
            defer { free(text) }
            let report = text.map { String(cString: $0) } ?? ""
            // The last `system` is that of all arenas; mappings are counted by `mmap`.
            let numbers = report.split(separator: "\n").filter {
                $0.hasPrefix("<system type=\"current\"") || $0.hasPrefix("<total type=\"mmap\"")
            }.compactMap { line in
                line.range(of: "size=\"").flatMap { Int(line[$0.upperBound...].prefix { $0.isNumber }) }
            }
            return numbers.suffix(2).reduce(0, +)
        }

        /// One after another, threads that compute and end.
        private static func compute(threads: Int) {
            for _ in 0..<threads {
                let done = DispatchSemaphore(value: 0)
                Thread.detachNewThread {
                    let x = Tensor([1, 2, 3, 4] as [Float])
                    let found: Float = (x * 2 + 1).exp().sum().item()
                    precondition(found > 0)
                    done.signal()
                }
                done.wait()
            }
        }

        /// Threads that record what nobody reads, or what is let go of when they have ended.
        private static func record(threads: Int, keeping: Bool) {
            let kept = Mutex<[Tensor]>([])
            for _ in 0..<threads {
                let done = DispatchSemaphore(value: 0)
                Thread.detachNewThread {
                    let doubled = Tensor([Float](repeating: 1, count: 1 << 18), shape: [1 << 18]) * 2
                    if keeping { kept.withLock { $0.append(doubled) } }
                    done.signal()
                }
                done.wait()
            }
            let last = kept.withLock { $0.last }
            precondition(last.map { $0[0].item() == 2 as Float } ?? true)
        }

        @Test("what a thread recorded and nobody read goes with it", arguments: [false, true])
        func unread(keeping: Bool) async {
            await #expect(processExitsWith: .success) { [keeping] in
                ThreadMemoryTests.record(threads: 20, keeping: keeping)
                let before = ThreadMemoryTests.systemBytes()
                for _ in 0..<5 { ThreadMemoryTests.record(threads: 40, keeping: keeping) }
                let grown = ThreadMemoryTests.systemBytes() - before
                // A megabyte a thread: 200 MB; forty of them are held at a time.
                #expect(before > 0 && grown < 90 << 20, "\(before) bytes, grown by \(grown)")
            }
        }

        /// In a process of its own: what other tests take and give back would hide it.
        @Test("threads that have ended leave none behind")
        func ended() async {
            await #expect(processExitsWith: .success) {
                ThreadMemoryTests.compute(threads: 50)
                let before = ThreadMemoryTests.systemBytes()
                ThreadMemoryTests.compute(threads: 400)
                let grown = ThreadMemoryTests.systemBytes() - before
                // Kept tiles alone were 275 KB a thread: 110 MB.
                #expect(before > 0 && grown < 40 << 20, "\(before) bytes, grown by \(grown)")
            }
        }
    }
#endif
