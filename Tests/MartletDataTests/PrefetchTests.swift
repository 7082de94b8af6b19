import Foundation
import MartletData
import MartletTensor
import Testing

/// Counts reads, and tells the priority of the thread that made them.
private final class Watched: Dataset, @unchecked Sendable {
    let count = 1000
    private let lock = NSLock()
    private var reads = 0
    private var priorities: Set<Int32> = []

    subscript(index: Int) -> Sample {
        lock.withLock {
            reads += 1
            priorities.insert(getpriority(numericCast(PRIO_PROCESS.rawValue), 0))
        }
        return Sample(inputs: Tensor(Float(index)), label: Tensor(0))
    }

    var seen: (reads: Int, priorities: Set<Int32>) { lock.withLock { (reads, priorities) } }
}

@Suite struct PrefetchTests {
    @Test func `Workers read ahead by a bounded number of batches, at the lowest priority`() throws {
        let data = Watched()
        let loader = DataLoader(data, batchSize: 10, workers: 2)
        let iterator = loader.makeIterator()
        _ = iterator.next()
        // One batch was taken and four may be ahead of it; wait until the workers stand still.
        var (last, still) = (-1, 0)
        while still < 5 {
            usleep(20_000)
            still = data.seen.reads == last ? still + 1 : 0
            last = data.seen.reads
        }
        #expect(data.seen.reads == 50)
        #expect(data.seen.priorities == [19])
        #expect(getpriority(numericCast(PRIO_PROCESS.rawValue), 0) != 19)
        withExtendedLifetime(iterator) {}
    }

    @Test func `Workers end when the loop is left`() throws {
        let data = Watched()
        for _ in 0..<20 { _ = DataLoader(data, batchSize: 10, workers: 3).first { _ in true } }
        usleep(200_000)
        let settled = data.seen.reads
        usleep(200_000)
        #expect(data.seen.reads == settled)
        #expect(settled < 20 * 100)
    }
}
