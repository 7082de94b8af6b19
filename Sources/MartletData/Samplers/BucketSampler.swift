import MartletTensor

/// Batches of samples of similar lengths, so that little is padded.
///
///     let loader = DataLoader(texts, batchSize: 32, sampler: BucketSampler(lengths: lengths), collation: .padded())
///
/// Samples come in a random order, `pool` batches of them are sorted by length and cut into batches, and all batches come in a
/// random order; one that is not full is the last. The larger the pool, the more alike are a batch's lengths, and the less do its
/// members change from epoch to epoch.
public struct BucketSampler: Sampler {
    /// Each sample's length.
    public let lengths: [Int]
    /// How many batches are sorted together.
    public let pool: Int
    /// Whether order and batches change from epoch to epoch; without it samples come from the shortest to the longest.
    public let shuffle: Bool

    /// Batches by length.
    ///
    /// - Parameters:
    ///   - lengths: each sample's length, in the order of the samples.
    ///   - pool: how many batches are sorted together.
    ///   - shuffle: whether order and batches change from epoch to epoch.
    public init(lengths: [Int], pool: Int = 100, shuffle: Bool = true) {
        guard pool > 0 else { stop("BucketSampler: pool must be at least 1, it is \(pool)") }
        (self.lengths, self.pool, self.shuffle) = (lengths, pool, shuffle)
    }

    /// Every sample once; stops where there is not one length a sample.
    public func count(of sampleCount: Int) -> Int {
        guard sampleCount == lengths.count else {
            stop("BucketSampler: \(lengths.count) lengths for \(sampleCount) samples; one a sample is needed")
        }
        return sampleCount
    }

    /// The epoch's batches, one after the other.
    public func indices(of epoch: SamplingEpoch) -> [Int] {
        guard shuffle else { return sorted(Array(lengths.indices)[...]) }
        var random = epoch.random
        let order = random.permutation(of: lengths.count).map { Int($0) }
        let (poolSize, overflows) = pool.multipliedReportingOverflow(by: epoch.batchSize)
        let pooled = chunks(order[...], overflows ? .max : poolSize).flatMap(sorted)
        let batches = chunks(pooled[...], epoch.batchSize)
        let full = batches.count - (batches.last?.count == epoch.batchSize ? 0 : 1)
        let shuffled = random.permutation(of: max(0, full)).flatMap { batches[Int($0)] }
        return shuffled + batches.dropFirst(max(0, full)).flatMap { $0 }
    }

    /// From the shortest to the longest; equal ones in the order given.
    private func sorted(_ indices: ArraySlice<Int>) -> [Int] {
        indices.enumerated().sorted { (lengths[$0.element], $0.offset) < (lengths[$1.element], $1.offset) }
            .map(\.element)
    }

    private func chunks(_ indices: ArraySlice<Int>, _ size: Int) -> [ArraySlice<Int>] {
        stride(from: 0, to: indices.count, by: min(size, max(1, indices.count))).map {
            indices.dropFirst($0).prefix(size)
        }
    }

    /// The type and its settings.
    public var signature: String { "BucketSampler(pool: \(pool), shuffle: \(shuffle))" }
}
