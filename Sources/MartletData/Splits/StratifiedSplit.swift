import MartletTensor

extension Dataset {
    /// Deals the samples at random into three parts that hold each class in the same proportion as the whole.
    ///
    ///     let (train, validation, test) = try iris.stratifiedSplit(train: 0.7, validation: 0.15, test: 0.15, seed: 1)
    ///
    /// A part gets its fraction of each class, rounded up or down so that the parts as a whole keep theirs too, and one sample
    /// of each class at least. Fractions below 1 leave samples out. The same seed gives the same parts.
    ///
    /// - Parameters:
    ///   - train: the fraction to train with.
    ///   - validation: the fraction to choose by.
    ///   - test: the fraction to judge by.
    ///   - seed: of the order in which a class's samples are dealt.
    /// - Throws: `SplitError` where a class has fewer samples than there are parts; `DataError` where the labels are no classes;
    ///   what reading a label throws.
    public func stratifiedSplit(
        train: Double, validation: Double, test: Double, seed: UInt64
    ) throws -> (train: Subset<Self>, validation: Subset<Self>, test: Subset<Self>) {
        let parts = try stratifiedSplit(
            [train, validation, test], by: classLabels(), names: classNames, seed: seed)
        return (parts[0], parts[1], parts[2])
    }

    /// Deals the samples at random into two parts that hold each class in the same proportion as the whole.
    public func stratifiedSplit(
        train: Double, test: Double, seed: UInt64
    ) throws -> (train: Subset<Self>, test: Subset<Self>) {
        let parts = try stratifiedSplit([train, test], by: classLabels(), names: classNames, seed: seed)
        return (parts[0], parts[1])
    }

    /// Deals the samples at random into parts that hold each of `classes` in the same proportion as the whole.
    ///
    /// - Parameters:
    ///   - fractions: of the parts.
    ///   - classes: each sample's class, in the order of the samples: any values that can be told apart, such as a column of a
    ///     table or an age in bands.
    ///   - seed: of the order in which a class's samples are dealt.
    /// - Throws: `SplitError` where a class has fewer samples than there are parts.
    public func stratifiedSplit<Class: Hashable>(
        _ fractions: [Double], by classes: [Class], seed: UInt64
    ) throws(SplitError) -> [Subset<Self>] {
        try stratifiedSplit(fractions, by: classes, names: [], seed: seed)
    }

    private func stratifiedSplit<Class: Hashable>(
        _ fractions: [Double], by classes: [Class], names: [String], seed: UInt64
    ) throws(SplitError) -> [Subset<Self>] {
        let total = checkedTotal(fractions, operation: "stratifiedSplit")
        let strata = Strata(classes, count: count, names: names, operation: "stratifiedSplit")
        try strata.check(needed: fractions.count { $0 > 0 })
        let shares = total < 1 - 1e-9 ? fractions + [1 - total] : fractions
        var apportionment = Apportionment(shares, leavesOutLast: shares.count > fractions.count)
        var parts = [[Int]](repeating: [], count: shares.count)
        var random = RandomStream(seed: seed)
        for members in strata.shuffled(&random) {
            var start = 0
            for (part, count) in apportionment.next(members.count).enumerated() {
                parts[part] += members[start..<start + count]
                start += count
            }
        }
        // The parts are in no order of classes: a loader that does not shuffle must not see one class after the other.
        return parts.prefix(fractions.count).map { part in
            Subset(self, random.permutation(of: part.count).map { part[Int($0)] })
        }
    }
}

/// Shares of one class after the other, rounded so that what each part has of all classes together stays near its share.
private struct Apportionment {
    private let shares: [Double]
    /// The last share is of samples that are left out: it needs none of a class.
    private let leavesOutLast: Bool
    /// What each part is short of so far, in samples.
    private var owed: [Double]

    init(_ shares: [Double], leavesOutLast: Bool) {
        self.shares = shares
        self.leavesOutLast = leavesOutLast
        owed = shares.map { _ in 0 }
    }

    /// The parts' numbers for the next class: each share of `count` rounded down, then one more where most is owed.
    mutating func next(_ count: Int) -> [Int] {
        var counts = shares.map { Int(($0 * Double(count)).rounded(.down)) }
        for part in shares.indices { owed[part] += shares[part] * Double(count) - Double(counts[part]) }
        for _ in 0..<max(0, count - counts.reduce(0, +)) {
            let part = shares.indices.filter { shares[$0] > 0 }.max { owed[$0] < owed[$1] } ?? 0
            counts[part] += 1
            owed[part] -= 1
        }
        // Every part is given one of the class, by the part that has most of it.
        for part in shares.indices where counts[part] == 0 && shares[part] > 0 {
            if leavesOutLast, part == shares.count - 1 { continue }
            guard let richest = counts.indices.max(by: { counts[$0] < counts[$1] }), counts[richest] > 1 else { break }
            counts[richest] -= 1
            counts[part] += 1
            owed[richest] += 1
            owed[part] -= 1
        }
        return counts
    }
}
