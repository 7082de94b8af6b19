import MartletGraph
import Testing

@Suite("Linear algebra")
struct LinearAlgebraTests {
    private typealias Function = FunctionCheck.Function

    /// A symmetric positive definite matrix from any matrix, so that differences move A inside the family's domain.
    private static func definite(_ value: Value) -> Value {
        value.matmul(value.transposed) + identityLike(value)
    }
    private static func identityLike(_ value: Value) -> Value {
        let n = value.shape[value.rank - 1]
        return (Value.iota([n, n], axis: 0) .== Value.iota([n, n], axis: 1)).cast(to: value.dtype)
    }

    /// Far from singular: differences and loops stay well conditioned.
    private static func regular(_ value: Value) -> Value { value + identityLike(value) * 2 }

    private func expectClose(
        _ found: HostArray, _ expected: HostArray, _ tolerance: Double = 1e-12,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(found.shape == expected.shape, sourceLocation: sourceLocation)
        #expect(
            zip(found.reals, expected.reals).allSatisfy { isClose($0, $1, tolerance) }, sourceLocation: sourceLocation)
    }

    @Test("The Cholesky factor is lower triangular and multiplies back")
    func cholesky() throws {
        var numbers = TestNumbers()
        let found = try evaluated([numbers.array([2, 4, 4])]) { values throws(ShapeError) in
            let a = LinearAlgebraTests.definite(values[0])
            let l = try a.cholesky()
            return [l.matmul(l.transposed), a, l]
        }
        expectClose(found[0], found[1])
        for index in 0..<found[2].count where index % 4 > index / 4 % 4 { #expect(found[2].reals[index] == 0) }
        let known = HostArray(TensorType([2, 2], .float32), real: [4, 99, 2, 5])
        #expect(
            try evaluated([known]) { values throws(ShapeError) in [try values[0].cholesky()] }[0].reals == [2, 0, 1, 2])
    }

    @Test("Solutions multiply back, for vectors and broadcast batches too")
    func solutions() throws {
        var numbers = TestNumbers(seed: 2)
        let found = try evaluated([numbers.array([2, 3, 3]), numbers.array([3, 2]), numbers.array([3])]) {
            values throws(ShapeError) in
            let x = try values[0].solve(values[1])
            let y = try values[0].solve(values[2])
            let identity = LinearAlgebraTests.identityLike(values[0])
            return [
                try values[0].matrixProduct(x), values[1].expanded(toKnown: [2, 3, 2]),
                try values[0].matrixProduct(y.insertingAxis(2)).removingAxis(2), values[2].expanded(toKnown: [2, 3]),
                try values[0].matrixProduct(try values[0].inverse()), identity.expanded(toKnown: [2, 3, 3]),
            ]
        }
        for pair in stride(from: 0, to: found.count, by: 2) { expectClose(found[pair], found[pair + 1], 1e-11) }
    }

    @Test("A triangle is solved by itself, whatever stands in the other one", arguments: [false, true], [false, true])
    func triangles(lower: Bool, transposed: Bool) throws {
        var numbers = TestNumbers(seed: 3)
        for unitDiagonal in [false, true] {
            let found = try evaluated([numbers.array([3, 3]), numbers.array([3, 2])]) { values throws(ShapeError) in
                let row = Value.iota([3, 3], axis: 0)
                let column = Value.iota([3, 3], axis: 1)
                let a = LinearAlgebraTests.regular(values[0])
                let inside = lower ? row .>= column : row .<= column
                var triangle = Value.choose(inside, a, a.constant(0))
                if unitDiagonal { triangle = Value.choose(row .== column, a.constant(1), triangle) }
                let x = try a.triangularSolve(
                    values[1], lower: lower, transposed: transposed, unitDiagonal: unitDiagonal)
                return [(transposed ? triangle.transposed : triangle).matmul(x), values[1]]
            }
            expectClose(found[0], found[1])
        }
    }

    @Test("Determinants carry their sign, and a singular matrix has determinant 0")
    func determinants() throws {
        let matrices = HostArray(
            TensorType([3, 3, 3], .float64),
            real: [0, 2, 0, 3, 0, 0, 0, 0, 4, 2, 1, 0, 0, 3, 1, 0, 0, 5, 1, 2, 3, 2, 4, 6, 0, 0, 1])
        let found = try evaluated([matrices]) { values throws(ShapeError) in
            let (sign, logarithm) = try values[0].logAbsDeterminant()
            return [try values[0].determinant(), sign, logarithm]
        }
        #expect(found[0].reals == [-24, 30, 0])
        #expect(found[1].reals == [-1, 1, 0])
        #expect(isClose(found[2].reals[0], 3.1780538303479458, 1e-14))
        #expect(found[2].reals[2] == -.infinity)
        let empty = HostArray(TensorType([2, 0, 0], .float64), real: [])
        #expect(
            try evaluated([empty]) { values throws(ShapeError) in [try values[0].determinant()] }[0].reals == [1, 1])
    }

    @Test(
        "Q has orthonormal columns, R is triangular, and their product is the matrix",
        arguments: [[4, 3], [3, 3], [2, 4]])
    func qr(sizes: [Int]) throws {
        var numbers = TestNumbers(seed: 4)
        let found = try evaluated([numbers.array(Shape([2] + sizes))]) { values throws(ShapeError) in
            let (q, r) = try values[0].qr()
            let k = q.shape[2]
            let gram = q.transposed.matmul(q)
            return [
                q.matmul(r), values[0], gram, LinearAlgebraTests.identityLike(gram).expanded(toKnown: [2, k, k]), r,
            ]
        }
        expectClose(found[0], found[1])
        expectClose(found[2], found[3])
        let (k, columns) = (found[4].shape[1], found[4].shape[2])
        for index in 0..<found[4].count where index / columns % k > index % columns {
            #expect(found[4].reals[index] == 0)
        }
    }

    @Test("R's signs are LAPACK's")
    func qrSigns() throws {
        let matrix = HostArray(TensorType([2, 2], .float64), real: [3, 1, 4, 2])
        let found = try evaluated([matrix]) { values throws(ShapeError) in
            let (q, r) = try values[0].qr()
            return [q, r]
        }
        #expect(zip(found[0].reals, [-0.6, -0.8, -0.8, 0.6]).allSatisfy { isClose($0, $1, 1e-15) })
        #expect(zip(found[1].reals, [-5, -2.2, 0, 0.4]).allSatisfy { isClose($0, $1, 1e-15) })
    }

    @Test("Singular values fall and multiply back", arguments: [[4, 3], [3, 3], [2, 4], [1, 3]])
    func svd(sizes: [Int]) throws {
        var numbers = TestNumbers(seed: 5)
        let found = try evaluated([numbers.array(Shape([2] + sizes))]) { values throws(ShapeError) in
            let (u, s, vt) = try values[0].svd()
            let k = s.shape[1]
            let (left, right) = (u.transposed.matmul(u), vt.matmul(vt.transposed))
            let identity = LinearAlgebraTests.identityLike(left).expanded(toKnown: [2, k, k])
            return [(u * s.insertingAxis(1)).matmul(vt), values[0], left, identity, right, identity, s]
        }
        for pair in stride(from: 0, to: 6, by: 2) { expectClose(found[pair], found[pair + 1]) }
        let s = found[6].reals
        let k = found[6].shape[1]
        for index in s.indices where index % k > 0 { #expect(s[index] <= s[index - 1] && s[index] >= 0) }
    }

    @Test("A matrix of low rank keeps orthonormal vectors")
    func lowRank() throws {
        let matrix = HostArray(TensorType([3, 3], .float64), real: [1, 2, 3, 2, 4, 6, 3, 6, 9])
        let zero = HostArray(TensorType([3, 2], .float64), filledWith: 0)
        let found = try evaluated([matrix, zero]) { values throws(ShapeError) in
            let (u, s, vt) = try values[0].svd()
            let (v, t, _) = try values[1].svd()
            return [
                u.transposed.matmul(u), LinearAlgebraTests.identityLike(u), (u * s.insertingAxis(0)).matmul(vt),
                values[0], s,
                v.transposed.matmul(v), LinearAlgebraTests.identityLike(v), t,
            ]
        }
        expectClose(found[0], found[1])
        expectClose(found[2], found[3])
        #expect(isClose(found[4].reals[0], 14, 1e-14) && found[4].reals[1] < 1e-14)
        expectClose(found[5], found[6])
        #expect(found[7].reals == [0, 0])
    }

    @Test("Sizes near the end of the range neither overflow nor vanish", arguments: [1e300, 1e-300])
    func range(scale: Double) throws {
        let matrix = HostArray(TensorType([2, 2], .float64), real: [3, 0, 4, 5].map { $0 * scale })
        let found = try evaluated([matrix]) { values throws(ShapeError) in
            [try values[0].svd().s, try values[0].qr().r]
        }
        #expect(isClose(found[0].reals[0] / scale, 45.0.squareRoot(), 1e-14))
        #expect(isClose(found[1].reals[0] / scale, -5, 1e-14))
    }

    @Test("Derivatives of solutions agree with differences and loops")
    func solutionDerivatives() throws {
        let cholesky: Function = { values throws(ShapeError) in [try LinearAlgebraTests.definite(values[0]).cholesky()]
        }
        try FunctionCheck([[2, 3, 3]], cholesky).all()
        let solve: Function = { values throws(ShapeError) in
            [try LinearAlgebraTests.regular(values[0]).solve(values[1])]
        }
        try FunctionCheck([[3, 3], [3, 2]], solve).all()
        try FunctionCheck([[2, 2, 2], [2, 1]], solve).all()
        let determinant: Function = { values throws(ShapeError) in
            let a = LinearAlgebraTests.regular(values[0])
            return [try a.determinant(), try a.logAbsDeterminant().logarithm]
        }
        try FunctionCheck([[2, 3, 3]], determinant).all()
        let inverse: Function = { values throws(ShapeError) in [try LinearAlgebraTests.regular(values[0]).inverse()] }
        try FunctionCheck([[3, 3]], inverse).all()
    }

    @Test(
        "Derivatives of triangular solutions agree with differences and loops", arguments: [false, true], [false, true])
    func triangleDerivatives(lower: Bool, transposed: Bool) throws {
        for unitDiagonal in [false, true] {
            try FunctionCheck([[3, 3], [3, 2]]) { values throws(ShapeError) in
                [
                    try LinearAlgebraTests.regular(values[0]).triangularSolve(
                        values[1], lower: lower, transposed: transposed, unitDiagonal: unitDiagonal)
                ]
            }.all()
        }
    }

    @Test("Derivatives of QR agree with differences and loops", arguments: [[4, 3], [3, 3], [2, 4]])
    func qrDerivatives(sizes: [Int]) throws {
        // Distinct results, and each alone: the other's cotangent is then absent.
        try FunctionCheck([Shape(sizes)], seed: 4) { values throws(ShapeError) in
            let (q, r) = try values[0].qr()
            return [q, r]
        }.all()
        try FunctionCheck([Shape(sizes)], seed: 4) { values throws(ShapeError) in [try values[0].qr().q] }.all()
        try FunctionCheck([Shape(sizes)], seed: 4) { values throws(ShapeError) in [try values[0].qr().r] }.all()
    }

    @Test(
        "Derivatives of singular values and vectors agree with differences and loops",
        arguments: [[4, 3], [3, 3], [2, 4]])
    func svdDerivatives(sizes: [Int]) throws {
        let spread = spreadMatrix(sizes)
        try FunctionCheck([spread]) { values throws(ShapeError) in [try values[0].svd().s] }.all()
        try FunctionCheck([spread]) { values throws(ShapeError) in [try values[0].svd().u] }.all()
        try FunctionCheck([spread]) { values throws(ShapeError) in [try values[0].svd().vt] }.all()
        try FunctionCheck([spread]) { values throws(ShapeError) in
            let (u, s, vt) = try values[0].svd()
            return [u, s, vt]
        }.all()
    }

    /// Singular values far from each other and from 0.
    private func spreadMatrix(_ sizes: [Int]) -> HostArray {
        var numbers = TestNumbers(seed: 6)
        let noise = numbers.array(Shape(sizes)).reals
        let elements = noise.indices.map { index in
            noise[index] * 0.3 + (index / sizes[1] == index % sizes[1] ? Double(index % sizes[1] + 1) * 1.5 : 0)
        }
        return HostArray(TensorType(Shape(sizes), .float64), real: elements)
    }

    @Test("A matrix that cannot be worked with is named with its place in the batch")
    func errors() throws {
        let batch = HostArray(TensorType([2, 2, 2], .float64), real: [1, 0, 0, 1, 1, 2, 2, 4])
        let site = { LinearAlgebraSite(operation: $0, batchIndex: 1) }
        #expect(throws: LinearAlgebraError(site("solve"), .singular(column: 1))) {
            _ = try evaluated([batch]) { values throws(ShapeError) in [try values[0].inverse()] }
        }
        #expect(throws: LinearAlgebraError(site("cholesky"), .notPositiveDefinite(column: 1))) {
            _ = try evaluated([batch]) { values throws(ShapeError) in [try values[0].cholesky()] }
        }
        let zeros = HostArray(TensorType([2, 1, 1], .float64), real: [1, 0])
        #expect(throws: LinearAlgebraError(site("triangularSolve"), .singular(column: 0))) {
            _ = try evaluated([zeros]) { values throws(ShapeError) in
                [try values[0].triangularSolve(values[0], lower: true)]
            }
        }
        let infinite = HostArray(TensorType([2, 1, 1], .float64), real: [1, .infinity])
        #expect(throws: LinearAlgebraError(site("svd"), .notFinite)) {
            _ = try evaluated([infinite]) { values throws(ShapeError) in [try values[0].svd().s] }
        }
    }

    @Test("What does not fit is named")
    func shapes() throws {
        let operands = placeholders([[2, 3], [3, 3], [4, 2], [3]])
        func message(_ body: () throws(ShapeError) -> Void) -> String { refusal(body) ?? "" }
        #expect(
            message { () throws(ShapeError) in _ = try operands[0].cholesky() }.contains("square matrix, not 2 by 3"))
        #expect(message { () throws(ShapeError) in _ = try operands[1].solve(operands[2]) }.contains("3 rows"))
        #expect(message { () throws(ShapeError) in _ = try operands[3].determinant() }.contains("needs a matrix"))
        let half = Value.placeholder(TensorType([2, 2], .bfloat16))
        #expect(message { () throws(ShapeError) in _ = try half.svd() }.contains("float32 or float64"))
    }
}
