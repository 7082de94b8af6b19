import MartletTensor

/// Every sample once, in the data set's order.
public struct SequentialSampler: Sampler {
    /// The order of the data set.
    public init() {}

    /// 0, 1, 2, ...
    public func indices(of epoch: SamplingEpoch) -> [Int] { Array(0..<epoch.sampleCount) }
}

/// Samples at random, all equally probable: each once an epoch, or drawn with replacement.
public struct RandomSampler: Sampler {
    /// Whether a sample may be drawn again before all were drawn.
    public let replacement: Bool
    /// How many an epoch draws; nil draws as many as there are.
    public let count: Int?

    /// Without arguments, an order of all samples: what a loader's `shuffle: true` is.
    ///
    /// Where more are drawn without replacement than there are, one order follows another.
    public init(replacement: Bool = false, count: Int? = nil) {
        guard count ?? 0 >= 0 else { stop("RandomSampler: count must be at least 0, it is \(count ?? 0)") }
        (self.replacement, self.count) = (replacement, count)
    }

    /// `count`, or all.
    public func count(of sampleCount: Int) -> Int { sampleCount == 0 ? 0 : count ?? sampleCount }

    /// The numbers drawn for the epoch.
    public func indices(of epoch: SamplingEpoch) -> [Int] {
        var random = epoch.random
        let count = count(of: epoch.sampleCount)
        if replacement { return (0..<count).map { _ in random.below(epoch.sampleCount) } }
        var drawn: [Int] = []
        while drawn.count < count {
            drawn += random.permutation(of: epoch.sampleCount).prefix(count - drawn.count).map { Int($0) }
        }
        return drawn
    }

    /// The type and how it draws.
    public var signature: String {
        replacement || count != nil
            ? "RandomSampler(replacement: \(replacement), count: \(count.map(String.init) ?? "all"))" : "RandomSampler"
    }
}
