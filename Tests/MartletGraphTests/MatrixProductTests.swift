import MartletGraph
import Testing

@Suite("Matrix product")
struct MatrixProductTests {
    @Test("Products of every pair of ranks equal the definition")
    func values() throws {
        let cases: [(Shape, Shape, Shape)] = [
            ([4], [4], []), ([3, 4], [4], [3]), ([4], [4, 5], [5]), ([3, 4], [4, 5], [3, 5]),
            ([2, 3, 4], [4, 5], [2, 3, 5]), ([3, 4], [2, 4, 5], [2, 3, 5]), ([2, 3, 4], [2, 4, 5], [2, 3, 5]),
            ([2, 1, 3, 4], [6, 4, 5], [2, 6, 3, 5]), ([2, 3, 4], [1, 1, 4, 5], [1, 2, 3, 5]),
            ([2, 3, 4], [4], [2, 3]),
            ([4], [2, 4, 5], [2, 5]), ([3, 0], [0, 2], [3, 2]), ([0, 3, 4], [4, 2], [0, 3, 2]),
        ]
        var numbers = TestNumbers()
        for (a, b, expected) in cases {
            let inputs = [numbers.array(a), numbers.array(b)]
            let found = try evaluated(inputs) { values throws(ShapeError) in [try values[0].matrixProduct(values[1])] }[
                0]
            #expect(found.shape == expected, "\(a) · \(b)")
            let naive = naiveProduct(inputs[0], inputs[1])
            #expect(
                zip(found.reals, naive).allSatisfy { isClose($0, $1, 1e-12) } && naive.count == found.count,
                "\(a) · \(b)")
        }
    }

    /// By broadcast indices, one number at a time.
    private func naiveProduct(_ a: HostArray, _ b: HostArray) -> [Double] {
        let left = a.shape.rank == 1 ? [1] + a.shape.sizes : a.shape.sizes
        let right = b.shape.rank == 1 ? b.shape.sizes + [1] : b.shape.sizes
        let (m, k, n) = (left[left.count - 2], left[left.count - 1], right[right.count - 1])
        let axes = max(left.count, right.count) - 2
        let leftBatch = Array(repeating: 1, count: axes + 2 - left.count) + left.dropLast(2)
        let rightBatch = Array(repeating: 1, count: axes + 2 - right.count) + right.dropLast(2)
        let batch = Shape(zip(leftBatch, rightBatch).map { $0 == 1 ? $1 : $0 })
        func matrix(_ position: Int, _ own: [Int]) -> Int {
            var (index, rest) = (0, position)
            var (stride, result) = (1, 0)
            for axis in (0..<axes).reversed() {
                index = rest % batch[axis]
                rest /= batch[axis]
                result += own[axis] == 1 ? 0 : index * stride
                stride *= own[axis]
            }
            return result
        }
        return (0..<batch.elementCount).flatMap { position in
            (0..<m * n).map { cell in
                (0..<k).reduce(0.0) { sum, term in
                    sum + a.reals[(matrix(position, leftBatch) * m + cell / n) * k + term]
                        * b.reals[(matrix(position, rightBatch) * k + term) * n + cell % n]
                }
            }
        }
    }

    @Test("A product with one matrix on the right is recorded in two dimensions")
    func folding() throws {
        let operands = placeholders([[2, 3, 4], [4, 5]])
        let result = try operands[0].matrixProduct(operands[1])
        #expect(result.shape == [2, 3, 5])
        #expect(result.node.operands[0].shape == [6, 5])
    }

    @Test("Integers wrap and keep their type, and mixed types are promoted")
    func types() throws {
        let a = HostArray(TensorType([1, 2], .int32), integer: [Int(Int32.max), 2])
        let b = HostArray(TensorType([2, 1], .int32), integer: [2, 3])
        let found = try evaluated([a, b]) { values throws(ShapeError) in [try values[0].matrixProduct(values[1])] }[0]
        #expect(found.type.dtype == .int32)
        #expect(found.integers == [4])
        let mixed = [Value.placeholder(TensorType([2, 2], .int64)), Value.placeholder(TensorType([2, 2], .bfloat16))]
        #expect(try mixed[0].matrixProduct(mixed[1]).dtype == .bfloat16)
    }

    @Test("float32 products are summed in float64 and rounded once")
    func rounding() throws {
        let a = HostArray(TensorType([1, 3], .float32), real: [1e8, 1, -1e8])
        let b = HostArray(TensorType([3, 1], .float32), real: [1, 1, 1])
        #expect(try evaluated([a, b]) { [$0[0].matmul($0[1])] }[0].reals == [1])
    }

    @Test("Derivatives of every order and batches agree with differences and loops")
    func derivatives() throws {
        try FunctionCheck([[2, 3], [3, 4]]) { [$0[0].matmul($0[1])] }.all()
        try FunctionCheck([[2, 2, 3], [2, 3, 2]]) { [$0[0].matmul($0[1])] }.all()
        try FunctionCheck([[2, 3], [3, 4], [4]]) { [$0[0].matmul($0[1], bias: $0[2])] }.all()
        try FunctionCheck([[2, 2, 3], [2, 3, 2], [2]]) { [$0[0].matmul($0[1], bias: $0[2])] }.all()
        try FunctionCheck([[2, 1, 2, 3], [3, 2]]) { values throws(ShapeError) in
            [try values[0].matrixProduct(values[1])]
        }.all()
        try FunctionCheck([[3], [2, 3, 2]]) { values throws(ShapeError) in
            [try values[0].matrixProduct(values[1])]
        }.all()
    }

    @Test("What does not fit is named")
    func errors() throws {
        let shapes = placeholders([[2, 3], [4, 5], [2, 3, 3], [4, 3, 3], []])
        #expect(
            refusal { () throws(ShapeError) in _ = try shapes[0].matrixProduct(shapes[1]) }?.contains("3 columns")
                == true)
        #expect(
            refusal { () throws(ShapeError) in _ = try shapes[2].matrixProduct(shapes[3]) }?.contains("batch axes")
                == true)
        #expect(
            refusal { () throws(ShapeError) in _ = try shapes[4].matrixProduct(shapes[0]) }?.contains("scalars") == true
        )
        let bool = Value.placeholder(TensorType([3, 3], .bool))
        #expect(refusal { () throws(ShapeError) in _ = try bool.matrixProduct(bool) }?.contains("booleans") == true)
        let bias = placeholders([[2, 3], [3, 4], [3]])
        #expect(
            refusal { () throws(ShapeError) in _ = try Value.record(.matmul(MatrixProduct(hasBias: true)), bias) }?
                .contains("[4]") == true)
    }
}
