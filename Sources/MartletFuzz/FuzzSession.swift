import Foundation
import MartletGraph
import MartletRuntime
import MartletTesting

/// A run over many seeds; it ends at the count, at the time, or after five failures.
final class FuzzSession: @unchecked Sendable {
    private let options: FuzzOptions
    private let lock = Lock()
    // Touched under the lock.
    private var next: UInt64
    private var done = 0
    private var failures: [UInt64] = []
    private let start = Date()

    init(_ options: FuzzOptions) {
        self.options = options
        next = options.seed
    }

    /// True where nothing failed.
    func run() -> Bool {
        if options.prints {
            print(FuzzGenerator.script(seed: options.seed))
            return true
        }
        let group = DispatchGroup()
        for _ in 0..<options.threads {
            group.enter()
            let thread = Thread { [self] in
                while let seed = draw() { check(seed) }
                group.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        group.wait()
        let counts = PlanCache.shared.counts
        print(
            "seeds \(options.seed) to \(next - 1): \(done) graphs, \(failures.count) failures, "
                + "\(counts.made) plans made, \(counts.hit) hit, \(counts.evicted) evicted, "
                + String(format: "%.1f s", Date().timeIntervalSince(start)))
        for seed in failures.sorted() { options.passes.around(seed: seed) { report(seed) } }
        return failures.isEmpty
    }

    private func draw() -> UInt64? {
        lock.withLock {
            let late = options.seconds.map { Date().timeIntervalSince(start) >= $0 } ?? false
            let limit = options.count ?? (options.seconds == nil ? 1000 : Int.max)
            guard done < limit, !late, failures.count < 5 else { return nil }
            done += 1
            next += 1
            return next - 1
        }
    }

    private func check(_ seed: UInt64) {
        let words = options.passes.around(seed: seed) { FuzzCheck.failure(of: FuzzGenerator.script(seed: seed)) }
        if words != nil { lock.withLock { failures.append(seed) } }
    }

    private func report(_ seed: UInt64) {
        let script = FuzzGenerator.script(seed: seed)
        let (option, meaning) = options.passes.words(seed)
        guard let words = FuzzCheck.failure(of: script) else {
            print("seed \(seed) failed beside other threads and not alone: run it again with --threads 2")
            return
        }
        print("seed \(seed) (\(script.isExact ? "exact" : "smooth"))\(meaning): \(words)")
        let small = FuzzMinimizer.minimized(script)
        print(FuzzCheck.failure(of: small) ?? "")
        print(small)
        print("again: martlet-fuzz --seed \(seed) --count 1\(option)")
    }
}
