import MartletGraph
import MartletTensor
import MartletTesting
import Testing

@Suite("The norm over several tensors")
struct SquaredNormTests {
    private static func norm(_ tensors: [Tensor]) -> Tensor {
        Tensor(Value.make(.composite(CompositeCall(SquaredNorm())), tensors.map(\.value)))
    }

    @Test(
        "The sum of the squares of all elements, in every floating type",
        arguments: [DataType.float32, .float64, .bfloat16])
    func values(_ dtype: DataType) {
        var numbers = CaseNumbers(seed: 3)
        // Small integers: their squares are exact in any order.
        let inputs = [[3, 5], [], [1], [40, 7], [9000]].map { numbers.integers(Shape($0), dtype, in: -1...1) }
        let comparison = BackendComparison("squaredNorm", inputs) { values throws(ShapeError) in
            try Value.record(.composite(CompositeCall(SquaredNorm())), values)
        }
        let failures = comparison.failures(dtype == .bfloat16 ? .units(1) : .exact)
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("The kernel is as near to the sum in double precision as one rounding")
    func precision() {
        var numbers = CaseNumbers(seed: 4)
        let inputs = [[100, 333], [17], [20_000]].map { numbers.reals(Shape($0), .float32) }
        let expected = inputs.flatMap(\.reals).reduce(0) { $0 + Double(Float($1)) * Double(Float($1)) }
        let tensors = inputs.map { Tensor($0.reals.map(Float.init), shape: $0.type.shape) }
        let found = Double(Self.norm(tensors).item(as: Float.self))
        #expect(abs(found - expected) < 3e-7 * expected, "\(found), \(expected)")
    }

    @Test("Integers have no norm of this kind, and no tensors none")
    func errors() {
        #expect(throws: ShapeError.self) { try SquaredNorm().resultTypes(of: []) }
        #expect(throws: ShapeError.self) { try SquaredNorm().resultTypes(of: [TensorType([2], .int64)]) }
    }
}
