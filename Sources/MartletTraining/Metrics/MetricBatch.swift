import Foundation
import MartletTensor

/// A batch of answers with what they should have been, as numbers on the host: what metrics are gathered from.
///
/// Several metrics of one batch share it, so that a tensor is read once and probabilities are worked out once.
public final class MetricBatch {
    /// What a model's numbers are.
    public enum Form: String, Sendable {
        /// A number a class, of which softmax makes probabilities; one number is the logit of class 1 of two.
        case logits
        /// A probability a class; one number is that of class 1 of two.
        case probabilities
        /// The class itself.
        case classes
        /// Numbers that should be near to others.
        case values
    }

    /// What the numbers are.
    public let form: Form
    /// Examples.
    public let count: Int
    /// Numbers of an example.
    public let width: Int
    /// What the model said, an example after the other; empty where it said classes.
    public let outputs: [Double]
    /// The right classes; empty for values.
    public let labels: [Int]
    /// The right numbers, shaped like ``outputs``; empty for classes.
    public let targets: [Double]
    private let given: [Int]

    // MARK: From arrays

    /// Logits, `classes` an example, one example after the other; `classes` 1 for the logit of class 1 of two.
    public convenience init(logits: [Double], classes: Int, labels: [Int]) throws(MetricError) {
        try self.init(.logits, logits, width: classes, labels)
    }

    /// Probabilities in the order of ``init(logits:classes:labels:)``.
    public convenience init(probabilities: [Double], classes: Int, labels: [Int]) throws(MetricError) {
        try self.init(.probabilities, probabilities, width: classes, labels)
    }

    /// Classes.
    public init(predicted: [Int], labels: [Int]) throws(MetricError) {
        guard predicted.count == labels.count else {
            throw MetricError("labels", expected: "\(predicted.count), one a prediction", found: "\(labels.count)")
        }
        (form, count, width, outputs, targets) = (.classes, labels.count, 1, [], [])
        (self.labels, given) = (labels, predicted)
    }

    /// Numbers, `columns` an example.
    public init(values: [Double], targets: [Double], columns: Int = 1) throws(MetricError) {
        guard values.count == targets.count, columns > 0, values.count.isMultiple(of: columns) else {
            throw MetricError(
                "targets", expected: "\(values.count), \(columns) an example, one a value", found: "\(targets.count)")
        }
        (form, count, width) = (.values, values.count / columns, columns)
        (outputs, self.targets, labels, given) = (values, targets, [], [])
    }

    private init(_ form: Form, _ outputs: [Double], width: Int, _ labels: [Int]) throws(MetricError) {
        guard width > 0, outputs.count == labels.count * width else {
            throw MetricError(
                "labels", expected: "one for every \(width) of \(outputs.count) \(form.rawValue)",
                found: "\(labels.count)")
        }
        (self.form, count, self.width, self.outputs) = (form, labels.count, width, outputs)
        (self.labels, targets, given) = (labels, [], [])
        try checkLabels(classes: classes)
    }

    // MARK: From tensors

    /// A model's logits.
    ///
    /// ## Shapes
    /// - logits: `[batch, classes]`; `[batch]` or `[batch, 1]` for the logit of class 1 of two
    /// - labels: as many as there are examples, of any type that holds whole numbers
    public convenience init(logits: Tensor, labels: Tensor) throws {
        try self.init(.logits, logits, labels)
    }

    /// A model's probabilities, with the shapes of ``init(logits:labels:)-swift.init``.
    public convenience init(probabilities: Tensor, labels: Tensor) throws {
        try self.init(.probabilities, probabilities, labels)
    }

    /// Numbers and what they should have been, both `[batch]` or `[batch, columns]`.
    public convenience init(values: Tensor, targets: Tensor) throws {
        guard values.shape == targets.shape else {
            stop("MetricBatch: values of shape \(values.shape) and targets of shape \(targets.shape) are no pairs")
        }
        let columns = values.rank < 2 ? 1 : (1..<values.rank).reduce(1) { $0 * values.shape[$1] }
        try self.init(
            values: try MetricBatch.numbers(of: values),
            targets: try MetricBatch.numbers(of: targets), columns: max(1, columns))
    }

    private convenience init(_ form: Form, _ outputs: Tensor, _ labels: Tensor) throws {
        let width = outputs.rank == 2 ? outputs.shape[1] : 1
        guard (1...2).contains(outputs.rank), outputs.shape[0] == labels.elementCount else {
            stop(
                "MetricBatch: \(form.rawValue) of shape \(outputs.shape) and labels of shape \(labels.shape); "
                    + "[batch, classes] and [batch] are expected")
        }
        try self.init(
            form, try MetricBatch.numbers(of: outputs), width: width,
            try MetricBatch.classes(try MetricBatch.numbers(of: labels)))
    }

    /// A tensor's numbers; cast where the tensor is, which is quicker than one by one.
    private static func numbers(of tensor: Tensor) throws -> [Double] {
        try tensor.detached().to(dtype: .float64).checkedArray(as: Double.self)
    }

    /// Labels of a binary loss are floating numbers; they are classes all the same.
    private static func classes(_ numbers: [Double]) throws(MetricError) -> [Int] {
        var classes: [Int] = []
        classes.reserveCapacity(numbers.count)
        for (index, number) in numbers.enumerated() {
            guard let label = Int(exactly: number) else {
                throw MetricError("labels", at: index, expected: "a class, a whole number", found: "\(number)")
            }
            classes.append(label)
        }
        return classes
    }

    // MARK: What metrics ask for

    /// The classes that the outputs speak of; nil where they do not say.
    public var classes: Int? {
        switch form {
        case .logits, .probabilities: max(2, width)
        case .classes, .values: nil
        }
    }

    /// The class that each example was taken for: the one with the largest number, the first of several.
    public private(set) lazy var predicted: [Int] = {
        switch form {
        case .classes: return given
        case .values: return []
        case .logits, .probabilities:
            if width == 1 {
                let boundary = form == .logits ? 0 : 0.5
                return outputs.map { $0 > boundary ? 1 : 0 }
            }
            return (0..<count).map { Self.largest(outputs[($0 * width)..<(($0 + 1) * width)]) }
        }
    }()

    /// What is not a number is larger than any, as in a tensor's `argmax`.
    private static func largest(_ row: ArraySlice<Double>) -> Int {
        var best = row.startIndex
        for index in row.indices where row[index] > row[best] || (row[index].isNaN && !row[best].isNaN) {
            best = index
        }
        return best - row.startIndex
    }

    /// The probability of each class, ``classes`` an example, in float64.
    public private(set) lazy var probabilities: [Double] = {
        switch form {
        case .classes, .values: return []
        case .probabilities: return width > 1 ? outputs : outputs.flatMap { [1 - $0, $0] }
        case .logits:
            if width == 1 { return outputs.flatMap { [1 / (1 + exp($0)), 1 / (1 + exp(-$0))] } }
            var result = outputs
            for start in stride(from: 0, to: result.count, by: width) {
                let largest = result[start..<(start + width)].max() ?? 0
                var sum = 0.0
                for index in start..<(start + width) {
                    result[index] = exp(result[index] - largest)
                    sum += result[index]
                }
                for index in start..<(start + width) { result[index] /= sum }
            }
            return result
        }
    }()

    // MARK: Checks

    /// Throws where a label or a prediction is none of so many classes.
    func checkLabels(classes: Int?) throws(MetricError) {
        guard let classes else { return }
        for (name, found) in [("labels", labels), ("predictions", given)] {
            guard let index = found.firstIndex(where: { !(0..<classes).contains($0) }) else { continue }
            throw MetricError(name, at: index, expected: "a class from 0 to \(classes - 1)", found: "\(found[index])")
        }
    }

    /// Throws where the batch is none of classes, or of other classes than these.
    func expectClasses(_ expected: Int) throws(MetricError) {
        guard form != .values else {
            throw MetricError("outputs", expected: "answers about classes", found: "values")
        }
        if let classes, classes != expected {
            throw MetricError("outputs", expected: "\(expected) classes", found: "\(classes)")
        }
        try checkLabels(classes: expected)
    }

    /// Throws where there is no number a class.
    func expectScores(of metric: String) throws(MetricError) -> Int {
        guard let classes else {
            throw MetricError("outputs", expected: "logits or probabilities, for \(metric)", found: form.rawValue)
        }
        return classes
    }
}
