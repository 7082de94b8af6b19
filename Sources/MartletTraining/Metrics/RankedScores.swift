import MartletTensor

/// Every example's score for each class, kept whole: what figures of a ranking need.
///
/// Eight bytes a score: 10,000 examples of 1,000 classes are 80 MB. Only their order counts in the end, so that nothing
/// depends on how they came.
struct RankedScores: Sendable {
    /// 1 for two classes: the score of class 1.
    private(set) var columns = 0
    private var scores: [Double] = []
    private var labels: [Int] = []

    var count: Int { labels.count }

    mutating func add(_ batch: MetricBatch, for metric: String) throws(MetricError) {
        let classes = try batch.expectScores(of: metric)
        let found = classes == 2 ? 1 : classes
        guard columns == 0 || columns == found else {
            throw MetricError("outputs", expected: "\(max(2, columns)) classes", found: "\(classes)")
        }
        columns = found
        labels += batch.labels
        scores += classes == 2 ? Self.binaryScores(batch) : batch.probabilities
    }

    /// The difference of two logits has the order of the probability, and none of its saturation.
    private static func binaryScores(_ batch: MetricBatch) -> [Double] {
        if batch.width == 1 { return batch.outputs }
        let isDifference = batch.form == .logits
        return (0..<batch.count).map { row in
            let second = batch.outputs[2 * row + 1]
            return isDifference ? second - batch.outputs[2 * row] : second
        }
    }

    mutating func merge(_ other: RankedScores) {
        guard other.columns == columns || count == 0 || other.count == 0 else {
            stop("Metric.merge: scores of \(max(2, other.columns)) classes do not fit \(max(2, columns))")
        }
        columns = max(columns, other.columns)
        scores += other.scores
        labels += other.labels
    }

    /// Examples of one score: how many are of the class, and how many are not.
    struct Group {
        var positives = 0
        var negatives = 0
    }

    /// The groups of equal scores of a column, highest first; nil where a score is not a number.
    func groups(_ column: Int) -> [Group]? {
        let positive = columns == 1 ? 1 : column
        var ranked: [(score: Double, isPositive: Bool)] = []
        ranked.reserveCapacity(count)
        for (row, label) in labels.enumerated() {
            let score = scores[row * columns + column]
            if score.isNaN { return nil }
            ranked.append((score, label == positive))
        }
        ranked.sort { $0.score > $1.score }
        var (groups, last) = ([Group](), Double.nan)
        for (score, isPositive) in ranked {
            if score != last { groups.append(Group()) }
            last = score
            if isPositive {
                groups[groups.count - 1].positives += 1
            } else {
                groups[groups.count - 1].negatives += 1
            }
        }
        return groups
    }

    /// The examples of a column's class.
    func support(_ column: Int) -> Int {
        let positive = columns == 1 ? 1 : column
        return labels.reduce(0) { $0 + ($1 == positive ? 1 : 0) }
    }

    /// One figure of the columns' figures: the only one's, or a mean over the classes.
    func average(_ average: RankedAverage, _ figure: ([Group]) -> Double) -> Double {
        guard count > 0 else { return .nan }
        let figures = (0..<columns).map { groups($0).map(figure) ?? .nan }
        if columns == 1 { return figures[0] }
        let weights = (0..<columns).map { average == .macro ? 1 : Double(support($0)) }
        return zip(figures, weights).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)
    }
}

extension RankedScores: Equatable {
    /// True for the same examples in any order.
    static func == (a: RankedScores, b: RankedScores) -> Bool { a.columns == b.columns && a.sorted == b.sorted }

    private var sorted: [[Double]] {
        labels.indices.map { row in [Double(labels[row])] + scores[(row * columns)..<((row + 1) * columns)] }
            .sorted { $0.lexicographicallyPrecedes($1) }
    }
}

/// How the figures of single classes, each against all others, become one; of two classes the figure is class 1's.
public enum RankedAverage: String, Sendable, Codable, CaseIterable {
    /// The mean.
    case macro
    /// The mean with the weights of the classes' examples.
    case weighted
}

/// The area under the receiver operating characteristic: the chance that an example of the class scores higher than one of
/// another, ties counting half.
///
///     Σ over pairs (positive, negative) of [s⁺ > s⁻] + ½·[s⁺ = s⁻], divided by the number of pairs
///
/// counted in whole numbers, so that ties are exact. More than two classes: each against the others. Not a number where a
/// class has no example, or all. As scikit-learn's `roc_auc_score` (`multi_class="ovr"`).
///
/// Every score is kept: memory grows with the examples.
public struct AUROC: Metric {
    /// How classes become one figure.
    public let average: RankedAverage
    private var scores = RankedScores()

    /// Without an example yet.
    public init(average: RankedAverage = .macro) { self.average = average }

    public mutating func update(_ batch: MetricBatch) throws(MetricError) { try scores.add(batch, for: "auroc") }
    public mutating func merge(_ other: AUROC) { scores.merge(other.scores) }

    public var value: Double {
        scores.average(average) { groups in
            // Twice the pairs that are in order, from the highest score down.
            var (inOrder, above, negatives) = (0, 0, 0)
            for group in groups {
                inOrder += group.negatives * (2 * above + group.positives)
                above += group.positives
                negatives += group.negatives
            }
            return Double(inOrder) / (2 * Double(above) * Double(negatives))
        }
    }
}

/// The mean of the precisions at which each example of the class is found.
///
///     AP = Σ (Rₙ - Rₙ₋₁)·Pₙ  over the thresholds n, from the highest score down
///
/// with equal scores one threshold. More than two classes: each against the others. A class without examples has 0, as in
/// scikit-learn's `average_precision_score`.
///
/// Every score is kept: memory grows with the examples.
public struct AveragePrecision: Metric {
    /// How classes become one figure.
    public let average: RankedAverage
    private var scores = RankedScores()

    /// Without an example yet.
    public init(average: RankedAverage = .macro) { self.average = average }

    public mutating func update(_ batch: MetricBatch) throws(MetricError) {
        try scores.add(batch, for: "average_precision")
    }

    public mutating func merge(_ other: AveragePrecision) { scores.merge(other.scores) }

    public var value: Double {
        scores.average(average) { groups in
            let positives = groups.reduce(0) { $0 + $1.positives }
            guard positives > 0 else { return 0 }
            var (sum, found, taken) = (0.0, 0, 0)
            for group in groups {
                found += group.positives
                taken += group.positives + group.negatives
                sum += Double(group.positives) / Double(positives) * (Double(found) / Double(taken))
            }
            return sum
        }
    }
}
