/// How often each class was taken for each other.
///
///     var matrix = ConfusionMatrix(classes: 10)
///     matrix.add(predicted: 9, actual: 4)
public struct ConfusionMatrix: Equatable, Sendable {
    /// The number of classes.
    public let classes: Int
    /// Row `actual`, column `predicted`.
    private var counts: [Int]

    /// A matrix of zeros.
    public init(classes: Int) {
        self.classes = classes
        counts = [Int](repeating: 0, count: classes * classes)
    }

    /// Counts `count` examples of class `actual` that were taken for `predicted`, both from 0 on.
    public mutating func add(predicted: Int, actual: Int, count: Int = 1) {
        counts[index(predicted: predicted, actual: actual)] += count
    }

    /// Adds the counts of another matrix, from another worker or another part of the data.
    public mutating func add(_ other: ConfusionMatrix) {
        guard other.classes == classes else {
            fail("ConfusionMatrix.add: \(other.classes) classes do not fit \(classes)")
        }
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    /// How many examples of class `actual` were taken for `predicted`.
    public subscript(predicted predicted: Int, actual actual: Int) -> Int {
        counts[index(predicted: predicted, actual: actual)]
    }

    /// All examples.
    public var total: Int { counts.reduce(0, +) }

    /// The examples that were classified rightly.
    public var correct: Int { (0..<classes).reduce(0) { $0 + counts[$1 * classes + $1] } }

    /// `correct / total`; not a number where there are no examples.
    public var accuracy: Double { Double(correct) / Double(total) }

    /// The examples of a class.
    public func support(of label: Int) -> Int { (0..<classes).reduce(0) { $0 + self[predicted: $1, actual: label] } }

    /// How often a class was predicted.
    public func predictions(of label: Int) -> Int {
        (0..<classes).reduce(0) { $0 + self[predicted: label, actual: $1] }
    }

    /// The share of the predictions of a class that were right; nil where it was never predicted.
    public func precision(of label: Int) -> Double? {
        ratio(self[predicted: label, actual: label], predictions(of: label))
    }

    /// The share of a class's examples that were found; nil where it has none.
    public func recall(of label: Int) -> Double? { ratio(self[predicted: label, actual: label], support(of: label)) }

    /// `2 · precision · recall / (precision + recall)` = `2 · hits / (support + predictions)`; nil for a class that
    /// neither occurs nor is predicted.
    public func f1(of label: Int) -> Double? {
        ratio(2 * self[predicted: label, actual: label], support(of: label) + predictions(of: label))
    }

    /// The mean of the classes' precisions. Every class that occurs or is predicted counts the same, and where a
    /// figure is undefined it counts as 0, which is scikit-learn's rule.
    public var macroPrecision: Double { mean(precision) }

    /// The mean of the classes' recalls, by the rule of ``macroPrecision``.
    public var macroRecall: Double { mean(recall) }

    /// The mean of the classes' F1 figures, by the rule of ``macroPrecision``.
    public var macroF1: Double { mean(f1) }

    /// A kind of error and how often it was made.
    public struct Confusion: Equatable, Sendable {
        /// What the examples are.
        public let actual: Int
        /// What they were taken for.
        public let predicted: Int
        /// How many there were.
        public let count: Int
    }

    /// The most frequent errors, most frequent first; ties by class.
    public func mostFrequentErrors(_ limit: Int) -> [Confusion] {
        var errors: [Confusion] = []
        for actual in 0..<classes {
            for predicted in 0..<classes where predicted != actual {
                let count = self[predicted: predicted, actual: actual]
                if count > 0 { errors.append(Confusion(actual: actual, predicted: predicted, count: count)) }
            }
        }
        errors.sort { ($1.count, $0.actual, $0.predicted) < ($0.count, $1.actual, $1.predicted) }
        return Array(errors.prefix(limit))
    }

    private func index(predicted: Int, actual: Int) -> Int {
        guard (0..<classes).contains(predicted), (0..<classes).contains(actual) else {
            fail("ConfusionMatrix: predicted \(predicted), actual \(actual): classes are 0 to \(classes - 1)")
        }
        return actual * classes + predicted
    }

    private func ratio(_ part: Int, _ whole: Int) -> Double? { whole == 0 ? nil : Double(part) / Double(whole) }

    private func mean(_ figure: (Int) -> Double?) -> Double {
        let present = (0..<classes).filter { support(of: $0) + predictions(of: $0) > 0 }
        return present.reduce(0) { $0 + (figure($1) ?? 0) } / Double(present.count)
    }
}

/// Stops with a message that release builds print too.
@inline(never)
private func fail(_ message: String) -> Never { fatalError(message) }
