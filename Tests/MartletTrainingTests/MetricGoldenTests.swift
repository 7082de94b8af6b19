import MartletTensor
import MartletTesting
import MartletTraining
import Testing

/// Metrics against scikit-learn's, as scripts/goldens/metrics.py took them.
@Suite("Metric goldens")
struct MetricGoldenTests {
    static let cases = (try? GoldenFile("metrics").cases) ?? []

    /// The whole batch, and where there are logits the same in that form.
    private func batches(_ file: GoldenFile, _ golden: GoldenCase) throws -> [MetricBatch] {
        func input(_ name: String) throws -> Tensor { try file.required(golden, name) }
        if golden.operation == "regression" {
            return [try MetricBatch(values: input("values"), targets: input("targets"))]
        }
        let labels = try input("labels")
        var found = [try MetricBatch(probabilities: input("probabilities"), labels: labels)]
        if golden.inputs.contains("logits") { found.append(try MetricBatch(logits: input("logits"), labels: labels)) }
        return found
    }

    /// The metric that an expected number is named after.
    private func metric(_ key: String, classes: Int?) throws -> any Metric {
        if key == "balanced_accuracy.adjusted" {
            return BalancedAccuracy(classes: try #require(classes), isAdjusted: true)
        }
        let parts = key.split(separator: ".").map(String.init)
        let zeroDivision = parts.count > 1 ? try #require(ZeroDivision(rawValue: parts[1])) : .zero
        let words = parts[0].split(separator: "_").map(String.init)
        guard parts.count > 1 || words[0] == "fbeta2" else {
            return try MetricName(named: key).makeMetric(classes: classes)
        }
        let average = words.count > 1 ? try #require(ClassAverage(rawValue: words[1])) : .binary
        let count = try #require(classes)
        switch words[0] {
        case "precision": return Precision(classes: count, average: average, zeroDivision: zeroDivision)
        case "recall": return Recall(classes: count, average: average, zeroDivision: zeroDivision)
        case "f1": return FScore(classes: count, average: average, zeroDivision: zeroDivision)
        default: return FScore(classes: count, average: average, beta: 2)
        }
    }

    @Test("Every figure is scikit-learn's within 1e-12", arguments: cases)
    func figures(_ golden: GoldenCase) throws {
        let file = try GoldenFile("metrics")
        for batch in try batches(file, golden) {
            for key in golden.expected {
                let wanted = try file.required(golden, key).item(as: Double.self)
                var metric = try metric(key, classes: golden.integer("classes"))
                try metric.update(batch)
                let found = metric.value
                let isEqual =
                    found.isNaN ? wanted.isNaN : (found - wanted).magnitude <= 1e-12 * max(1, wanted.magnitude)
                #expect(isEqual, "\(golden.name), \(batch.form), \(key): \(found) instead of \(wanted)")
            }
        }
    }

    @Test("The golden file has every metric")
    func completeness() {
        let keys = Set(Self.cases.flatMap(\.expected))
        for name in MetricName.allCases { #expect(keys.contains(name.rawValue), "\(name.rawValue)") }
        #expect(Self.cases.count == 12)
    }
}
