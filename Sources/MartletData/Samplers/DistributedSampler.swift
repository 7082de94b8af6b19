import MartletTensor

/// One process's share of an epoch that several read together.
///
///     let loader = DataLoader(data, batchSize: 32, sampler: DistributedSampler(rank: rank, of: world), seed: 7)
///
/// Of the indices that another sampler gives for all, rank r of w reads those at r, r + w, r + 2w, ...: every rank equally many.
/// All ranks must give their loaders the same seed; else they do not share one epoch.
public struct DistributedSampler: Sampler {
    /// What is done where the ranks cannot divide an epoch evenly.
    public enum Remainder: String, Sendable, Codable {
        /// The epoch's first indices come once more.
        case padded
        /// The epoch's last indices are left out.
        case dropped
    }

    /// This process's number, from 0.
    public let rank: Int
    /// How many processes there are.
    public let world: Int
    /// What is done with a remainder.
    public let remainder: Remainder
    /// Which indices all ranks together read.
    public let base: any Sampler

    /// The share of one rank.
    ///
    /// - Parameters:
    ///   - base: which indices all ranks together read; asked for batches of `world` times the loader's size.
    ///   - rank: this process's number, from 0.
    ///   - world: how many processes there are.
    ///   - remainder: what is done where they cannot divide an epoch evenly.
    public init(
        _ base: any Sampler = RandomSampler(), rank: Int, of world: Int, remainder: Remainder = .padded
    ) {
        guard world > 0, (0..<world).contains(rank) else {
            stop("DistributedSampler: rank \(rank) of \(world); the ranks of n are 0 to n - 1")
        }
        (self.base, self.rank, self.world, self.remainder) = (base, rank, world, remainder)
    }

    /// The same for every rank.
    public func count(of sampleCount: Int) -> Int {
        let all = base.count(of: sampleCount)
        return remainder == .padded ? (all + world - 1) / world : all / world
    }

    /// This rank's share of the epoch.
    public func indices(of epoch: SamplingEpoch) -> [Int] {
        var shared = epoch
        shared.batchSize *= world
        let all = base.indices(of: shared)
        return (0..<count(of: epoch.sampleCount)).map { all[($0 * world + rank) % all.count] }
    }

    /// The share and whose it is.
    public var signature: String {
        "DistributedSampler(\(base.signature), rank: \(rank), of: \(world), remainder: \(remainder))"
    }
}
