import Foundation
import MartletData
import MartletTensor
import Testing

private func epoch(_ count: Int, batchSize: Int = 4, number: Int = 0) -> SamplingEpoch {
    SamplingEpoch(sampleCount: count, batchSize: batchSize, seed: 11, number: number)
}

@Suite struct SamplerTests {
    @Test func `A random sampler without arguments is a loader's shuffle`() {
        let sampled = DataLoader(Numbered(count: 30), batchSize: 7, sampler: RandomSampler(), seed: 3)
        let shuffled = DataLoader(Numbered(count: 30), batchSize: 7, shuffle: true, seed: 3)
        for _ in 0..<2 { #expect(sampled.map(\.indices) == shuffled.map(\.indices)) }
        #expect(
            DataLoader(Numbered(count: 9), batchSize: 9, sampler: SequentialSampler()).flatMap(\.indices)
                == Array(0..<9))
    }

    @Test func `Draws with replacement repeat, and those without do not until all are drawn`() {
        let drawn = RandomSampler(replacement: true, count: 1000).indices(of: epoch(100))
        #expect(drawn.count == 1000)
        #expect(Set(drawn).isSubset(of: Set(0..<100)) && Set(drawn).count > 95)
        let longer = RandomSampler(count: 25).indices(of: epoch(10))
        #expect(Set(longer[0..<10]).count == 10 && Set(longer[10..<20]).count == 10 && Set(longer[20...]).count == 5)
        #expect(RandomSampler(replacement: true, count: 5).indices(of: epoch(0)).isEmpty)
    }

    @Test func `Weights are frequencies`() throws {
        let sampler = try WeightedSampler([1, 0, 3, 0], count: 40_000)
        let drawn = sampler.indices(of: epoch(4))
        let counts = (0..<4).map { own in drawn.count { $0 == own } }
        #expect(counts[1] == 0 && counts[3] == 0)
        // Four standard deviations of a binomial of 40,000 at 3/4.
        #expect(abs(counts[2] - 30_000) < 350)
        #expect(sampler.indices(of: epoch(4, number: 1)) != drawn)
        #expect(sampler.indices(of: epoch(4)) == drawn)
    }

    @Test func `Weighted draws without replacement name each sample once, heavy ones first`() throws {
        let sampler = try WeightedSampler([1, 0, 100, 1], replacement: false)
        var heavyFirst = 0
        for number in 0..<1000 {
            let drawn = sampler.indices(of: epoch(4, number: number))
            #expect(drawn.sorted() == [0, 2, 3])
            heavyFirst += drawn[0] == 2 ? 1 : 0
        }
        // 100 of 102, within four standard deviations of a binomial of 1000.
        #expect(abs(heavyFirst - 980) < 18)
    }

    @Test func `Weights that cannot be drawn by are an error`() {
        let negative = #expect(throws: DataError.self) { try WeightedSampler([1, -1]) }
        #expect(negative?.index == 1)
        #expect(throws: DataError.self) { try WeightedSampler([.nan]) }
        #expect(throws: DataError.self) { try WeightedSampler([0, 0]) }
        #expect(throws: DataError.self) { try WeightedSampler([1, 0, 1], count: 3, replacement: false) }
    }

    @Test func `Classes are drawn equally often, and all of a class before any again`() throws {
        let labels = [Int](repeating: 0, count: 90) + [Int](repeating: 1, count: 10)
        let sampler = ClassBalancedSampler(labels)
        let drawn = sampler.indices(of: epoch(100))
        let rare = drawn.filter { labels[$0] == 1 }
        #expect(drawn.count == 100)
        #expect(rare.count == 50)
        #expect((90..<100).allSatisfy { own in rare.count { $0 == own } == 5 })
        #expect(Set(drawn.filter { labels[$0] == 0 }).count == 50)
        #expect(try ClassBalancedSampler(balancing: rows(40)).indices(of: epoch(40)).count == 40)
    }

    @Test func `Buckets hold similar lengths, and every sample once`() {
        let lengths = (0..<203).map { ($0 * 37) % 100 }
        let sampler = BucketSampler(lengths: lengths, pool: 10)
        let drawn = sampler.indices(of: epoch(203, batchSize: 8))
        #expect(drawn.sorted() == Array(0..<203))
        func spread(_ indices: [Int]) -> Int {
            stride(from: 0, to: indices.count, by: 8).reduce(0) { sum, start in
                let own = indices[start..<min(indices.count, start + 8)].map { lengths[$0] }
                return sum + (own.max() ?? 0) - (own.min() ?? 0)
            }
        }
        #expect(spread(drawn) * 4 < spread(RandomSampler().indices(of: epoch(203, batchSize: 8))))
        #expect(sampler.indices(of: epoch(203, batchSize: 8, number: 1)) != drawn)
        let sorted = BucketSampler(lengths: lengths, shuffle: false).indices(of: epoch(203))
        #expect(sorted.map { lengths[$0] } == lengths.sorted())
    }

    @Test(arguments: [DistributedSampler.Remainder.padded, .dropped])
    func `Ranks read equally many, and all of an epoch between them`(
        remainder: DistributedSampler.Remainder
    ) {
        let shares = (0..<4).map { rank in
            DistributedSampler(rank: rank, of: 4, remainder: remainder).indices(of: epoch(30))
        }
        let size = remainder == .padded ? 8 : 7
        #expect(shares.map(\.count) == [size, size, size, size])
        let all = shares.flatMap { $0 }
        #expect(Set(all).count == (remainder == .padded ? 30 : 28))
        let whole = RandomSampler().indices(of: epoch(30, batchSize: 16))
        #expect((0..<4).map { shares[$0][0] } == Array(whole[0..<4]))
    }

    static let samplers: [String: any Sampler] = [
        "random": RandomSampler(replacement: true, count: 37),
        "bucket": BucketSampler(lengths: (0..<29).map { $0 % 7 }),
        "balanced": ClassBalancedSampler((0..<29).map { $0 < 3 ? 1 : 0 }),
        "distributed": DistributedSampler(rank: 1, of: 3), "sequential": SequentialSampler(),
    ]

    @Test(arguments: samplers.keys.sorted(), [0, 2])
    func
        `With every sampler, padded, filtered and skipping, a loader resumes in mid-epoch as one without workers goes on`(
            name: String, workers: Int
        ) throws
    {
        func loader(seed: UInt64, _ workers: Int) throws -> DataLoader {
            // 32 samples pass the filter; the last of 33 cannot be read.
            let data = try Ragged(count: 40).filter { $0.inputs.elementCount != 4 }
                .concatenated(with: Ragged(count: 1, broken: [0]))
            return DataLoader(
                data.subset(4..<33), batchSize: 4, sampler: Self.samplers[name], workers: workers, seed: seed,
                onError: .skip, collation: .padded(value: -1), batchTransform: Noise())
        }
        let alone = Array(try loader(seed: 7, 0).repeated().prefix(20))
        for stop in [1, 6, 9] {
            let first = try loader(seed: 7, workers)
            var iterator = first.repeated().makeIterator()
            for _ in 0..<stop { _ = iterator.next() }
            let kept = try JSONDecoder().decode(DataLoader.State.self, from: JSONEncoder().encode(first.state))
            let second = try loader(seed: 99, workers)
            try second.resume(from: kept)
            #expect(written(Array(second.repeated().prefix(8))) == written(Array(alone[stop..<stop + 8])))
        }
    }

    @Test func `A position of another sampler is refused, and one without a sampler's name is taken`() throws {
        var state = DataLoader(Numbered(count: 9), batchSize: 2, sampler: RandomSampler()).state
        let other = DataLoader(
            Numbered(count: 9), batchSize: 2, sampler: BucketSampler(lengths: [Int](repeating: 1, count: 9)))
        let error = #expect(throws: DataError.self) { try other.resume(from: state) }
        #expect(error?.field == "state")
        state.sampler = nil
        try other.resume(from: state)
    }

    @Test func `A sample that comes again in an epoch draws other numbers`() throws {
        let sampler = RandomSampler(replacement: true, count: 60)
        let loader = DataLoader(Numbered(count: 3), batchSize: 60, sampler: sampler, seed: 1)
        let batch = try #require(loader.first { _ in true })
        #expect(Set(batch.inputs[.all, 1].array()).count == 60)
    }
}

/// Samples of 1 to 5 numbers.
struct Ragged: Dataset {
    let count: Int
    var broken: Set<Int> = []
    subscript(index: Int) -> Sample {
        get throws {
            if broken.contains(index) { throw Numbered.Broken(index: index) }
            var random = RandomStream(.current)
            let numbers = (0...index % 5).map { _ in random.unit() }
            return Sample(inputs: Tensor(numbers), label: Tensor(index % 3))
        }
    }
}

/// Adds one random number to a batch.
struct Noise: BatchTransform {
    func callAsFunction(_ batch: Batch) throws -> Batch {
        var batch = batch
        batch.inputs = batch.inputs + Tensor.rand([1])
        return batch
    }
}

func written(_ batches: [Batch]) -> [[Float]] {
    batches.map { $0.inputs.array() + $0.labels.array() + ($0.lengths?.array() ?? []) + $0.indices.map { Float($0) } }
}
