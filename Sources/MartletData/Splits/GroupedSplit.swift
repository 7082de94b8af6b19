import MartletTensor

extension Dataset {
    /// Deals whole groups at random into three parts: no group is in two of them.
    ///
    ///     let (train, validation, test) = try scans.groupedSplit(
    ///         train: 0.7, validation: 0.15, test: 0.15, by: patients, seed: 0)
    ///
    /// Samples of one patient, one speaker or one scene are alike: where they are on both sides of a split, a test measures
    /// memory. Groups come in a random order, each to the part that lacks most samples; a part's count is as near
    /// to its fraction as the groups' sizes allow.
    ///
    /// - Parameters:
    ///   - train: the fraction to train with.
    ///   - validation: the fraction to choose by.
    ///   - test: the fraction to judge by; the three must add up to 1.
    ///   - groups: each sample's group, in the order of the samples.
    ///   - seed: of the groups' order.
    /// - Throws: `SplitError` where there are fewer groups than parts.
    public func groupedSplit<Group: Hashable>(
        train: Double, validation: Double, test: Double, by groups: [Group], seed: UInt64
    ) throws(SplitError) -> (train: Subset<Self>, validation: Subset<Self>, test: Subset<Self>) {
        let parts = try groupedSplit([train, validation, test], by: groups, seed: seed)
        return (parts[0], parts[1], parts[2])
    }

    /// Deals whole groups at random into two parts, as the split into three does.
    public func groupedSplit<Group: Hashable>(
        train: Double, test: Double, by groups: [Group], seed: UInt64
    ) throws(SplitError) -> (train: Subset<Self>, test: Subset<Self>) {
        let parts = try groupedSplit([train, test], by: groups, seed: seed)
        return (parts[0], parts[1])
    }

    private func groupedSplit<Group: Hashable>(
        _ fractions: [Double], by groups: [Group], seed: UInt64
    ) throws(SplitError) -> [Subset<Self>] {
        guard checkedTotal(fractions, operation: "groupedSplit") > 1 - 1e-9 else {
            stop("groupedSplit: fractions must add up to 1, they are \(fractions)")
        }
        let strata = Strata(groups, count: count, names: [], operation: "groupedSplit")
        try checkGroups(strata, needed: fractions.count { $0 > 0 }, operation: "groupedSplit")
        var random = RandomStream(seed: seed)
        let order = random.permutation(of: strata.members.count).map { strata.members[Int($0)] }
        return dealt(order, fractions).map { Subset(self, $0.sorted()) }
    }

    /// Group by group, to the part that lacks most of what it is to have. A part without a group comes first where
    /// no more groups are left than such parts.
    private func dealt(_ groups: [[Int]], _ fractions: [Double]) -> [[Int]] {
        var parts = fractions.map { _ in [Int]() }
        let wanted = fractions.indices.filter { fractions[$0] > 0 }
        for (number, group) in groups.enumerated() {
            let empty = wanted.filter { parts[$0].isEmpty }
            let choice = groups.count - number <= empty.count ? empty : wanted
            let lack = { (part: Int) in fractions[part] * Double(count) - Double(parts[part].count) }
            guard let part = choice.max(by: { lack($0) < lack($1) }) else { break }
            parts[part] += group
        }
        return parts
    }

    /// Throws where there are fewer groups than parts.
    func checkGroups(_ strata: Strata, needed: Int, operation: String) throws(SplitError) {
        guard strata.members.count >= needed else {
            throw SplitError(
                operation: operation, group: "the set of groups", members: strata.members.count, needed: needed)
        }
    }
}
