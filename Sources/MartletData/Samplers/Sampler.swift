/// Which samples an epoch reads, and in which order.
///
///     let loader = DataLoader(data, batchSize: 32, sampler: WeightedSampler(weights))
///
/// The loader takes `batchSize` indices after the other as its batches. A sampler's choice follows from the epoch it is asked for
/// and nothing else: a resumed loader goes on where it was, and any number of workers reads the same.
public protocol Sampler: Sendable {
    /// How many indices an epoch over `sampleCount` samples has.
    func count(of sampleCount: Int) -> Int
    /// The indices of an epoch, in the order in which they are read, each in `0..<epoch.sampleCount`; an index may come again.
    func indices(of epoch: SamplingEpoch) -> [Int]
    /// What tells this sampler from others: kept with a loader's position, which another sampler does not take over.
    var signature: String { get }
}

extension Sampler {
    /// The type's name.
    public var signature: String { "\(Self.self)" }
    /// Every sample once.
    public func count(of sampleCount: Int) -> Int { sampleCount }
}

/// What a sampler's choice may depend on.
public struct SamplingEpoch: Hashable, Sendable {
    /// The number of samples in the data set.
    public var sampleCount: Int
    /// How many samples make a batch.
    public var batchSize: Int
    /// The loader's seed.
    public var seed: UInt64
    /// The epoch, from 0.
    public var number: Int

    /// An epoch of these parts.
    public init(sampleCount: Int, batchSize: Int, seed: UInt64, number: Int) {
        self.sampleCount = sampleCount
        self.batchSize = batchSize
        self.seed = seed
        self.number = number
    }

    /// Random numbers that follow from the seed and the epoch, from their beginning.
    public var random: RandomStream { RandomStream(seed: seed, UInt64(number)) }
}
