import MartletTensor

extension Dataset {
    /// Deals the samples at random into three parts.
    ///
    /// A part gets its fraction of the count, rounded; where the fractions add up to 1 the last part gets the rest, so
    /// that every sample is in exactly one part. The same seed gives the same parts.
    ///
    /// - Parameters:
    ///   - train: the fraction to train with.
    ///   - validation: the fraction to choose by.
    ///   - test: the fraction to judge by.
    ///   - seed: of the order in which the samples are dealt.
    public func split(
        train: Double, validation: Double, test: Double, seed: UInt64
    ) -> (train: Subset<Self>, validation: Subset<Self>, test: Subset<Self>) {
        let parts = split([train, validation, test], seed: seed)
        return (parts[0], parts[1], parts[2])
    }

    /// Deals the samples at random into two parts, as the split into three does.
    public func split(train: Double, test: Double, seed: UInt64) -> (train: Subset<Self>, test: Subset<Self>) {
        let parts = split([train, test], seed: seed)
        return (parts[0], parts[1])
    }

    /// Deals the samples at random into parts of these sizes; samples beyond their sum are in no part.
    ///
    ///     let parts = data.split(counts: [50_000, 10_000], seed: 0)
    public func split(counts: [Int], seed: UInt64) -> [Subset<Self>] {
        guard counts.allSatisfy({ $0 >= 0 }), counts.reduce(0, +) <= count else {
            stop("split: counts must be at least 0 and add up to \(count) at most, they are \(counts)")
        }
        return parts(of: shuffledIndices(seed: seed), counts: counts)
    }

    private func split(_ fractions: [Double], seed: UInt64) -> [Subset<Self>] {
        parts(of: shuffledIndices(seed: seed), counts: partCounts(of: count, fractions, operation: "split"))
    }

    /// All indices in the order that a seed gives.
    func shuffledIndices(seed: UInt64) -> [Int] {
        var random = RandomStream(seed: seed)
        return random.permutation(of: count).map { Int($0) }
    }

    /// The first of `indices`, the next, and so on.
    func parts(of indices: [Int], counts: [Int]) -> [Subset<Self>] {
        var start = 0
        return counts.map { count in
            defer { start += count }
            return Subset(self, Array(indices[start..<start + count]))
        }
    }
}

/// How many of `count` samples each part gets: its fraction, rounded; where they add up to 1, the last one the rest.
func partCounts(of count: Int, _ fractions: [Double], operation: String) -> [Int] {
    let total = checkedTotal(fractions, operation: operation)
    var left = count
    return fractions.indices.map { part in
        let isRest = part == fractions.count - 1 && total > 1 - 1e-9
        let wanted = isRest ? left : min(left, Int((fractions[part] * Double(count)).rounded()))
        defer { left -= wanted }
        return wanted
    }
}

/// The sum of a split's fractions, which must be at least 0 and add up to 1 at most.
func checkedTotal(_ fractions: [Double], operation: String) -> Double {
    let total = fractions.reduce(0, +)
    guard fractions.allSatisfy({ $0 >= 0 }), total <= 1 + 1e-9 else {
        stop("\(operation): fractions must be at least 0 and add up to 1 at most, they are \(fractions)")
    }
    return total
}
