import MartletGraph
import Testing

@Suite("Pooling")
struct PoolingTests {
    /// All different, so that no maximum is near a tie.
    private func distinct(_ shape: Shape, seed: UInt64 = 1) -> HostArray {
        var numbers = TestNumbers(seed: seed)
        let count = shape.elementCount
        let ranks = (0..<count).map { _ in numbers.next() }.enumerated().sorted { $0.element < $1.element }.map(
            \.offset)
        return HostArray(TensorType(shape, .float64), real: ranks.map { Double($0) * 0.5 - Double(count) / 4 })
    }

    @Test("The number of windows follows PyTorch's rule, rounding up too")
    func sizes() {
        func size(_ size: Int, _ kernel: Int, _ stride: Int, _ padding: Int, _ ceil: Bool, dilation: Int = 1) -> Int? {
            PoolingWindows.outputSize(
                size, kernel: kernel, stride: stride, paddingLow: padding, paddingHigh: padding, dilation: dilation,
                ceilMode: ceil)
        }
        #expect(size(5, 2, 2, 0, false) == 2)
        #expect(size(5, 2, 2, 0, true) == 3)
        #expect(size(6, 3, 2, 1, false) == 3)
        #expect(size(6, 3, 2, 1, true) == 4)
        // The last window would start in the high padding: dropped.
        #expect(size(3, 2, 2, 1, true) == 2)
        #expect(size(4, 1, 3, 0, true) == 2)
        #expect(size(5, 1, 3, 0, true) == 2)
        #expect(size(7, 3, 2, 0, false, dilation: 2) == 2)
        #expect(size(2, 3, 1, 0, false) == nil)
    }

    @Test("Maxima and their positions in the plane")
    func maxima() throws {
        let input = HostArray(TensorType([1, 1, 3, 4], .float32), real: [1, 5, 2, 0, 7, 3, 3, 8, 4, 4, 9, 9])
        let found = try evaluated([input]) { values throws(ShapeError) in
            let (maxima, indices) = try values[0].maxPool([2, 2], strides: [1, 2], padding: [0, 1], ceilMode: true)
            return [maxima, indices]
        }
        #expect(found[0].shape == [1, 1, 2, 3])
        #expect(found[0].reals == [7, 5, 8, 7, 9, 9])
        #expect(found[1].integers == [4, 1, 7, 4, 10, 11])
    }

    @Test("The first of equal maxima wins, minus infinity is a maximum, and the last NaN beats everything")
    func ties() throws {
        func pooled(_ values: [Double]) throws -> [HostArray] {
            let input = HostArray(TensorType([1, 1, values.count], .float32), real: values)
            return try evaluated([input]) { values throws(ShapeError) in
                let (maxima, indices) = try values[0].maxPool([values[0].shape[2]])
                return [maxima, indices]
            }
        }
        #expect(try pooled([1, 3, 3])[1].integers == [1])
        let lowest = try pooled([-.infinity, -.infinity])
        #expect(lowest[0].reals == [-.infinity] && lowest[1].integers == [0])
        let mixed = try pooled([.nan, 2, .nan, .infinity])
        #expect(mixed[0].reals[0].isNaN && mixed[1].integers == [2])
        #expect(try pooled([.nan, 2])[0].reals[0].isNaN)
    }

    @Test("Averages divide by the window, with or without its padding")
    func averages() throws {
        let input = HostArray(TensorType([1, 1, 5], .float64), real: [1, 2, 3, 4, 5])
        func pooled(_ count: Bool, ceil: Bool) throws -> [Double] {
            try evaluated([input]) { values throws(ShapeError) in
                [try values[0].averagePool([3], strides: [3], padding: [1], ceilMode: ceil, countIncludePad: count)]
            }[0].reals
        }
        #expect(try pooled(true, ceil: false) == [1, 4])
        #expect(try pooled(false, ceil: false) == [1.5, 4])
        // In ceil mode a last window reaches past the declared padding: that part never counts.
        let longer = HostArray(TensorType([1, 1, 6], .float64), real: [1, 2, 3, 4, 5, 6])
        let found = try evaluated([longer]) { values throws(ShapeError) in
            [
                try values[0].averagePool([4], strides: [3], padding: [1], ceilMode: true),
                try values[0].averagePool([4], strides: [3], padding: [1], ceilMode: true, countIncludePad: false),
            ]
        }
        #expect(found[0].reals == [1.5, 4.5, 3])
        #expect(found[1].reals == [2, 4.5, 6])
    }

    @Test("Adaptive averages cover the input in windows that may overlap")
    func adaptive() throws {
        let input = HostArray(TensorType([1, 1, 2, 5], .float64), real: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        let found = try evaluated([input]) { values throws(ShapeError) in
            [try values[0].adaptiveAveragePool([1, 3]), try values[0].adaptiveAveragePool([2, 5])]
        }
        // Windows 0..<2, 1..<4, 3..<5 of both rows.
        #expect(zip(found[0].reals, [4, 5.5, 7]).allSatisfy { isClose($0, $1, 1e-14) })
        #expect(found[1].reals == input.reals)
        let uniform = placeholders([[2, 3, 6, 4]])[0]
        let divided = try uniform.adaptiveAveragePool([3, 1])
        guard case .averagePool(let pool) = divided.node.primitive else {
            Issue.record("sizes that divide should be one pooling")
            return
        }
        #expect(pool.windows.kernel == [2, 4])
    }

    @Test("Derivatives of every order and batches agree with differences and loops")
    func derivatives() throws {
        let maximum: FunctionCheck.Function = { values throws(ShapeError) in
            let pooled = try values[0].maxPool(
                [2, 3], strides: [1, 2], padding: [1], dilations: [2, 1], ceilMode: true
            ).values
            return [pooled * pooled]
        }
        try FunctionCheck([distinct([2, 2, 4, 5])], maximum).all()
        let single: FunctionCheck.Function = { values throws(ShapeError) in
            let pooled = try values[0].maxPool([2], strides: [1]).values
            return [pooled * pooled]
        }
        try FunctionCheck([distinct([3, 5])], single).all()
        for countIncludePad in [true, false] {
            try FunctionCheck([[1, 2, 5, 4]]) { values throws(ShapeError) in
                [
                    try values[0].averagePool(
                        [3, 2], strides: [2, 1], padding: [1], ceilMode: true, countIncludePad: countIncludePad)
                ]
            }.all()
        }
        let windows = PoolingWindows(
            kernel: [3], strides: [2], paddingLow: [1], paddingHigh: [1], dilations: [1], outputSizes: [3])
        let family = AveragePoolGradient(AveragePool(windows, countIncludePad: true), inputSizes: [5])
        try FunctionCheck([[1, 2, 3]]) { values throws(ShapeError) in
            try Value.record(.averagePoolGradient(family), values)
        }.all()
        try FunctionCheck([[1, 2, 5, 4]]) { values throws(ShapeError) in
            [try values[0].adaptiveAveragePool([3, 2])]
        }.all()
        try FunctionCheck([[1, 1, 2, 3, 2]]) { values throws(ShapeError) in
            [try values[0].averagePool([2, 2, 2], strides: [1])]
        }.all()
    }

    @Test("What does not fit is named")
    func errors() throws {
        let operands = placeholders([[1, 2, 4, 4], [4, 4]])
        func message(_ body: () throws(ShapeError) -> Void) -> String { refusal(body) ?? "" }
        #expect(
            message { () throws(ShapeError) in _ = try operands[0].maxPool([5, 5]) }.contains("larger than the input"))
        #expect(
            message { () throws(ShapeError) in _ = try operands[1].maxPool([2, 2]) }.contains("one or two axes more"))
        #expect(
            message { () throws(ShapeError) in _ = try operands[0].maxPool([2, 2], padding: [2]) }
                .contains("window 0 of 4 lies wholly in the padding"))
        let integers = Value.placeholder(TensorType([1, 2, 4, 4], .int64))
        #expect(message { () throws(ShapeError) in _ = try integers.maxPool([2, 2]) }.contains("floating type"))
        #expect(
            message { () throws(ShapeError) in _ = try integers.adaptiveAveragePool([2, 2]) }.contains("needs floats"))
        #expect(
            message { () throws(ShapeError) in _ = try operands[0].maxPool([2, 2], strides: [0]) }.contains("positive"))
    }
}
