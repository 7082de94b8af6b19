import MartletGraph
import Testing

/// What families say that their work costs.
@Suite("Costs")
struct CostTests {
    private static func float(_ sizes: Int...) -> TensorType { TensorType(Shape(sizes), .float32) }

    @Test(
        "A matrix product is 2·m·k·n operations, one more an element for the bias, and touches its operands and result once"
    )
    func product() {
        let types = [Self.float(5, 7, 3), Self.float(5, 3, 4)]
        let result = [Self.float(5, 7, 4)]
        let plain = MatrixProduct(hasBias: false).cost(types, result)
        #expect(plain == Cost(flops: 2 * 5 * 7 * 3 * 4, bytes: 4 * (5 * 7 * 3 + 5 * 3 * 4 + 5 * 7 * 4)))
        let biased = MatrixProduct(hasBias: true).cost(types + [Self.float(4)], result)
        #expect(biased == Cost(flops: plain.flops + 5 * 7 * 4, bytes: plain.bytes + 16))
    }

    @Test("A convolution and both its gradients are the same products")
    func convolution() {
        let family = Convolution(
            strides: [2, 2], paddingLow: [1, 1], paddingHigh: [1, 1], dilations: [1, 1], groups: 2, hasBias: false)
        let (x, w, y) = (Self.float(3, 8, 9, 9), Self.float(6, 4, 3, 3), Self.float(3, 6, 5, 5))
        let expected = 2 * (3 * 6 * 5 * 5) * (4 * 3 * 3)
        #expect(family.cost([x, w], [y]).flops == expected)
        #expect(ConvolutionInputGradient(family, inputSizes: [9, 9]).cost([y, w], [x]).flops == expected)
        #expect(ConvolutionWeightGradient(family, kernelSizes: [3, 3]).cost([x, y], [w]).flops == expected)
    }

    @Test("Looking up rows reads as many as are asked for, however large the table")
    func lookUp() {
        let table = Self.float(1_000_000, 16)
        let indices = TensorType([10], .int64)
        #expect(IndexSelect(0).cost([table, indices], [Self.float(10, 16)]) == Cost(flops: 0, bytes: 80 + 2 * 640))
    }

    @Test("A composite counts its body's arithmetic in one pass over its own operands and results")
    func composite() {
        let parameter = Self.float(1000)
        let number = TensorType([], .float64)
        let plain = CompositeCall(SGDUpdate()).cost([parameter, parameter, number], [parameter])
        // p - rate · g: two operations an element; what is done to the rate alone does not count by elements.
        #expect((2000..<2010).contains(plain.flops))
        #expect(plain.bytes == 3 * 4000 + 8)
    }

    @Test("Views cost nothing, elementwise work one operation an element, sorting n·log n")
    func others() {
        let x = Self.float(64, 32)
        #expect(Permute([1, 0]).cost([x], [Self.float(32, 64)]) == .none)
        #expect(Unary(.exp).cost([x], [x]) == Cost(flops: 2048, bytes: 2 * 8192))
        #expect(Sort(1, descending: false).cost([x], [x]).flops == 2048 * 5)
    }
}
