import MartletTensor

/// One of k ways to cut a data set in two: every sample is in the validation part of exactly one of them.
public struct Fold<Base: Dataset>: Sendable {
    /// Which of the folds it is, from 0.
    public let number: Int
    /// What to train with: all that is not in `validation`, in the data set's order.
    public let train: Subset<Base>
    /// What to judge by, in the data set's order.
    public let validation: Subset<Base>
}

extension Dataset {
    /// k folds of equal size, to within one sample, dealt at random.
    ///
    ///     for fold in data.kFold(5, seed: 0) { try train(on: fold.train, judgedBy: fold.validation) }
    ///
    /// The same seed gives the same folds. Stops where `k` is below 2 or above the number of samples.
    public func kFold(_ k: Int, seed: UInt64) -> [Fold<Self>] {
        checkFolds(k, operation: "kFold")
        return folds(of: shuffledIndices(seed: seed), k)
    }

    /// k folds, each with the same proportion of each class, to within one sample of the class and one of the whole.
    ///
    /// - Parameters:
    ///   - k: how many; 2 at least.
    ///   - seed: of the order in which a class's samples are dealt.
    /// - Throws: `SplitError` where a class has fewer than k samples; `DataError` where labels are no classes; what reading a
    ///   label throws.
    public func stratifiedKFold(_ k: Int, seed: UInt64) throws -> [Fold<Self>] {
        try stratifiedKFold(k, by: classLabels(), names: classNames, seed: seed)
    }

    /// k folds, each with the same proportion of each of `classes`.
    ///
    /// - Parameters:
    ///   - k: how many; 2 at least.
    ///   - classes: each sample's class, in the order of the samples: any values that can be told apart.
    ///   - seed: of the order in which a class's samples are dealt.
    /// - Throws: `SplitError` where a class has fewer than k samples.
    public func stratifiedKFold<Class: Hashable>(
        _ k: Int, by classes: [Class], seed: UInt64
    ) throws(SplitError) -> [Fold<Self>] {
        try stratifiedKFold(k, by: classes, names: [], seed: seed)
    }

    /// k folds such that no group is on both sides of one, of sizes as equal as the groups allow.
    ///
    /// Groups are dealt from the largest to the smallest, each to the fold that has fewest samples; groups of one size come in
    /// a random order.
    ///
    /// - Parameters:
    ///   - k: how many; 2 at least.
    ///   - groups: each sample's group, in the order of the samples.
    ///   - seed: of the order of groups of one size.
    /// - Throws: `SplitError` where there are fewer than k groups.
    public func groupKFold<Group: Hashable>(
        _ k: Int, by groups: [Group], seed: UInt64
    ) throws(SplitError) -> [Fold<Self>] {
        checkFolds(k, operation: "groupKFold")
        let strata = Strata(groups, count: count, names: [], operation: "groupKFold")
        try checkGroups(strata, needed: k, operation: "groupKFold")
        var random = RandomStream(seed: seed)
        let order = random.permutation(of: strata.members.count).map { strata.members[Int($0)] }
        let largestFirst = order.indices.sorted { (-order[$0].count, $0) < (-order[$1].count, $1) }
        var sizes = [Int](repeating: 0, count: k)
        var foldOf = [Int](repeating: 0, count: count)
        for group in largestFirst {
            let fold = sizes.indices.min { sizes[$0] < sizes[$1] } ?? 0
            sizes[fold] += order[group].count
            for index in order[group] { foldOf[index] = fold }
        }
        return folds(k, foldOf)
    }

    func stratifiedKFold<Class: Hashable>(
        _ k: Int, by classes: [Class], names: [String], seed: UInt64
    ) throws(SplitError) -> [Fold<Self>] {
        checkFolds(k, operation: "stratifiedKFold")
        let strata = Strata(classes, count: count, names: names, operation: "stratifiedKFold")
        try strata.check(needed: k)
        var random = RandomStream(seed: seed)
        // Dealt round and round, class after class: a class's counts differ by one at most, and so do the folds' own.
        return folds(of: strata.shuffled(&random).flatMap { $0 }, k)
    }

    private func checkFolds(_ k: Int, operation: String) {
        guard k >= 2, k <= count else {
            stop("\(operation): \(k) folds of \(count) samples; 2 to \(count) can be made")
        }
    }

    /// Deals `order` round and round.
    private func folds(of order: [Int], _ k: Int) -> [Fold<Self>] {
        var foldOf = [Int](repeating: 0, count: count)
        for (place, index) in order.enumerated() { foldOf[index] = place % k }
        return folds(k, foldOf)
    }

    private func folds(_ k: Int, _ foldOf: [Int]) -> [Fold<Self>] {
        (0..<k).map { number in
            Fold(
                number: number, train: Subset(self, foldOf.indices.filter { foldOf[$0] != number }),
                validation: Subset(self, foldOf.indices.filter { foldOf[$0] == number }))
        }
    }
}

extension RecordDataset {
    /// k folds, each with the same proportion of each class; the classes lie in memory, and reading them cannot fail.
    ///
    /// Stops where labels are no classes or a class has fewer than k samples; `stratifiedKFold(_:by:seed:)` with `classLabels()`
    /// throws these as errors.
    public func stratifiedKFold(_ k: Int, seed: UInt64) -> [Fold<Self>] {
        do {
            return try stratifiedKFold(k, by: storedClasses(), names: classNames, seed: seed)
        } catch {
            stop("\(error)")
        }
    }
}
