import MartletTensor

/// All classes equally often, whatever their sizes.
///
/// Every class is drawn the same number of times an epoch, to within one; a class's samples come in a random order, all of them
/// before any comes again. With as many draws as samples a small class is seen several times over and a large one in part.
public struct ClassBalancedSampler: Sampler {
    /// How many an epoch draws.
    public let count: Int
    private let sampleCount: Int
    private let members: [[Int]]

    /// Draws equally from each of `classes`.
    ///
    /// - Parameters:
    ///   - classes: each sample's class, in the order of the samples: any values that can be told apart.
    ///   - count: how many an epoch draws; as many as there are samples by default.
    public init<Class: Hashable>(_ classes: [Class], count: Int? = nil) {
        guard count ?? 0 >= 0 else { stop("ClassBalancedSampler: count must be at least 0, it is \(count ?? 0)") }
        members = Strata(classes, count: classes.count, names: [], operation: "ClassBalancedSampler").members
        sampleCount = classes.count
        self.count = classes.isEmpty ? 0 : count ?? classes.count
    }

    /// Draws equally from each of a data set's classes.
    ///
    /// - Throws: `DataError` where labels are no classes; what reading a label throws.
    public init(balancing dataset: some Dataset, count: Int? = nil) throws {
        self.init(try dataset.classLabels(), count: count)
    }

    /// `count`; stops where there is not one class a sample.
    public func count(of sampleCount: Int) -> Int {
        guard sampleCount == self.sampleCount else {
            stop("ClassBalancedSampler: \(self.sampleCount) classes for \(sampleCount) samples; one a sample is needed")
        }
        return count
    }

    /// The numbers drawn for the epoch.
    public func indices(of epoch: SamplingEpoch) -> [Int] {
        var random = epoch.random
        // Which classes are drawn once more than the others changes from epoch to epoch.
        let order = random.permutation(of: members.count).map { members[Int($0)] }
        var drawn: [Int] = []
        for (place, members) in order.enumerated() {
            var left = count / order.count + (place < count % order.count ? 1 : 0)
            while left > 0 {
                let round = random.permutation(of: members.count).prefix(left)
                drawn += round.map { members[Int($0)] }
                left -= round.count
            }
        }
        return random.permutation(of: drawn.count).map { drawn[Int($0)] }
    }

    /// The type and how much it draws.
    public var signature: String { "ClassBalancedSampler(count: \(count))" }
}
