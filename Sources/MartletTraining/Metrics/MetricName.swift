/// A metric by the name that recipes and result files use.
public enum MetricName: String, Sendable, CaseIterable {
    case accuracy
    case top3 = "top_3"
    case top5 = "top_5"
    case top10 = "top_10"
    case balancedAccuracy = "balanced_accuracy"
    /// Precision, recall and F1 of class 1 of two.
    case precision, recall, f1
    case precisionMicro = "precision_micro"
    case precisionMacro = "precision_macro"
    case precisionWeighted = "precision_weighted"
    case recallMicro = "recall_micro"
    case recallMacro = "recall_macro"
    case recallWeighted = "recall_weighted"
    case f1Micro = "f1_micro"
    case f1Macro = "f1_macro"
    case f1Weighted = "f1_weighted"
    /// The mean over the classes, each against the others; of two classes that of class 1.
    case auroc
    case aurocWeighted = "auroc_weighted"
    case averagePrecision = "average_precision"
    case averagePrecisionWeighted = "average_precision_weighted"
    case logLoss = "log_loss"
    case brier
    /// The expected calibration error in 15 bins.
    case calibrationError = "ece"
    case cohenKappa = "cohen_kappa"
    case cohenKappaLinear = "cohen_kappa_linear"
    case cohenKappaQuadratic = "cohen_kappa_quadratic"
    case matthews
    case meanAbsoluteError = "mae"
    case meanSquaredError = "mse"
    case rootMeanSquaredError = "rmse"
    case meanAbsolutePercentageError = "mape"
    case maxError = "max_error"
    case r2
    case explainedVariance = "explained_variance"

    /// What a metric is about.
    public enum Task: String, Sendable {
        /// Answers are classes.
        case classification
        /// Answers are numbers.
        case regression
    }

    /// The metric of a name.
    ///
    /// - Throws: ``UnknownMetric``, with the nearest name there is.
    public init(named text: String) throws(UnknownMetric) {
        guard let known = MetricName(rawValue: text) else { throw UnknownMetric(text) }
        self = known
    }

    /// What the metric is about.
    public var task: Task {
        switch self {
        case .meanAbsoluteError, .meanSquaredError, .rootMeanSquaredError, .meanAbsolutePercentageError, .maxError,
            .r2, .explainedVariance:
            .regression
        default: .classification
        }
    }

    /// Whether a larger figure is the better one: of a score, not of an error.
    public var isBetterHigher: Bool {
        switch self {
        case .logLoss, .brier, .calibrationError, .meanAbsoluteError, .meanSquaredError, .rootMeanSquaredError,
            .meanAbsolutePercentageError, .maxError:
            false
        default: true
        }
    }

    /// The metric without an example yet.
    ///
    /// - Parameter classes: the classes that there are; regression passes them by.
    /// - Throws: ``MetricError`` where the metric is of two classes only and there are others.
    public func makeMetric(classes: Int?) throws(MetricError) -> any Metric {
        switch self {
        case .accuracy: return Accuracy()
        case .top3: return TopKAccuracy(k: 3)
        case .top5: return TopKAccuracy(k: 5)
        case .top10: return TopKAccuracy(k: 10)
        case .auroc: return AUROC()
        case .aurocWeighted: return AUROC(average: .weighted)
        case .averagePrecision: return AveragePrecision()
        case .averagePrecisionWeighted: return AveragePrecision(average: .weighted)
        case .logLoss: return LogLoss()
        case .brier: return BrierScore()
        case .calibrationError: return CalibrationError()
        case .meanAbsoluteError: return MeanAbsoluteError()
        case .meanSquaredError: return MeanSquaredError()
        case .rootMeanSquaredError: return RootMeanSquaredError()
        case .meanAbsolutePercentageError: return MeanAbsolutePercentageError()
        case .maxError: return MaxError()
        case .r2: return R2Score()
        case .explainedVariance: return ExplainedVariance()
        case .balancedAccuracy, .precision, .recall, .f1, .precisionMicro, .precisionMacro, .precisionWeighted,
            .recallMicro, .recallMacro, .recallWeighted, .f1Micro, .f1Macro, .f1Weighted, .cohenKappa,
            .cohenKappaLinear, .cohenKappaQuadratic, .matthews:
            return try makeMetric(countedClasses: classes)
        }
    }

    /// The metrics that count in a confusion matrix.
    private func makeMetric(countedClasses classes: Int?) throws(MetricError) -> any Metric {
        guard let classes, classes > 0 else {
            throw MetricError(rawValue, expected: "data with a number of classes", found: "none")
        }
        if [.precision, .recall, .f1].contains(self), classes != 2 {
            throw MetricError(
                rawValue, expected: "two classes; else \(rawValue)_macro, \(rawValue)_micro or \(rawValue)_weighted",
                found: "\(classes) classes")
        }
        switch self {
        case .balancedAccuracy: return BalancedAccuracy(classes: classes)
        case .precision: return Precision(classes: classes, average: .binary)
        case .precisionMicro: return Precision(classes: classes, average: .micro)
        case .precisionMacro: return Precision(classes: classes, average: .macro)
        case .precisionWeighted: return Precision(classes: classes, average: .weighted)
        case .recall: return Recall(classes: classes, average: .binary)
        case .recallMicro: return Recall(classes: classes, average: .micro)
        case .recallMacro: return Recall(classes: classes, average: .macro)
        case .recallWeighted: return Recall(classes: classes, average: .weighted)
        case .f1: return FScore(classes: classes, average: .binary)
        case .f1Micro: return FScore(classes: classes, average: .micro)
        case .f1Macro: return FScore(classes: classes, average: .macro)
        case .f1Weighted: return FScore(classes: classes, average: .weighted)
        case .cohenKappa: return CohenKappa(classes: classes)
        case .cohenKappaLinear: return CohenKappa(classes: classes, weights: .linear)
        case .cohenKappaQuadratic: return CohenKappa(classes: classes, weights: .quadratic)
        default: return MatthewsCorrelation(classes: classes)
        }
    }
}

extension MetricName: Codable {
    /// Reads a name; the error of an unknown one says which is nearest.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        do { self = try MetricName(named: text) } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }
}

/// A name that no metric has.
public struct UnknownMetric: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was asked for.
    public let name: String
    /// The name that is nearest to it.
    public let nearest: MetricName

    init(_ name: String) {
        self.name = name
        let distances = MetricName.allCases.map { ($0, editDistance(name.lowercased(), $0.rawValue)) }
        nearest = distances.min { $0.1 < $1.1 }?.0 ?? .accuracy
    }

    /// One line with the nearest name and all others.
    public var description: String {
        "there is no metric \"\(name)\"; the nearest is \(nearest.rawValue); known are "
            + MetricName.allCases.map(\.rawValue).joined(separator: ", ")
    }
}

/// The fewest letters to add, drop or change to come from one word to the other (V. Levenshtein, 1966).
func editDistance(_ a: String, _ b: String) -> Int {
    let b = Array(b)
    var row = Array(0...b.count)
    for (i, letter) in a.enumerated() {
        var corner = row[0]
        row[0] = i + 1
        for j in b.indices {
            let changed = corner + (letter == b[j] ? 0 : 1)
            corner = row[j + 1]
            row[j + 1] = min(changed, row[j] + 1, corner + 1)
        }
    }
    return row[b.count]
}
