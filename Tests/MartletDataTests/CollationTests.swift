import MartletData
import MartletTensor
import Testing

@Suite struct CollationTests {
    @Test func `Unequal samples are filled up, and their lengths are told`() throws {
        let loader = DataLoader(Ragged(count: 5), batchSize: 3, collation: .padded(value: -7))
        let batches = Array(loader)
        #expect(batches.map(\.inputs.shape) == [[3, 3], [2, 5]])
        let lengths = try #require(batches[0].lengths)
        #expect(lengths.dtype == .int64)
        #expect(lengths.array() == [1, 2, 3])
        let numbers = batches[0].inputs.array()
        #expect(numbers[1] == -7 && numbers[2] == -7 && numbers[5] == -7)
        #expect([numbers[0], numbers[3], numbers[4], numbers[6], numbers[7], numbers[8]].allSatisfy { $0 >= 0 })
        #expect(batches[0].labelLengths?.array() == [1, 1, 1])
    }

    @Test func `Every axis is filled up, of labels too`() throws {
        struct Boxes: Dataset {
            let count = 2
            subscript(index: Int) -> Sample {
                let numbers = (0..<6).map { Float($0 + 10 * index) }
                return Sample(
                    inputs: Tensor(numbers, shape: index == 0 ? [1, 2, 3] : [2, 3, 1]),
                    label: Tensor([Int](repeating: index, count: index + 1)))
            }
        }
        let batch = try #require(
            DataLoader(Boxes(), batchSize: 2, collation: .padded(labelValue: -100)).first { _ in true })
        #expect(batch.inputs.shape == [2, 2, 3, 3])
        #expect(
            batch.inputs.array() == [
                0, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                10, 0, 0, 11, 0, 0, 12, 0, 0, 13, 0, 0, 14, 0, 0, 15, 0, 0,
            ])
        #expect(batch.labels.array(as: Int.self) == [0, -100, 1, 1])
        #expect(batch.labelLengths?.array() == [1, 2])
    }

    @Test func `Samples of another rank do not go together even padded`() throws {
        struct Ranks: Dataset {
            let count = 2
            subscript(index: Int) -> Sample {
                Sample(inputs: Tensor.zeros(index == 0 ? [2] : [1, 2]), label: Tensor(0))
            }
        }
        let loader = DataLoader(Ranks(), batchSize: 2, collation: .padded())
        #expect(Array(loader).isEmpty)
        let error = #expect(throws: DataError.self) { try loader.finish() }
        #expect(error?.index == 1)
    }

    @Test(arguments: [0, 2]) func `A batch's random numbers follow from seed, epoch and number`(workers: Int) throws {
        func epochs(_ workers: Int) throws -> [[Float]] {
            let loader = DataLoader(try rows(), batchSize: 4, workers: workers, seed: 5, batchTransform: Noise())
            return (0..<2).map { _ in loader.map { $0.inputs[0, 0].item() } }
        }
        let drawn = try epochs(workers)
        #expect(try epochs(0) == drawn)
        #expect(Set(drawn.flatMap { $0 }.map { $0 - $0.rounded(.down) }).count == 6)
    }

    @Test func `A batch that cannot be transformed ends the epoch, or is left out`() throws {
        struct Picky: BatchTransform {
            func callAsFunction(_ batch: Batch) throws -> Batch {
                if batch.indices.contains(5) { throw Numbered.Broken(index: 5) }
                return batch
            }
        }
        let stopping = DataLoader(try rows(), batchSize: 4, batchTransform: Picky())
        #expect(stopping.map(\.indices) == [[0, 1, 2, 3]])
        #expect(throws: Numbered.Broken(index: 5)) { try stopping.finish() }
        let skipping = DataLoader(try rows(), batchSize: 4, workers: 1, onError: .skip, batchTransform: Picky())
        #expect(skipping.map(\.indices) == [[0, 1, 2, 3], [8, 9]])
        #expect(skipping.skipped.map(\.index) == [4, 5, 6, 7])
    }
}

@Suite struct ComposedDatasetTests {
    @Test func `Repeated sets go round, read as bytes or by sample`() throws {
        let data = try rows(3).repeated(2)
        #expect(data.count == 6)
        #expect(DataLoader(data, batchSize: 6).first { _ in true }?.labels.array(as: Int.self) == [0, 1, 2, 0, 1, 2])
        #expect(try data[4].inputs.array() == [1, 1, 1])
        let drawn = try #require(DataLoader(Numbered(count: 2).repeated(3), batchSize: 6, seed: 1).first { _ in true })
        #expect(Set(drawn.inputs[.all, 1].array()).count == 6)
    }

    @Test func `Concatenated sets come one after the other`() throws {
        let data = try rows(2).concatenated(with: rows(0), rows(3))
        #expect(data.count == 5)
        #expect(data.classCount == 4)
        #expect(try (0..<5).map { try data[$0].inputs[0].item() } == [0, 1, 0, 1, 2])
    }

    @Test func `A filter keeps what it is asked to, in order`() throws {
        let even = try rows().filter { $0.label.item(as: Int.self) == 2 }
        #expect(even.indices == [2, 6])
        #expect(throws: Numbered.Broken(index: 1)) { try Numbered(count: 3, broken: [1]).filter { _ in true } }
    }

    @Test(arguments: [0, 3])
    func `A cached set reads each sample once and is the same in every epoch and after a restart`(
        workers: Int
    ) throws {
        let first = Numbered(count: 12).cached()
        func epochs(_ data: some Dataset, from epoch: Int) throws -> [[[Float]]] {
            let loader = DataLoader(data, batchSize: 5, workers: workers, seed: 4)
            var state = loader.state
            state.epoch = epoch
            try loader.resume(from: state)
            return (0..<2).map { _ in MartletDataTests.epoch(loader) }
        }
        let read = try epochs(first, from: 0)
        #expect(read[0] == read[1])
        #expect(try epochs(Numbered(count: 12).cached(), from: 7)[0] == read[0])
        let counted = Counted()
        let cached = counted.cached()
        for _ in 0..<3 { _ = try (0..<4).map { try cached[$0] } }
        #expect(counted.reads == 4)
    }
}

private final class Counted: Dataset, @unchecked Sendable {
    let count = 4
    private(set) var reads = 0
    subscript(index: Int) -> Sample {
        reads += 1
        return Sample(inputs: Tensor(Float(index)) + 1, label: Tensor(0))
    }
}

@Suite struct RecordReadingTests {
    @Test(arguments: [DataType.uint8, .float32, .int32]) func `A sample read alone has the bits of its row in a batch`(
        type: DataType
    ) throws {
        let stored = Tensor((0..<60).map { Float(($0 &* 53) % 256) }, shape: [5, 12]).to(dtype: type)
        struct Scaled: RecordDataset { let records: Records }
        let data = Scaled(
            records: try Records(
                inputs: stored, labels: Tensor([0, 1, 2, 3, 4]), subtracting: 33.318, dividingBy: 78.567, name: "scaled"
            ))
        let batch = try #require(DataLoader(data, batchSize: 5).first { _ in true })
        #expect(batch.inputs.array() == (try (0..<5).flatMap { try data[$0].inputs.array() }))
        #expect(try data[3].inputs.dtype == .float32)
    }
}
