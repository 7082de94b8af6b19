import MartletTensor

/// The figure of one column of values, gathered number by number.
protocol ColumnSums: Sendable, Equatable {
    init()
    mutating func add(_ value: Double, target: Double)
    mutating func merge(_ other: Self)
    var figure: Double { get }
}

/// The columns of a batch of values, each with its own sums.
struct Columns<Sums: ColumnSums>: Sendable, Equatable {
    private(set) var sums: [Sums] = []

    mutating func add(_ batch: MetricBatch) throws(MetricError) {
        guard batch.form == .values else {
            throw MetricError("outputs", expected: "values and targets", found: batch.form.rawValue)
        }
        if sums.isEmpty { sums = [Sums](repeating: Sums(), count: batch.width) }
        guard sums.count == batch.width else {
            throw MetricError("outputs", expected: "\(sums.count) columns", found: "\(batch.width)")
        }
        for index in batch.outputs.indices {
            sums[index % batch.width].add(batch.outputs[index], target: batch.targets[index])
        }
    }

    mutating func merge(_ other: Columns) {
        if other.sums.isEmpty { return }
        if sums.isEmpty { sums = [Sums](repeating: Sums(), count: other.sums.count) }
        guard sums.count == other.sums.count else {
            stop("Metric.merge: \(other.sums.count) columns do not fit \(sums.count)")
        }
        for (index, each) in other.sums.enumerated() { sums[index].merge(each) }
    }

    /// The mean over the columns, scikit-learn's `uniform_average`.
    var mean: Double { sums.reduce(0) { $0 + $1.figure } / Double(sums.count) }
}

/// The mean of |value - target|. As scikit-learn's `mean_absolute_error`.
public struct MeanAbsoluteError: Metric {
    private var columns = Columns<MeanOf<AbsoluteError>>()
    /// Without an example yet.
    public init() {}
    public mutating func update(_ batch: MetricBatch) throws(MetricError) { try columns.add(batch) }
    public mutating func merge(_ other: MeanAbsoluteError) { columns.merge(other.columns) }
    public var value: Double { columns.mean }
}

/// The mean of (value - target)². As scikit-learn's `mean_squared_error`.
public struct MeanSquaredError: Metric {
    private var columns = Columns<SquaredErrors>()
    /// Without an example yet.
    public init() {}
    public mutating func update(_ batch: MetricBatch) throws(MetricError) { try columns.add(batch) }
    public mutating func merge(_ other: MeanSquaredError) { columns.merge(other.columns) }
    public var value: Double { columns.mean }
}

/// The root of the mean of (value - target)². As scikit-learn's `root_mean_squared_error`.
public struct RootMeanSquaredError: Metric {
    private var columns = Columns<SquaredErrors>()
    /// Without an example yet.
    public init() {}
    public mutating func update(_ batch: MetricBatch) throws(MetricError) { try columns.add(batch) }
    public mutating func merge(_ other: RootMeanSquaredError) { columns.merge(other.columns) }
    public var value: Double {
        columns.sums.reduce(0) { $0 + $1.figure.squareRoot() } / Double(columns.sums.count)
    }
}

/// The mean of |value - target| / max(|target|, 2⁻⁵²), a fraction. As scikit-learn's `mean_absolute_percentage_error`.
public struct MeanAbsolutePercentageError: Metric {
    private var columns = Columns<MeanOf<RelativeError>>()
    /// Without an example yet.
    public init() {}
    public mutating func update(_ batch: MetricBatch) throws(MetricError) { try columns.add(batch) }
    public mutating func merge(_ other: MeanAbsolutePercentageError) { columns.merge(other.columns) }
    public var value: Double { columns.mean }
}

/// The largest |value - target|, of all columns. As scikit-learn's `max_error`.
public struct MaxError: Metric {
    private var columns = Columns<LargestError>()
    /// Without an example yet.
    public init() {}
    public mutating func update(_ batch: MetricBatch) throws(MetricError) { try columns.add(batch) }
    public mutating func merge(_ other: MaxError) { columns.merge(other.columns) }
    public var value: Double {
        columns.sums.map(\.figure).reduce(-.infinity) { $0 > $1 || $0.isNaN ? $0 : $1 }.orUndefined(
            columns.sums.isEmpty)
    }
}

/// The share of the targets' variance that the values account for: the coefficient of determination.
///
///     R² = 1 - Σ (value - target)² / Σ (target - mean of targets)²
///
/// Where the targets are all the same: 1 where the values are right, else 0. Not a number for fewer than two examples.
/// As scikit-learn's `r2_score`.
public struct R2Score: Metric {
    private var columns = Columns<Determination>()
    /// Without an example yet.
    public init() {}
    public mutating func update(_ batch: MetricBatch) throws(MetricError) { try columns.add(batch) }
    public mutating func merge(_ other: R2Score) { columns.merge(other.columns) }
    public var value: Double { columns.mean }
}

/// R² without the error that all values share.
///
///     1 - variance of (target - value) / variance of the targets
///
/// Where the targets are all the same: 1 where the errors are, else 0. As scikit-learn's `explained_variance_score`.
public struct ExplainedVariance: Metric {
    private var columns = Columns<ExplainedDeviation>()
    /// Without an example yet.
    public init() {}
    public mutating func update(_ batch: MetricBatch) throws(MetricError) { try columns.add(batch) }
    public mutating func merge(_ other: ExplainedVariance) { columns.merge(other.columns) }
    public var value: Double { columns.mean }
}

// MARK: Sums

/// A term of one pair.
protocol PairTerm: Sendable, Equatable {
    static func term(_ value: Double, _ target: Double) -> Double
}

enum AbsoluteError: PairTerm {
    static func term(_ value: Double, _ target: Double) -> Double { (value - target).magnitude }
}

enum RelativeError: PairTerm {
    static func term(_ value: Double, _ target: Double) -> Double {
        (value - target).magnitude / max(target.magnitude, .ulpOfOne)
    }
}

struct MeanOf<Term: PairTerm>: ColumnSums {
    private var sum = ExactSum()
    private var count = 0

    mutating func add(_ value: Double, target: Double) {
        sum.add(Term.term(value, target))
        count += 1
    }

    mutating func merge(_ other: MeanOf) {
        sum.add(other.sum)
        count += other.count
    }

    var figure: Double { sum.value / Double(count) }
}

struct SquaredErrors: ColumnSums {
    private var sum = ExactSum()
    private var count = 0

    mutating func add(_ value: Double, target: Double) {
        let error = value - target
        sum.add(error, times: error)
        count += 1
    }

    mutating func merge(_ other: SquaredErrors) {
        sum.add(other.sum)
        count += other.count
    }

    var figure: Double { sum.value / Double(count) }
}

struct LargestError: ColumnSums {
    private(set) var figure = -Double.infinity

    mutating func add(_ value: Double, target: Double) {
        let error = (value - target).magnitude
        if error > figure || error.isNaN { figure = error }
    }

    mutating func merge(_ other: LargestError) {
        if other.figure > figure || other.figure.isNaN { figure = other.figure }
    }
}

struct Determination: ColumnSums {
    private var errors = ExactSum()
    private var targets = ExactMoments()

    mutating func add(_ value: Double, target: Double) {
        let error = target - value
        errors.add(error, times: error)
        targets.add(target)
    }

    mutating func merge(_ other: Determination) {
        errors.add(other.errors)
        targets.merge(other.targets)
    }

    var figure: Double {
        targets.count < 2 ? .nan : shareExplained(errors.value, of: targets.squaredDeviations)
    }
}

struct ExplainedDeviation: ColumnSums {
    private var errors = ExactMoments()
    private var targets = ExactMoments()

    mutating func add(_ value: Double, target: Double) {
        errors.add(target - value)
        targets.add(target)
    }

    mutating func merge(_ other: ExplainedDeviation) {
        errors.merge(other.errors)
        targets.merge(other.targets)
    }

    var figure: Double {
        targets.count == 0 ? .nan : shareExplained(errors.squaredDeviations, of: targets.squaredDeviations)
    }
}

/// 1 - rest / whole; where there is nothing to explain, 1 for no rest and else 0.
private func shareExplained(_ rest: Double, of whole: Double) -> Double {
    whole == 0 ? (rest == 0 ? 1 : 0) : 1 - rest / whole
}

extension Double {
    /// The number, or none where there is nothing to take it of.
    fileprivate func orUndefined(_ isEmpty: Bool) -> Double { isEmpty ? .nan : self }
}
