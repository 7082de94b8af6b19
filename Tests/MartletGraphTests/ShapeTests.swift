import MartletGraph
import Testing

@Suite("Sizes")
struct ShapeTests {
    @Test("Sizes whose elements or bytes cannot be counted are refused with words")
    func uncountable() {
        #expect(Shape([1 << 32, 1 << 32]).checkedElementCount == nil)
        #expect(Shape([1 << 60]).checkedElementCount == nil)
        #expect(Shape([3, -1]).checkedElementCount == nil)
        #expect(Shape([1 << 59]).checkedElementCount == 1 << 59)
        #expect(Shape([1 << 40, 0]).checkedElementCount == 0)
        let four = Value.placeholder(TensorType([4], .float32))
        let words = refusal { () throws(ShapeError) in _ = try four.reshaped([-1, 1 << 40, 1 << 40]) }
        #expect(words?.contains("do not divide into") == true, "\(words ?? "none")")
        let wide = Value.placeholder(TensorType([1 << 30], .float32))
        let product = refusal { () throws(ShapeError) in
            _ = try Value.record(.expand(Expand([1 << 30, 1 << 30])), [wide.insertingAxis(0)])
        }
        #expect(product?.contains("more elements than can be counted") == true, "\(product ?? "none")")
    }
}
