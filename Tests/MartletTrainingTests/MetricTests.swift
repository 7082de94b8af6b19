import Foundation
import MartletData
import MartletTensor
import MartletTraining
import Testing

@Suite("Metrics")
struct MetricTests {
    /// Numbers of every size, so that a sum that rounds would notice its order.
    private func wildNumbers(_ count: Int, seed: UInt64) -> [Double] {
        var random = RandomStream(seed: seed)
        return (0..<count).map { _ in
            Double(random.uniform(-1, 1)) * pow(10, Double(random.uniform(-12, 12)).rounded())
        }
    }

    private func batch(_ name: MetricName, _ range: Range<Int>) throws -> MetricBatch {
        var random = RandomStream(seed: 5)
        let (classes, all) = (name.task == .regression || [.f1, .recall, .precision].contains(name) ? 2 : 12, 200)
        let logits = (0..<(all * classes)).map { _ in Double(random.uniform(-3, 3)) }
        let labels = (0..<all).map { _ in random.below(classes) }
        if name.task == .regression {
            let (values, targets) = (wildNumbers(all, seed: 1), wildNumbers(all, seed: 2))
            return try MetricBatch(values: Array(values[range]), targets: Array(targets[range]))
        }
        return try MetricBatch(
            logits: Array(logits[(range.lowerBound * classes)..<(range.upperBound * classes)]), classes: classes,
            labels: Array(labels[range]))
    }

    @Test(
        "A figure has the same bits for any cut into batches and any order of workers", arguments: MetricName.allCases)
    func cuts(_ name: MetricName) throws {
        func gathered<Kind: Metric>(_ empty: Kind) throws {
            var whole = empty
            try whole.update(batch(name, 0..<200))
            #expect(whole.value.isFinite)
            for size in [1, 7, 64] {
                var (parts, workers) = (empty, [empty, empty, empty])
                for (index, start) in stride(from: 0, to: 200, by: size).enumerated() {
                    let part = try batch(name, start..<min(200, start + size))
                    try parts.update(part)
                    try workers[index % 3].update(part)
                }
                var merged = empty
                for worker in workers.reversed() { merged.merge(worker) }
                #expect(parts.value.bitPattern == whole.value.bitPattern, "\(size)")
                #expect(merged.value.bitPattern == whole.value.bitPattern, "\(size)")
                #expect(parts == whole && merged == whole)
            }
        }
        try gathered(name.makeMetric(classes: [.f1, .recall, .precision].contains(name) ? 2 : 12))
    }

    @Test("Before the first example a figure is not a number", arguments: MetricName.allCases)
    func empty(_ name: MetricName) throws {
        let metric = try name.makeMetric(classes: 2)
        // scikit-learn's rule for 0 / 0 comes before there being nothing at all.
        let counted = ["precision", "recall", "f1", "precision_micro", "recall_micro", "f1_micro"]
        #expect(counted.contains(name.rawValue) ? metric.value == 0 : metric.value.isNaN)
    }

    @Test("An exact sum is the true sum, rounded once")
    func exactSum() {
        var sum = ExactSum()
        for number in [1e100, 1, -1e100, 1e-300, .leastNonzeroMagnitude, -1e-300] as [Double] { sum.add(number) }
        #expect(sum.value == 1)
        sum.add(-1)
        #expect(sum.value == .leastNonzeroMagnitude)
        var tie = ExactSum()
        // Halfway between two numbers, and one bit far below the half.
        for number in [1, 0x1p-53, 0x1p-1000] { tie.add(number) }
        #expect(tie.value == 1 + 0x1p-52)
        tie.add(-0x1p-1000)
        #expect(tie.value == 1)
        var large = ExactSum()
        for _ in 0..<4 { large.add(.greatestFiniteMagnitude) }
        #expect(large.value == .infinity)
        for _ in 0..<3 { large.add(-.greatestFiniteMagnitude) }
        #expect(large.value == .greatestFiniteMagnitude)
        large.add(.infinity)
        #expect(large.value == .infinity)
        large.add(-.infinity)
        #expect(large.value.isNaN)
        var product = ExactSum()
        product.add(1 + 0x1p-40, times: 1 + 0x1p-40)
        product.add(-1)
        product.add(-0x1p-39)
        #expect(product.value == 0x1p-80)
        #expect(ExactSum().value == 0)
    }

    @Test("Sums of random numbers agree with sums over sorted pieces in any order")
    func exactSumOrder() {
        let numbers = wildNumbers(2000, seed: 9)
        var (forwards, backwards) = (ExactSum(), ExactSum())
        for number in numbers { forwards.add(number) }
        for number in numbers.reversed() { backwards.add(number) }
        #expect(forwards == backwards && forwards.value == backwards.value)
        // A rounded sum does depend on the order here.
        #expect(numbers.reduce(0, +) != numbers.reversed().reduce(0, +))
        for number in numbers { forwards.add(-number) }
        #expect(forwards.value == 0 && forwards == ExactSum())
    }

    @Test("A tensor's logits count like the same numbers from an array")
    func tensors() throws {
        let logits = Tensor([0.1, 2, -1, 3, 0.5, 0.25] as [Float], shape: [2, 3])
        var (first, second) = (Accuracy(), LogLoss())
        try first.update(logits: logits, labels: Tensor([1, 2]))
        try second.update(logits: logits, labels: Tensor([1, 2]))
        #expect(first.value == 0.5)
        var host = LogLoss()
        try host.update(
            MetricBatch(logits: logits.array(as: Double.self), classes: 3, labels: [1, 2]))
        #expect(host == second && host.value > 0)
        var binary = Accuracy()
        try binary.update(logits: Tensor([-2, 3, 0.5] as [Float]), labels: Tensor([0, 1, 0] as [Float]))
        #expect(binary.value == 2.0 / 3)
        var error = MeanAbsoluteError()
        try error.update(values: Tensor([1, 2] as [Float]), targets: Tensor([0, 4] as [Float]))
        #expect(error.value == 1.5)
    }

    @Test("A label outside the classes throws and names the example")
    func labels() throws {
        var f1 = FScore(classes: 3, average: .macro)
        let error = #expect(throws: MetricError.self) { try f1.update(predicted: [0, 1], labels: [0, 3]) }
        #expect(error?.description == "metric: labels of example 1: expected a class from 0 to 2, found 3")
        #expect(f1.matrix.total == 0)
        let half = #expect(throws: (any Error).self) {
            try MetricBatch(logits: Tensor.zeros([1, 2]), labels: Tensor([0.5] as [Float]))
        }
        #expect("\(try #require(half))".contains("a whole number, found 0.5"))
        var mean = MeanSquaredError()
        #expect(throws: MetricError.self) { try mean.update(predicted: [0], labels: [0]) }
        var area = AUROC()
        #expect(throws: MetricError.self) { try area.update(predicted: [0], labels: [0]) }
    }

    @Test("An area under a curve is exact with ties and undefined with one class only")
    func area() throws {
        var area = AUROC()
        try area.update(MetricBatch(probabilities: [0.5, 0.5, 0.5, 0.5], classes: 1, labels: [0, 1, 0, 1]))
        #expect(area.value == 0.5)
        var one = AUROC()
        try one.update(MetricBatch(probabilities: [0.1, 0.2], classes: 1, labels: [1, 1]))
        #expect(one.value.isNaN)
        // Probabilities of both are 1 in float64; the logits know better.
        var saturated = AUROC()
        try saturated.update(MetricBatch(logits: [0, 50, 0, 60], classes: 2, labels: [0, 1]))
        #expect(saturated.value == 1)
    }

    @Test("What is not a number in the outputs shows in the figures")
    func notNumbers() throws {
        let batch = try MetricBatch(logits: [.nan, 0, 1, 2], classes: 2, labels: [0, 1])
        for name in [MetricName.logLoss, .brier, .auroc, .averagePrecision, .calibrationError] {
            var metric = try name.makeMetric(classes: 2)
            try metric.update(batch)
            #expect(metric.value.isNaN, "\(name)")
        }
        var (largest, determination) = (MaxError(), R2Score())
        for values in [[1.0, 2], [.nan, 3], [9, 9]] {
            try largest.update(values: values, targets: [0, 1])
            try determination.update(values: values, targets: [0, 1])
        }
        #expect(largest.value.isNaN && determination.value.isNaN)
    }

    @Test("Of equal scores the top k take the higher class, as scikit-learn 1.9.1's top_k_accuracy_score")
    func equalScores() throws {
        let scores: [Double] = [
            0.5, 0.5, 0, 0, 0.2, 0.4, 0.4, 0, 0.25, 0.25, 0.25, 0.25, 0.1, 0.1, 0.1, 0.7, 0.4, 0.4, 0.1, 0.1,
        ]
        for (k, expected) in [(1, 0.0), (2, 0.6), (3, 0.8)] {
            var metric = TopKAccuracy(k: k)
            try metric.update(MetricBatch(logits: scores, classes: 4, labels: [0, 1, 1, 2, 2]))
            #expect(metric.value == expected, "top \(k)")
        }
    }

    @Test("A set reads a batch once for all its names and merges")
    func set() throws {
        var (first, second) = (
            try MetricSet([.accuracy, .f1Macro], classes: 3), try MetricSet([.accuracy, .f1Macro], classes: 3)
        )
        try first.update(outputs: Tensor([1, 0, 0, 0, 2, 1] as [Float], shape: [2, 3]), labels: Tensor([0, 1]))
        try second.update(outputs: Tensor([0, 0, 5] as [Float], shape: [1, 3]), labels: Tensor([1]))
        first.merge(second)
        #expect(first.values.map(\.name) == [.accuracy, .f1Macro])
        #expect(first[.accuracy] == 2.0 / 3 && first[.auroc] == nil)
        #expect(((first[.f1Macro] ?? 0) - (1 + 2.0 / 3) / 3).magnitude < 1e-15)
        var line = try MetricSet([.rootMeanSquaredError, .r2])
        try line.update(outputs: Tensor([1, 2] as [Float], shape: [2, 1]), labels: Tensor([1, 4] as [Float]))
        #expect(line[.rootMeanSquaredError] == 2.0.squareRoot())
        #expect(throws: MetricError.self) { try MetricSet([.accuracy, .r2], classes: 2) }
        let error = #expect(throws: MetricError.self) { try MetricSet([.f1], classes: 10) }
        #expect(error?.description.contains("f1_macro") == true)
    }

    @Test("A model is measured in evaluation mode, by its loader's classes")
    func model() throws {
        let toy = try withGenerator(seed: 1) { try ToyProblem(settings: TrainingSettings(epochs: 1)) }
        let model = toy.trainer.model
        model.train()
        let measured = try model.measure([.accuracy, .logLoss, .f1Macro], on: toy.test)
        let evaluation = try model.evaluate(on: toy.test)
        #expect(measured[.accuracy] == evaluation.accuracy)
        #expect(measured[.f1Macro] == evaluation.confusion?.macroF1)
        #expect(((measured[.logLoss] ?? .nan) - evaluation.loss).magnitude < 1e-6)
        #expect(model.modeSwitches.allSatisfy { $0.isTraining })
        #expect(throws: MetricError.self) { try model.measure([.f1], on: toy.test) }
    }

    @Test("Names are read from JSON, and an unknown one names the nearest")
    func names() throws {
        let names = try JSONDecoder().decode([MetricName].self, from: Data(#"["top_5","rmse","r2"]"#.utf8))
        #expect(names == [.top5, .rootMeanSquaredError, .r2])
        let error = #expect(throws: UnknownMetric.self) { try MetricName(named: "f1_makro") }
        #expect(error?.nearest == .f1Macro)
        #expect(#expect(throws: UnknownMetric.self) { try MetricName(named: "Acuracy") }?.nearest == .accuracy)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([MetricName].self, from: Data(#"["auruc"]"#.utf8))
        }
        for name in MetricName.allCases { #expect(try MetricName(named: name.rawValue) == name) }
    }

    @Test("A binary average of more than two classes stops")
    func binaryAverage() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = FScore(classes: 3, average: .binary)
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("FScore: the average .binary is of two classes; with 3"))
    }
}
