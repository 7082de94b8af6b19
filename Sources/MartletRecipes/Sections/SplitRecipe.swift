import MartletData

/// What a recipe holds out of its data: to choose by, and to judge by where the data have no test part of their own.
///
///     split: {validation: 5000}
///     split: {validation: 0.15, test: 0.15, form: stratified, seed: 1}
///     split: {folds: 5, form: stratified, seed: 1}
///
/// A number below 1 is a share of all, any other one a count. With folds, as many networks are trained as there are folds, each
/// judged by one of them and trained with the others; `fold` chooses one.
public struct SplitRecipe: Sendable {
    /// The folds of cross-validation; nil for a single split.
    public let folds: Int?
    /// Which of them is held out, from 1 on; nil for one after the other.
    public let fold: Int?
    private let validation: Double, test: Double
    private let form: Form
    private let seed: Int

    /// How samples are chosen.
    enum Form: String, CaseIterable { case random, stratified, ordered }

    /// - Parameter hasTest: whether the data come with a test part.
    init(_ map: RecipeMap, hasTest: Bool) throws {
        folds = try map.optionalCount("folds", atLeast: 2)
        fold = folds == nil ? nil : try map.optionalCount("fold", atLeast: 1)
        if let folds, let fold, fold > folds {
            throw map.error("fold", "a whole number from 1 to \(folds)", map.value("fold"))
        }
        let isTestGiven = hasTest || folds != nil
        validation = try map.number("validation", default: isTestGiven ? 0 : 0.15, in: .notNegative)
        test = isTestGiven ? 0 : try map.number("test", default: 0.15, in: .notNegative)
        form = try map.choice("form", default: .random)
        if folds != nil, form == .ordered {
            throw map.error("form", "random or stratified where there are folds", map.value("form"))
        }
        seed = try map.count("seed", default: 0)
        for (key, number) in [("validation", validation), ("test", test)]

        where number >= 1 && (Int(exactly: number) ?? .max) > RecipeMap.largestCount {
            throw map.error(key, "a share below 1, or a whole number", map.value(key))
        }
    }

    /// Whether something is held out to choose by.
    package var hasValidation: Bool { validation > 0 }

    /// The parts of data.
    struct Parts {
        let train: any Dataset, validation: (any Dataset)?, test: (any Dataset)?
    }

    /// Deals the samples.
    ///
    /// - Throws: `RecipeError` where nothing would be left to train with; `SplitError` where a class has too few members.
    func parts(of data: some Dataset, file: String) throws -> Parts {
        if let folds { return try parts(of: data, folds, file) }
        let wanted = [validation, test].map { $0 < 1 ? Int(($0 * Double(data.count)).rounded()) : Int($0) }
        let left = data.count - wanted[0] - wanted[1]
        guard left > 0 else {
            throw RecipeError(
                file: file, place: .nowhere, key: "split", expected: "fewer than \(data.count) samples to hold out",
                found: "\(wanted[0] + wanted[1])")
        }
        guard wanted != [0, 0] else { return Parts(train: data, validation: nil, test: nil) }
        let parts = try dealt(data, [left] + wanted)
        return Parts(
            train: parts[0], validation: wanted[0] > 0 ? parts[1] : nil, test: wanted[1] > 0 ? parts[2] : nil)
    }

    /// One fold to judge by, and of the others what is held out to choose by.
    private func parts<Data: Dataset>(of data: Data, _ folds: Int, _ file: String) throws -> Parts {
        guard folds <= data.count else {
            throw RecipeError(
                file: file, place: .nowhere, key: "split.folds", expected: "at most the \(data.count) samples",
                found: "\(folds)")
        }
        let all =
            form == .stratified
            ? try data.stratifiedKFold(folds, by: labels(of: data), seed: UInt64(seed))
            : data.kFold(folds, seed: UInt64(seed))
        let chosen = all[(fold ?? 1) - 1]
        let count = validation < 1 ? Int((validation * Double(data.count)).rounded()) : Int(validation)
        guard count < chosen.train.count else {
            throw RecipeError(
                file: file, place: .nowhere, key: "split.validation",
                expected: "fewer than the \(chosen.train.count) samples that no fold holds out", found: "\(count)")
        }
        guard count > 0 else { return Parts(train: chosen.train, validation: nil, test: chosen.validation) }
        let parts = try dealt(chosen.train, [chosen.train.count - count, count, 0])
        return Parts(train: parts[0], validation: parts[1], test: chosen.validation)
    }

    private func dealt<Data: Dataset>(_ data: Data, _ counts: [Int]) throws -> [Subset<Data>] {
        switch form {
        case .random: return data.split(counts: counts, seed: UInt64(seed))
        case .stratified:
            let fractions = counts.map { Double($0) / Double(data.count) }
            return try data.stratifiedSplit(fractions, by: labels(of: data), seed: UInt64(seed))
        case .ordered:
            let starts = [0, counts[0], counts[0] + counts[1]]
            return zip(starts, counts).map { start, count in data.subset(start..<start + count) }
        }
    }

    private func labels(of data: some Dataset) throws -> [Int] {
        if let data = data as? any RecordDataset, data.classCount != nil {
            let classes = data.records.classes
            return (0..<data.count).map { classes[data.position(of: $0)] }
        }
        return try (0..<data.count).map { try data[$0].label.item(as: Int.self) }
    }
}
