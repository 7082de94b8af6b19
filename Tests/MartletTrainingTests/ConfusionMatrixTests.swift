import MartletTraining
import Testing

@Suite("Confusion matrix")
struct ConfusionMatrixTests {
    /// Three classes; the figures below are from the definitions by hand.
    private func example() -> ConfusionMatrix {
        var matrix = ConfusionMatrix(classes: 3)
        let counts = [[5, 1, 0], [2, 6, 0], [0, 3, 3]]
        for actual in 0..<3 {
            for predicted in 0..<3 {
                matrix.add(predicted: predicted, actual: actual, count: counts[actual][predicted])
            }
        }
        return matrix
    }

    @Test("precision, recall and F1 follow their definitions")
    func figures() {
        let matrix = example()
        #expect(matrix.total == 20)
        #expect(matrix.correct == 14)
        #expect(matrix.accuracy == 0.7)
        #expect(matrix[predicted: 1, actual: 2] == 3)
        #expect(matrix.support(of: 1) == 8)
        #expect(matrix.predictions(of: 1) == 10)
        #expect(matrix.precision(of: 0) == 5.0 / 7)
        #expect(matrix.precision(of: 1) == 0.6)
        #expect(matrix.precision(of: 2) == 1)
        #expect(matrix.recall(of: 0) == 5.0 / 6)
        #expect(matrix.recall(of: 2) == 0.5)
        #expect(matrix.f1(of: 0) == 10.0 / 13)
        #expect(abs(matrix.macroPrecision - (5.0 / 7 + 0.6 + 1) / 3) < 1e-15)
        #expect(abs(matrix.macroRecall - (5.0 / 6 + 0.75 + 0.5) / 3) < 1e-15)
        #expect(abs(matrix.macroF1 - (10.0 / 13 + 12.0 / 18 + 6.0 / 9) / 3) < 1e-15)
    }

    @Test("a class that is never predicted has no precision and counts as zero in the mean")
    func undefined() {
        var matrix = ConfusionMatrix(classes: 4)
        matrix.add(predicted: 0, actual: 0)
        matrix.add(predicted: 0, actual: 1)
        #expect(matrix.precision(of: 1) == nil)
        #expect(matrix.recall(of: 1) == 0)
        #expect(matrix.recall(of: 2) == nil)
        #expect(matrix.f1(of: 2) == nil)
        // Classes 2 and 3 do not occur and do not count.
        #expect(matrix.macroPrecision == 0.25)
        #expect(matrix.macroRecall == 0.5)
        #expect(ConfusionMatrix(classes: 2).accuracy.isNaN)
    }

    @Test("matrices of two workers add up")
    func sum() {
        var matrix = example()
        matrix.add(example())
        #expect(matrix.total == 40)
        #expect(matrix.accuracy == 0.7)
    }

    @Test("the most frequent errors come first, ties by class")
    func errors() {
        let errors = example().mostFrequentErrors(2)
        #expect(errors.map { [$0.actual, $0.predicted, $0.count] } == [[2, 1, 3], [1, 0, 2]])
        #expect(example().mostFrequentErrors(9).count == 3)
        var tie = ConfusionMatrix(classes: 3)
        for (actual, predicted) in [(2, 0), (0, 2), (0, 1)] { tie.add(predicted: predicted, actual: actual) }
        #expect(tie.mostFrequentErrors(3).map { [$0.actual, $0.predicted] } == [[0, 1], [0, 2], [2, 0]])
    }

    @Test("a class beyond the last stops with a message that names it")
    func outOfRange() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            var matrix = ConfusionMatrix(classes: 3)
            matrix.add(predicted: 3, actual: 0)
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("predicted 3, actual 0: classes are 0 to 2"))
    }
}
