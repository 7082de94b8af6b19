import MartletTensor

/// How figures of single classes become one.
public enum ClassAverage: String, Sendable, Codable, CaseIterable {
    /// The figure of class 1 of two.
    case binary
    /// The figure of all examples' counts together.
    case micro
    /// The mean over the classes that occur or are predicted.
    case macro
    /// The mean over these classes, each with the weight of its examples.
    case weighted
}

/// What 0 / 0 counts as: a class without a prediction has no precision, one without an example no recall.
public enum ZeroDivision: String, Sendable, Codable, CaseIterable {
    /// 0, scikit-learn's default.
    case zero
    /// 1.
    case one
    /// Not a number; means leave it out.
    case undefined

    var value: Double {
        switch self {
        case .zero: 0
        case .one: 1
        case .undefined: .nan
        }
    }
}

/// The share of the predictions of a class that are right: hits / predictions.
///
/// As scikit-learn's `precision_score`.
public struct Precision: ConfusionMetric {
    public var matrix: ConfusionMatrix
    /// How classes become one figure.
    public let average: ClassAverage
    /// What a class without a prediction counts as.
    public let zeroDivision: ZeroDivision

    /// Without an example yet.
    public init(classes: Int, average: ClassAverage, zeroDivision: ZeroDivision = .zero) {
        matrix = ConfusionMatrix(classes: classes)
        (self.average, self.zeroDivision) = (average.checked(classes, "Precision"), zeroDivision)
    }

    public var value: Double { matrix.average(average, perClass: score) }
    /// The figure of each class.
    public var valuesByClass: [Double] { matrix.tallies.map(score) }

    private func score(_ tally: ClassTally) -> Double {
        tally.predicted == 0 ? zeroDivision.value : Double(tally.hits) / Double(tally.predicted)
    }
}

/// The share of a class's examples that are found: hits / examples.
///
/// As scikit-learn's `recall_score`.
public struct Recall: ConfusionMetric {
    public var matrix: ConfusionMatrix
    /// How classes become one figure.
    public let average: ClassAverage
    /// What a class without an example counts as.
    public let zeroDivision: ZeroDivision

    /// Without an example yet.
    public init(classes: Int, average: ClassAverage, zeroDivision: ZeroDivision = .zero) {
        matrix = ConfusionMatrix(classes: classes)
        (self.average, self.zeroDivision) = (average.checked(classes, "Recall"), zeroDivision)
    }

    public var value: Double { matrix.average(average, perClass: score) }
    /// The figure of each class.
    public var valuesByClass: [Double] { matrix.tallies.map(score) }

    private func score(_ tally: ClassTally) -> Double {
        tally.actual == 0 ? zeroDivision.value : Double(tally.hits) / Double(tally.actual)
    }
}

/// Precision and recall in one, their weighted harmonic mean.
///
///     F = (1 + β²) · precision · recall / (β² · precision + recall) = (1 + β²) · hits / (β² · examples + predictions)
///
/// As scikit-learn's `fbeta_score`; β = 1 is F1.
public struct FScore: ConfusionMetric {
    public var matrix: ConfusionMatrix
    /// How classes become one figure.
    public let average: ClassAverage
    /// β: how many times as much recall weighs as precision.
    public let beta: Double
    /// What a class counts as that neither occurs nor is predicted.
    public let zeroDivision: ZeroDivision

    /// Without an example yet.
    public init(classes: Int, average: ClassAverage, beta: Double = 1, zeroDivision: ZeroDivision = .zero) {
        guard beta >= 0, beta.isFinite else { stop("FScore: beta must be 0 or more, it is \(beta)") }
        matrix = ConfusionMatrix(classes: classes)
        (self.average, self.beta) = (average.checked(classes, "FScore"), beta)
        self.zeroDivision = zeroDivision
    }

    public var value: Double { matrix.average(average, perClass: score) }
    /// The figure of each class.
    public var valuesByClass: [Double] { matrix.tallies.map(score) }

    private func score(_ tally: ClassTally) -> Double {
        let square = beta * beta
        let whole = square * Double(tally.actual) + Double(tally.predicted)
        return whole == 0 ? zeroDivision.value : (1 + square) * Double(tally.hits) / whole
    }
}

/// What the figures of one class are made of.
struct ClassTally {
    /// The class's examples that were found.
    var hits = 0
    /// How often the class was predicted.
    var predicted = 0
    /// The class's examples.
    var actual = 0
}

extension ConfusionMatrix {
    /// Each class's counts.
    var tallies: [ClassTally] {
        var tallies = [ClassTally](repeating: ClassTally(), count: classes)
        for actual in 0..<classes {
            for predicted in 0..<classes {
                let count = self[predicted: predicted, actual: actual]
                tallies[actual].actual += count
                tallies[predicted].predicted += count
                if actual == predicted { tallies[actual].hits = count }
            }
        }
        return tallies
    }

    /// One figure of the classes' figures; what is not a number is left out of a mean.
    func average(_ average: ClassAverage, perClass score: (ClassTally) -> Double) -> Double {
        let tallies = tallies
        switch average {
        case .binary: return score(tallies[1])
        case .micro:
            let all = tallies.reduce(into: ClassTally()) { sum, each in
                sum.hits += each.hits
                sum.predicted += each.predicted
                sum.actual += each.actual
            }
            return score(all)
        case .macro, .weighted:
            let present = tallies.filter { $0.actual + $0.predicted > 0 }
            let scored = present.map { (score($0), average == .macro ? 1 : Double($0.actual)) }.filter { !$0.0.isNaN }
            return scored.reduce(0) { $0 + $1.0 * $1.1 } / scored.reduce(0) { $0 + $1.1 }
        }
    }
}

extension ClassAverage {
    /// The average, where it suits so many classes.
    func checked(_ classes: Int, _ metric: String) -> ClassAverage {
        guard self != .binary || classes == 2 else {
            stop("\(metric): the average .binary is of two classes; with \(classes) choose .micro, .macro or .weighted")
        }
        return self
    }
}
