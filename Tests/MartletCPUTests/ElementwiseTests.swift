import MartletGraph
import MartletTesting
import Testing

@Suite("Elementwise functions on every backend")
struct ElementwiseTests {
    /// Numbers inside a function's domain, its border, and what lies outside of all numbers.
    private static func numbers(_ function: UnaryFunction, _ dtype: DataType) -> HostArray {
        var numbers = CaseNumbers(seed: UInt64(function.rawValue) + 1)
        let range: ClosedRange<Double> =
            switch function {
            case .log, .sqrt, .rsqrt, .reciprocal: 0.01...30
            case .log1p: -0.9...30
            case .asin, .acos: -1...1
            case .tan: -1.5...1.5
            case .negate, .absolute, .sign, .floor, .ceil, .round, .truncate, .exp, .expm1, .square, .sin, .cos, .atan,
                .sinh, .cosh, .tanh, .sigmoid, .erf, .relu, .logicalNot, .isNaN, .isFinite, .isInfinite, .unitFromBits:
                -8...8
            }
        // Twelve borders and 24 numbers in a shape that layouts can turn.
        let borders: [Double] = [0, -0.0, 1, -1, 0.5, 1.5, 2.5, -0.5, .infinity, -.infinity, .nan, 0.001]
        let inside = numbers.reals([24], dtype, in: range).reals
        return HostArray(TensorType([4, 9], dtype), real: borders + inside)
    }

    /// Units in the last place against the C library's doubles, rounded: as the tile kernels' headers state them.
    private static func units(_ function: UnaryFunction) -> Double {
        switch function {
        case .negate, .absolute, .sign, .floor, .ceil, .round, .truncate, .sqrt, .reciprocal, .square, .relu,
            .logicalNot,
            .isNaN, .isFinite, .isInfinite, .unitFromBits:
            0
        case .rsqrt: 1
        case .exp, .expm1, .log, .log1p, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .tanh, .sigmoid, .erf: 4
        }
    }

    @Test(
        "Every unary function gives the reference's numbers in every floating type", arguments: UnaryFunction.allCases)
    func unary(function: UnaryFunction) {
        var failures: [String] = []
        for dtype in DataType.allCases where dtype.isFloatingPoint && function != .unitFromBits {
            failures += BackendComparison(function.row.name, [ElementwiseTests.numbers(function, dtype)]) {
                values throws(ShapeError) in [values[0].applying(function)]
            }.failures(.units(ElementwiseTests.units(function)))
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Unary functions of integers and booleans", arguments: UnaryFunction.allCases)
    func unaryIntegers(function: UnaryFunction) {
        var failures: [String] = []
        for dtype in DataType.allCases where !dtype.isFloatingPoint {
            if function == .unitFromBits && dtype != .int64 { continue }
            let isArithmetic = !function.row.needsFloat && !function.row.givesBool
            if dtype == .bool && isArithmetic { continue }
            var numbers = CaseNumbers(seed: 3)
            // Positive where the function's domain is.
            let isPositive = [.log, .log1p, .sqrt, .rsqrt, .reciprocal].contains(function)
            let range = function == .unitFromBits ? 0...4_000_000_000 : isPositive ? 1...9 : -1...1
            failures += BackendComparison(function.row.name, [numbers.integers([3, 4], dtype, in: range)]) {
                values throws(ShapeError) in [values[0].applying(function)]
            }.failures(.units(ElementwiseTests.units(function)))
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Every binary function gives the reference's numbers in every type", arguments: BinaryFunction.allCases)
    func binary(function: BinaryFunction) {
        var failures: [String] = []
        for dtype in DataType.allCases {
            let isArithmetic = !function.row.givesBool
            if dtype == .bool && isArithmetic { continue }
            var numbers = CaseNumbers(seed: UInt64(function.rawValue) + 5)
            let divides = [.divide, .floorDivide, .remainder].contains(function)
            let right = divides ? 1...4 : function == .power ? 0...3 : -4...4
            let pairs: [(Shape, Shape)] = [
                ([3, 4], [3, 4]), ([3, 4], [4]), ([2, 1, 5], [3, 1]), ([], [7]), ([0, 3], [3]),
            ]
            for (a, b) in pairs {
                failures += BackendComparison(
                    function.row.name, [numbers.integers(a, dtype), numbers.integers(b, dtype, in: right)]
                ) { values throws(ShapeError) in [try Value.combined(function, values[0], values[1])] }
                .failures(.units(function == .power || function == .atan2 ? 4 : 0))
            }
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test(
        "Binary functions agree beyond the numbers and between them",
        arguments: BinaryFunction.allCases, [DataType.float32, .float64])
    func binaryBorders(function: BinaryFunction, dtype: DataType) {
        let borders: [Double] = [0, 1, -1, 2.5, -7.25, .infinity, -.infinity, .nan]
        let left = HostArray(TensorType([8, 1], dtype), real: borders)
        let right = HostArray(TensorType([8], dtype), real: borders)
        let failures = BackendComparison(function.row.name, [left, right]) { values throws(ShapeError) in
            [try Value.combined(function, values[0], values[1])]
        }.failures(.units(function == .power || function == .atan2 ? 4 : 0))
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Selections and casts between all pairs of types")
    func casts() {
        var failures: [String] = []
        for source in DataType.allCases {
            for target in DataType.allCases {
                var numbers = CaseNumbers(seed: 9)
                let values = numbers.integers([3, 5], source, in: -3...100)
                let halves =
                    source.isFloatingPoint
                    ? HostArray(values.type, real: values.reals.map { $0 / 2 }.dropLast() + [.nan]) : values
                failures += BackendComparison("cast to \(target)", [halves]) { values throws(ShapeError) in
                    [values[0].cast(to: target)]
                }.failures(.exact)
            }
            var numbers = CaseNumbers(seed: 10)
            let operands = [
                numbers.integers([3, 4], .bool, in: 0...1), numbers.integers([3, 4], source),
                numbers.integers([4], source),
            ]
            failures += BackendComparison("where", operands) { values throws(ShapeError) in
                [try Value.select(values[0], values[1], values[2])]
            }.failures(.exact)
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("16-bit floats are rounded after every node", arguments: [DataType.bfloat16, .float16])
    func roundedEachNode(dtype: DataType) {
        var numbers = CaseNumbers(seed: 11)
        let inputs = [numbers.reals([7, 90], dtype), numbers.reals([90], dtype, in: 0.1...3)]
        let failures = BackendComparison("chain", inputs) { values throws(ShapeError) in
            let (a, b) = (values[0], values[1])
            return [((a * b + a) * b - a * 3) / b + 0.1]
        }.failures(.exact)
        #expect(failures.isEmpty, "\(joined(failures))")
    }
}
