import MartletGraph
import MartletTesting
import Testing

/// What the reference evaluation refuses, every backend refuses with the same words.
@Suite("Matrices that cannot be worked with, on every backend")
struct LinearAlgebraErrorTests {
    /// The second of two matrices is the one that is refused.
    private func expectRefusal(
        _ numbers: [Double], _ words: String, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: @escaping (Value) throws(ShapeError) -> Value
    ) {
        for dtype in [DataType.float32, .float64] {
            let matrices = HostArray(TensorType([2, 2, 2], dtype), real: [1, 0, 0, 1] + numbers)
            let comparison = BackendComparison("refusal", [matrices]) { values throws(ShapeError) in
                [try body(values[0])]
            }
            let expected = comparison.refusal()
            #expect(expected?.contains(words) == true, "\(expected ?? "none")", sourceLocation: sourceLocation)
            for device in BackendComparison.devices {
                #expect(comparison.refusal(on: device) == expected, "\(device)", sourceLocation: sourceLocation)
            }
        }
    }

    @Test("A singular matrix has no solution, a triangle with a zero on its diagonal neither")
    func singular() {
        expectRefusal([1, 2, 2, 4], "column 1") { value throws(ShapeError) in try value.inverse() }
        for (lower, transposed) in [(true, false), (true, true), (false, false), (false, true)] {
            let solve = { (value: Value) throws(ShapeError) in
                try value.triangularSolve(value, lower: lower, transposed: transposed)
            }
            expectRefusal([3, 1, 1, 0], "column 1", solve)
            expectRefusal([0, 1, 1, 0], lower == transposed ? "column 1" : "column 0", solve)
        }
    }

    @Test("A matrix that is not positive definite has no Cholesky factor")
    func notPositive() {
        expectRefusal([1, 2, 2, 1], "not positive definite") { value throws(ShapeError) in try value.cholesky() }
    }

    @Test(
        "A matrix with an element that is no finite number has no singular values", arguments: [Double.nan, .infinity])
    func notFinite(element: Double) {
        expectRefusal([element, 1, 1, 2], "infinite or not a number") { value throws(ShapeError) in try value.svd().s }
    }
}
