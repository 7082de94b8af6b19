import MartletGraph
import Testing

/// Derivatives and batching of the elementwise and reduction tables, row by row.
@Suite("Tables")
struct TableTests {
    /// Numbers inside the function's domain, away from its kinks.
    private static func numbers(_ function: UnaryFunction) -> HostArray {
        var numbers = TestNumbers(seed: UInt64(function.rawValue) + 1)
        let (centre, width): (Double, Double) =
            switch function {
            case .log, .log1p, .sqrt, .rsqrt, .reciprocal: (2, 1)
            case .asin, .acos: (0, 0.6)
            case .absolute, .relu, .negate, .sign, .floor, .ceil, .round, .truncate, .exp, .expm1, .square, .sin, .cos,
                .tan, .atan, .sinh, .cosh, .tanh, .sigmoid, .erf, .logicalNot, .isNaN, .isFinite, .isInfinite,
                .unitFromBits:
                (0.05, 0.9)
            }
        return HostArray(TensorType([5], .float64), real: (0..<5).map { _ in centre + width * numbers.next() })
    }

    @Test("Unary functions: derivatives of both orders, forward, batches", arguments: UnaryFunction.allCases)
    func unary(function: UnaryFunction) throws {
        let check = FunctionCheck([TableTests.numbers(function)]) { values throws(ShapeError) in
            [values[0].applying(function)]
        }
        if function.row.flow != nil { try check.all() } else { try check.batching() }
    }

    @Test("Binary functions: derivatives of both orders, forward, batches", arguments: BinaryFunction.allCases)
    func binary(function: BinaryFunction) throws {
        var numbers = TestNumbers(seed: UInt64(function.rawValue) + 40)
        let inputs = [Shape([2, 3]), [3]].map { shape in
            HostArray(TensorType(shape, .float64), real: (0..<shape.elementCount).map { _ in 2 + 0.9 * numbers.next() })
        }
        let check = FunctionCheck(inputs) { values throws(ShapeError) in
            [try Value.combined(function, values[0], values[1])]
        }
        if function.row.givesBool || function == .floorDivide { try check.batching() } else { try check.all() }
    }

    @Test(
        "Reductions: derivatives of both orders, forward, batches", arguments: [Reduce.Kind.sum, .product, .max, .min])
    func reductions(kind: Reduce.Kind) throws {
        for axes in [[0], [1], [0, 2], [0, 1, 2]] {
            try FunctionCheck([[2, 3, 2]], seed: 8) { values throws(ShapeError) in
                [try Value.record(.reduce(Reduce(kind, axes)), [values[0]])[0]]
            }.all()
        }
    }

    @Test("A product with zeros has the derivative of the others' product")
    func productWithZeros() throws {
        for zeros in [[1], [0, 2]] {
            let elements = (0..<4).map { zeros.contains($0) ? 0 : Double($0) + 1.5 }
            try FunctionCheck([HostArray(TensorType([4], .float64), real: elements)]) { values throws(ShapeError) in
                [values[0].reduced(.product, [0])]
            }.reverse()
        }
    }

    @Test("Movement: derivatives of both orders, forward, batches")
    func movement() throws {
        let positions: @Sendable (Shape) -> Value = { shape in
            let flat = Value.iota(shape, axis: 0)
            return Value.binary(.remainder, flat * 2 + 1, flat.constant(3))
        }
        try FunctionCheck([[3, 4], [2, 4]], seed: 12) { values throws(ShapeError) in
            let (a, b) = (values[0], values[1])
            return [
                a.permuted([1, 0]), a.flipped([0, 1]), a.sliced(starts: [1, 0], sizes: [2, 2], steps: [1, 2]),
                a.updatingSlice(starts: [0, 0], steps: [2, 1], with: b), Value.concatenated([a, b], axis: 0),
                a.gather(positions([2, 4]), axis: 0), a.scatter(.add, positions([2, 4]), b, axis: 0),
                a.select(positions([2]), axis: 0), a.adding(b, at: positions([2]), axis: 0),
                Value.make(.cumulativeSum(CumulativeSum(1, reverse: true)), [a]),
                Value.make(.cumulativeSum(CumulativeSum(0, reverse: false, exclusive: true)), [a]),
                Value.makeAll(.sort(Sort(1, descending: true)), [a])[0],
                Value.choose(a .> a.constant(0), a * 2, a * 3), a.padded(low: [1, 0], high: [0, 2]),
            ]
        }.all()
    }
}
