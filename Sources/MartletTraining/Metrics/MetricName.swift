import MartletGraph

/// A metric by the name that recipes and result files use.
public enum MetricName: String, Sendable, CaseIterable {
    /// The share of the examples that are right.
    case accuracy
    /// The share whose class is among the three likeliest.
    case top3 = "top_3"
    /// The share whose class is among the five likeliest.
    case top5 = "top_5"
    /// The share whose class is among the ten likeliest.
    case top10 = "top_10"
    /// The mean of the classes' recalls.
    case balancedAccuracy = "balanced_accuracy"

    /// The precision of class 1 of two.
    case precision
    /// The precision of all classes' counts together.
    case precisionMicro = "precision_micro"
    /// The mean of the classes' precisions.
    case precisionMacro = "precision_macro"
    /// The mean of the classes' precisions, weighted by their examples.
    case precisionWeighted = "precision_weighted"
    /// The recall of class 1 of two.
    case recall
    /// The recall of all classes' counts together.
    case recallMicro = "recall_micro"
    /// The mean of the classes' recalls.
    case recallMacro = "recall_macro"
    /// The mean of the classes' recalls, weighted by their examples.
    case recallWeighted = "recall_weighted"
    /// The F1 figure of class 1 of two.
    case f1
    /// The F1 figure of all classes' counts together.
    case f1Micro = "f1_micro"
    /// The mean of the classes' F1 figures.
    case f1Macro = "f1_macro"
    /// The mean of the classes' F1 figures, weighted by their examples.
    case f1Weighted = "f1_weighted"

    /// The area under the receiver operating characteristic: of class 1 of two, or the mean over classes.
    case auroc
    /// The same, weighted by the classes' examples.
    case aurocWeighted = "auroc_weighted"
    /// The average precision: of class 1 of two, or the mean over classes.
    case averagePrecision = "average_precision"
    /// The same, weighted by the classes' examples.
    case averagePrecisionWeighted = "average_precision_weighted"

    /// The mean cross entropy, in nats.
    case logLoss = "log_loss"
    /// The mean squared distance of probabilities from certainty.
    case brier
    /// The expected calibration error in 15 bins.
    case calibrationError = "ece"
    /// Agreement beyond chance, every error the same.
    case cohenKappa = "cohen_kappa"
    /// Agreement beyond chance, errors weighted by the distance of the classes.
    case cohenKappaLinear = "cohen_kappa_linear"
    /// Agreement beyond chance, errors weighted by the squared distance of the classes.
    case cohenKappaQuadratic = "cohen_kappa_quadratic"
    /// The correlation of predictions and classes.
    case matthews

    /// The mean absolute error.
    case meanAbsoluteError = "mae"
    /// The mean squared error.
    case meanSquaredError = "mse"
    /// The root of the mean squared error.
    case rootMeanSquaredError = "rmse"
    /// The mean of the errors beside the targets' magnitudes, a fraction.
    case meanAbsolutePercentageError = "mape"
    /// The largest error.
    case maxError = "max_error"
    /// The share of the targets' variance that is accounted for.
    case r2
    /// The same, leaving out the error that all values share.
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
        let found = NearestName.closest(name, among: MetricName.allCases.map(\.rawValue))
        nearest = found.flatMap(MetricName.init) ?? .accuracy
    }

    /// One line with the nearest name and all others.
    public var description: String {
        "there is no metric \"\(name)\"; the nearest is \(nearest.rawValue); known are "
            + MetricName.allCases.map(\.rawValue).joined(separator: ", ")
    }
}
