/// The mean of the recalls of the classes that occur: accuracy as if every class had as many examples.
///
/// As scikit-learn's `balanced_accuracy_score`.
public struct BalancedAccuracy: ConfusionMetric {
    public var matrix: ConfusionMatrix
    /// Whether the figure is scaled so that guessing is 0: (a - 1/classes) / (1 - 1/classes).
    public let isAdjusted: Bool

    /// Without an example yet.
    public init(classes: Int, isAdjusted: Bool = false) {
        matrix = ConfusionMatrix(classes: classes)
        self.isAdjusted = isAdjusted
    }

    public var value: Double {
        let recalls = matrix.tallies.filter { $0.actual > 0 }.map { Double($0.hits) / Double($0.actual) }
        let mean = recalls.reduce(0, +) / Double(recalls.count)
        guard isAdjusted else { return mean }
        let chance = 1 / Double(recalls.count)
        return (mean - chance) / (1 - chance)
    }
}

/// Agreement beyond chance.
///
///     κ = 1 - Σ w·observed / Σ w·expected,  expected(i, j) = predictions(i) · examples(j) / n
///
/// with w = 1 off the diagonal, or the distance of two classes that have an order, or its square. Not a number where all
/// examples are of one class and taken for it.
///
/// As scikit-learn's `cohen_kappa_score`. Source: J. Cohen (1960); weights: J. Cohen (1968).
public struct CohenKappa: ConfusionMetric {
    /// How much it weighs to take class i for class j.
    public enum Weights: String, Sendable, Codable, CaseIterable {
        /// Every error the same.
        case equal
        /// |i - j|.
        case linear
        /// (i - j)².
        case quadratic
    }

    public var matrix: ConfusionMatrix
    /// How much errors weigh.
    public let weights: Weights

    /// Without an example yet.
    public init(classes: Int, weights: Weights = .equal) {
        matrix = ConfusionMatrix(classes: classes)
        self.weights = weights
    }

    public var value: Double {
        let tallies = matrix.tallies
        // Whole numbers throughout: n·Σ w·observed over Σ w·predictions·examples.
        var (observed, expected) = (0.0, 0.0)
        for actual in 0..<matrix.classes {
            for predicted in 0..<matrix.classes {
                let weight = weight(predicted - actual)
                observed += weight * Double(matrix[predicted: predicted, actual: actual])
                expected += weight * Double(tallies[predicted].predicted) * Double(tallies[actual].actual)
            }
        }
        return 1 - observed * Double(matrix.total) / expected
    }

    private func weight(_ distance: Int) -> Double {
        switch weights {
        case .equal: distance == 0 ? 0 : 1
        case .linear: Double(distance.magnitude)
        case .quadratic: Double(distance * distance)
        }
    }
}

/// The correlation of predictions and classes, from -1 to 1; 0 where one of them is always the same.
///
///     (n·correct - Σ p·a) / √((n² - Σ p²)·(n² - Σ a²))
///
/// with p a class's predictions and a its examples. As scikit-learn's `matthews_corrcoef`.
///
/// Source: B. Matthews (1975); for more classes J. Gorodkin (2004).
public struct MatthewsCorrelation: ConfusionMetric {
    public var matrix: ConfusionMatrix

    /// Without an example yet.
    public init(classes: Int) { matrix = ConfusionMatrix(classes: classes) }

    public var value: Double {
        let tallies = matrix.tallies
        let n = Double(matrix.total)
        guard n > 0 else { return .nan }
        func sum(_ term: (ClassTally) -> Double) -> Double { tallies.reduce(0) { $0 + term($1) } }
        let covariance = n * Double(matrix.correct) - sum { Double($0.predicted) * Double($0.actual) }
        let predicted = n * n - sum { Double($0.predicted) * Double($0.predicted) }
        let actual = n * n - sum { Double($0.actual) * Double($0.actual) }
        return predicted * actual == 0 ? 0 : covariance / (predicted * actual).squareRoot()
    }
}
