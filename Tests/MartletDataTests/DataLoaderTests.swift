import Foundation
import MartletData
import MartletTensor
import Testing

@Suite struct DataLoaderTests {
    @Test func `An epoch without shuffling gives every sample in order`() throws {
        let loader = DataLoader(try rows(), batchSize: 4)
        let batches = Array(loader)
        #expect(loader.count == 3)
        #expect(batches.map(\.indices) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
        #expect(batches.map(\.inputs.shape) == [[4, 3], [4, 3], [2, 3]])
        #expect(batches[1].inputs.array() == [4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7])
        #expect(batches[1].labels.dtype == .int64)
        #expect(batches[1].labels.array(as: Int.self) == [0, 1, 2, 3])
    }

    @Test func `dropLast leaves out a batch that is not full, and no other`() throws {
        let dropping = DataLoader(try rows(), batchSize: 4, dropLast: true)
        #expect(dropping.count == 2)
        #expect(Array(dropping).map(\.count) == [4, 4])
        #expect(Array(DataLoader(try rows(), batchSize: 5, dropLast: true)).map(\.count) == [5, 5])
    }

    @Test func `An empty data set gives no batch`() {
        let loader = DataLoader(Numbered(count: 0), batchSize: 4, workers: 2)
        #expect(loader.count == 0)
        #expect(Array(loader).isEmpty)
        #expect(Array(loader.repeated().prefix(3)).isEmpty)
    }

    @Test func `Shuffled epochs hold every sample once, each in an order of its own`() throws {
        let loader = DataLoader(try rows(100), batchSize: 7, shuffle: true, seed: 3)
        let orders = (0..<3).map { _ in loader.flatMap(\.indices) }
        for order in orders { #expect(order.sorted() == Array(0..<100)) }
        #expect(Set(orders).count == 3)
    }

    @Test func `Without a seed the order follows manualSeed`() throws {
        func order(_ seed: UInt64) throws -> [Int] {
            try withGenerator(seed: seed) { DataLoader(try rows(50), batchSize: 8, shuffle: true).flatMap(\.indices) }
        }
        #expect(try order(1) == order(1))
        #expect(try order(1) != order(2))
    }

    @Test(arguments: [1, 2, 5]) func `Any number of workers gives the same batches and random numbers`(workers: Int) {
        let alone = DataLoader(Numbered(count: 61), batchSize: 8, shuffle: true, seed: 9)
        let helped = DataLoader(Numbered(count: 61), batchSize: 8, shuffle: true, workers: workers, seed: 9)
        for _ in 0..<3 { #expect(epoch(alone) == epoch(helped)) }
    }

    @Test func `A sample's random numbers differ from epoch to epoch and from sample to sample`() {
        let loader = DataLoader(Numbered(count: 20), batchSize: 20, seed: 1)
        let drawn = (0..<2).flatMap { _ in loader.flatMap { $0.inputs[.all, 1].array() } }
        #expect(Set(drawn).count == 40)
    }

    @Test func `A loop left early starts the next epoch the next time`() throws {
        let loader = DataLoader(try rows(40), batchSize: 4, shuffle: true, workers: 2, seed: 5)
        let whole = DataLoader(try rows(40), batchSize: 4, shuffle: true, seed: 5)
        _ = loader.first { _ in true }
        _ = epoch(whole)
        #expect(epoch(loader) == epoch(whole))
    }

    @Test func `Repeated epochs go on in new orders and stop where prefix says`() throws {
        let loader = DataLoader(try rows(), batchSize: 4, shuffle: true, seed: 2)
        let batches = Array(loader.repeated().prefix(8))
        #expect(batches.map(\.count) == [4, 4, 2, 4, 4, 2, 4, 4])
        #expect(batches[0..<3].flatMap(\.indices).sorted() == Array(0..<10))
        #expect(batches[0..<3].flatMap(\.indices) != batches[3..<6].flatMap(\.indices))
    }

    @Test(arguments: [0, 2]) func `A loader resumed in mid-epoch gives the batches that would have followed`(
        workers: Int
    ) throws {
        func loader(seed: UInt64) -> DataLoader {
            DataLoader(Numbered(count: 30), batchSize: 4, shuffle: true, workers: workers, seed: seed)
        }
        let first = loader(seed: 7)
        for stop in [1, 5, 8, 9, 20] {
            let running = first.repeated().makeIterator()
            var iterator = running
            for _ in 0..<stop { _ = iterator.next() }
            let kept = try JSONDecoder().decode(DataLoader.State.self, from: JSONEncoder().encode(first.state))
            let second = loader(seed: 1234)
            try second.resume(from: kept)
            let rest = (0..<10).compactMap { _ in iterator.next() }
            #expect(epoch(rest) == epoch(Array(second.repeated().prefix(10))))
        }
    }

    @Test func `State from a loader of another size is refused`() throws {
        let state = DataLoader(Numbered(count: 30), batchSize: 4).state
        let error = #expect(throws: DataError.self) {
            try DataLoader(Numbered(count: 31), batchSize: 4).resume(from: state)
        }
        #expect(error?.field == "state")
    }

    @Test(arguments: [0, 3]) func `An error ends the epoch before its batch, and finish throws it once`(workers: Int)
        throws
    {
        let loader = DataLoader(Numbered(count: 20, broken: [13]), batchSize: 5, workers: workers)
        #expect(loader.map(\.indices) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]])
        #expect(throws: Numbered.Broken(index: 13)) { try loader.finish() }
        try loader.finish()
    }

    @Test(arguments: [0, 3]) func `Skipping leaves out what cannot be read and names it`(workers: Int) throws {
        let loader = DataLoader(
            Numbered(count: 12, broken: [1, 4, 5, 6, 7]), batchSize: 4, workers: workers, onError: .skip)
        #expect(loader.map(\.indices) == [[0, 2, 3], [8, 9, 10, 11]])
        #expect(loader.skipped.map(\.index) == [1, 4, 5, 6, 7])
        try loader.finish()
    }

    @Test func `Samples that do not stack are an error that names the index`() throws {
        struct Ragged: Dataset {
            let count = 4
            subscript(index: Int) -> Sample { Sample(inputs: Tensor.zeros([index < 2 ? 3 : 4]), label: Tensor(0)) }
        }
        let loader = DataLoader(Ragged(), batchSize: 4)
        #expect(Array(loader).isEmpty)
        let error = #expect(throws: DataError.self) { try loader.finish() }
        #expect(error?.index == 2)
        #expect(error?.field == "inputs")
    }
}
