import MartletGraph
import Testing

/// Composites' own derivatives against central differences of their bodies, first and second order.
@Suite("Composites")
struct CompositeTests {
    private func call(_ composite: any Composite, _ operands: [Value]) throws(ShapeError) -> [Value] {
        try Value.record(.composite(CompositeCall(composite)), operands)
    }

    private func labels(_ numbers: [Int]) -> Value {
        let rows = Value.iota([numbers.count], axis: 0)
        return numbers.enumerated().reduce(rows.zeros()) { sum, label in
            let isHere = rows .== rows.constant(Double(label.offset))
            return Value.choose(isHere, rows.constant(Double(label.element)), sum)
        }
    }

    @Test(
        "Batch normalisation's derivative is its body's, with and without space", arguments: [[4, 3], [2, 3, 2, 2]])
    func batchNorm(sizes: [Int]) throws {
        let check = FunctionCheck([Shape(sizes), [3], [3]]) { values throws(ShapeError) in
            [try call(BatchNormTraining(epsilon: 1e-3), values)[0]]
        }
        try check.reverse()
        try check.second(tolerance: 1e-5)
        try check.forward()
    }

    @Test("What is folded into batch normalisation is differentiated with it, and its gradient's body again")
    func foldedBatchNorm() throws {
        let shapes: [Shape] = [[3, 2, 2], [2], [2], [3, 2, 2]]
        let forward = FunctionCheck(shapes) { values throws(ShapeError) in
            [try call(BatchNormTraining(epsilon: 1e-3, addsResidual: true, rectifies: true), values)[0]]
        }
        try forward.reverse()
        let gradient = FunctionCheck([[3, 2, 2], [3, 2, 2], [2], [2], [2], [3, 2, 2], [3, 2, 2]]) {
            values throws(ShapeError) in
            let folded = BatchNormGradient(epsilon: 1, addsSecond: true, isRectified: true, keepsGradient: true)
            // The variance is no variance unless it is positive.
            var operands = values
            operands[4] = operands[4] * operands[4]
            return try call(folded, operands)
        }
        try gradient.reverse()
    }

    @Test("The parts of a concatenation are differentiated as slices are, all of them or one")
    func concatenationParts() throws {
        let all = FunctionCheck([[2, 5, 2]]) { values throws(ShapeError) in
            try call(ConcatenationParts(axis: 1, counts: [1, 3, 1]), values).map { $0 * $0 }
        }
        try all.reverse()
        try all.second()
        try all.forward()
        let one = FunctionCheck([[2, 5, 2]]) { values throws(ShapeError) in
            let part = try call(ConcatenationParts(axis: 1, counts: [2, 3]), values)[1]
            return [part * part]
        }
        try one.reverse()
        try one.second()
        #expect(throws: ShapeError.self) {
            try ConcatenationParts(axis: 1, counts: [2, 2]).resultTypes(of: [.init([2, 5], .float32)])
        }
    }

    @Test("Parts that are more than a node has results are parts of parts", arguments: [63, 64, 70, 4000])
    func manyParts(count: Int) throws {
        let counts = (0..<count).map { 1 + $0 % 3 }
        let total = counts.reduce(0, +)
        let numbers = HostArray(TensorType([total], .float64), real: (0..<total).map { Double($0) })
        let whole = try ReferenceEvaluation.run(on: [numbers]) {
            let parts = $0[0].parts(axis: 0, counts: counts)
            #expect(parts.map { $0.shape[0] } == counts)
            return [Value.concatenated(parts, axis: 0)]
        }
        #expect(whole[0].reals == numbers.reals)
        let x = Value.iota([64], axis: 0)
        #expect(throws: ShapeError.self) {
            let family = ConcatenationParts(axis: 0, counts: Array(repeating: 1, count: 64))
            _ = try Value.record(.composite(CompositeCall(family)), [x])
        }
    }

    @Test("Derivatives through batch normalisation's mean and variance are its body's")
    func batchNormStatistics() throws {
        let check = FunctionCheck([[3, 2, 2], [2], [2]]) { values throws(ShapeError) in
            try call(BatchNormTraining(epsilon: 1e-3), values)
        }
        try check.reverse()
        try check.second(tolerance: 1e-5)
    }

    @Test("The cross entropy's derivative is its body's", arguments: [true, false], [0, 0.1])
    func crossEntropy(averages: Bool, smoothing: Double) throws {
        let check = FunctionCheck([[3, 4]]) { values throws(ShapeError) in
            let family = SoftmaxCrossEntropy(labelSmoothing: smoothing, averages: averages)
            return try call(family, [values[0], labels([2, 0, 3])])
        }
        try check.reverse()
        try check.second()
        try check.forward()
    }

    @Test("Shapes that do not fit are named")
    func shapeErrors() throws {
        #expect(throws: ShapeError.self) {
            try BatchNormTraining(epsilon: 0).resultTypes(of: [
                .init([2, 3], .float32), .init([3], .float32), .init([2], .float32),
            ])
        }
        #expect(throws: ShapeError.self) {
            try SoftmaxCrossEntropy(labelSmoothing: 0, averages: true)
                .resultTypes(of: [.init([2, 3], .float32), .init([3], .int64)])
        }
    }
}
