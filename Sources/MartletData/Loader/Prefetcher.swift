import Foundation
import MartletTensor

/// Workers that read an epoch's batches ahead of the loop, a bounded number at a time, and hand them out in order.
///
/// A worker takes the next number that lies less than `depth` ahead of the loop, reads that batch without holding the
/// lock, and puts it in its place. Workers end when the batches or the prefetcher's `Lease` do.
///
/// `@unchecked Sendable`: all that changes is touched under `lock` only.
final class Prefetcher: @unchecked Sendable {
    private let plan: EpochPlan
    private let depth: Int
    private let lock = Lock()
    private let changed = Condition()
    private var ready: [Int: EpochPlan.Outcome] = [:]
    private var nextToRead: Int
    private var nextToDeliver: Int
    private var isCancelled = false

    /// Ends the workers when the loop drops it.
    final class Lease {
        let prefetcher: Prefetcher

        /// Starts `workers` threads on the batches from `first` on.
        init(_ plan: EpochPlan, from first: Int, workers: Int, depth: Int) {
            prefetcher = Prefetcher(plan, from: first, depth: depth)
            for _ in 0..<min(workers, max(0, plan.count - first)) {
                Thread.detachNewThread { [prefetcher] in prefetcher.work() }
            }
        }

        deinit { prefetcher.cancel() }
    }

    private init(_ plan: EpochPlan, from first: Int, depth: Int) {
        self.plan = plan
        self.depth = depth
        nextToRead = first
        nextToDeliver = first
    }

    /// The next batch in order, waited for; nil after the last.
    func next() -> EpochPlan.Outcome? {
        lock.withLock {
            guard nextToDeliver < plan.count else { return nil }
            while ready[nextToDeliver] == nil { changed.wait(lock) }
            defer {
                nextToDeliver += 1
                changed.broadcast()
            }
            return ready.removeValue(forKey: nextToDeliver)
        }
    }

    private func cancel() {
        lock.withLock {
            isCancelled = true
            ready = [:]
            changed.broadcast()
        }
    }

    private func work() {
        // The training step has the cores first. On Linux the call concerns the calling thread alone.
        setpriority(numericCast(PRIO_PROCESS.rawValue), 0, 19)
        while let number = take() {
            let outcome = plan.read(number)
            lock.withLock {
                if !isCancelled { ready[number] = outcome }
                changed.broadcast()
            }
        }
    }

    /// The next number to read, waited for until the loop has come near enough; nil where there is no more to do.
    private func take() -> Int? {
        lock.withLock {
            while !isCancelled, nextToRead < plan.count, nextToRead >= nextToDeliver + depth { changed.wait(lock) }
            guard !isCancelled, nextToRead < plan.count else { return nil }
            defer { nextToRead += 1 }
            return nextToRead
        }
    }
}
