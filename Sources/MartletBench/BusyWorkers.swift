import Foundation
import Martlet
import Synchronization

/// Two loader workers that compute without end while a row is measured: a sample is ready when the row is done.
final class BusyWorkers {
    private let data = SpinningSamples()
    private let iterator: DataLoader.Iterator

    init() {
        let loader = DataLoader(data, batchSize: 1, workers: 2)
        iterator = loader.makeIterator()
        // The workers start with the iterator; the row begins when both are at it.
        while data.running.load(ordering: .relaxed) < 2 { usleep(1000) }
    }

    deinit { data.isDone.store(true, ordering: .relaxed) }
}

private final class SpinningSamples: Dataset, Sendable {
    let count = 64
    let isDone = Atomic<Bool>(false)
    let running = Atomic<Int>(0)

    subscript(index: Int) -> Sample {
        get throws {
            running.add(1, ordering: .relaxed)
            while !isDone.load(ordering: .relaxed) {}
            return Sample(inputs: Tensor(0), label: Tensor(0))
        }
    }
}
