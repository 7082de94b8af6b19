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

    private func split(_ fractions: [Double], seed: UInt64) -> [Subset<Self>] {
        let total = fractions.reduce(0, +)
        guard fractions.allSatisfy({ $0 >= 0 }), total <= 1 + 1e-9 else {
            stop("split: fractions must be at least 0 and add up to 1 at most, they are \(fractions)")
        }
        var random = RandomStream(seed: seed)
        let order = random.permutation(of: count)
        var start = 0
        return fractions.indices.map { part in
            let isRest = part == fractions.count - 1 && total > 1 - 1e-9
            let wanted = Int((fractions[part] * Double(count)).rounded())
            let end = isRest ? count : min(count, start + wanted)
            defer { start = end }
            return Subset(self, order[start..<end].map { Int($0) })
        }
    }
}
