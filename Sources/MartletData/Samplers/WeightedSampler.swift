import Foundation
import MartletTensor

/// Samples at random, each as probable as its weight says.
///
/// With replacement a draw is sample i with probability wᵢ / Σw. Without, the samples are drawn one after the other, each among
/// those left; all are given keys log(u) / wᵢ with u uniform in (0, 1], and the largest keys win (Efraimidis, Spirakis 2006).
public struct WeightedSampler: Sampler {
    /// Each sample's weight.
    public let weights: [Double]
    /// How many an epoch draws.
    public let count: Int
    /// Whether a sample may be drawn again.
    public let replacement: Bool
    /// The sums of the weights up to each sample, it included.
    private let sums: [Double]

    /// Draws by weight.
    ///
    /// - Parameters:
    ///   - weights: one for each sample; they need not add up to 1.
    ///   - count: how many an epoch draws; as many as there are samples by default, or with weight where none comes twice.
    ///   - replacement: whether a sample may be drawn again.
    /// - Throws: `DataError` with the index where a weight is negative or not finite; where all are 0, or fewer are positive than
    ///   are to be drawn without replacement.
    public init(_ weights: [Double], count: Int? = nil, replacement: Bool = true) throws(DataError) {
        if let wrong = weights.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
            throw DataError(
                dataset: "WeightedSampler", field: "weights", index: wrong, expected: "a finite number of at least 0",
                found: "\(weights[wrong])")
        }
        let positive = weights.count { $0 > 0 }
        let wanted = count ?? (replacement ? weights.count : positive)
        guard wanted >= 0 else { stop("WeightedSampler: count must be at least 0, it is \(wanted)") }
        guard positive >= (replacement ? min(1, wanted) : wanted) else {
            throw DataError(
                dataset: "WeightedSampler", field: "weights",
                expected: replacement ? "a weight above 0" : "\(wanted) weights above 0 to draw without replacement",
                found: "\(positive)")
        }
        self.weights = weights
        self.replacement = replacement
        self.count = wanted
        var sum = 0.0
        sums = weights.map { weight in
            sum += weight
            return sum
        }
    }

    /// `count`, whatever the data set's; stops where there is not one weight a sample.
    public func count(of sampleCount: Int) -> Int {
        guard sampleCount == weights.count else {
            stop("WeightedSampler: \(weights.count) weights for \(sampleCount) samples; one a sample is needed")
        }
        return count
    }

    /// The numbers drawn for the epoch.
    public func indices(of epoch: SamplingEpoch) -> [Int] {
        var random = epoch.random
        guard replacement else {
            let keys = weights.map { weight in
                weight > 0 ? log(1 - random.unitDouble()) / weight : -.infinity
            }
            let order = keys.indices.filter { weights[$0] > 0 }.sorted { (keys[$0], $1) > (keys[$1], $0) }
            return Array(order.prefix(count))
        }
        return (0..<count).map { _ in place(of: random.unitDouble() * (sums.last ?? 0)) }
    }

    /// The first sample whose sum is above `target`: one of weight 0 has the sum of the one before and is never it.
    private func place(of target: Double) -> Int {
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > target { high = middle } else { low = middle + 1 }
        }
        // Rounding may take the target up to the whole sum, beyond which only samples without weight lie.
        while weights[low] == 0, low > 0 { low -= 1 }
        return low
    }

    /// The type and how it draws.
    public var signature: String { "WeightedSampler(count: \(count), replacement: \(replacement))" }
}
