import MartletTensor
import Testing

/// Reductions with more results than accumulators are kept for at once (`SHARE_BYTES` in fused_reduce.c).
@Suite("Large reductions")
struct LargeReductionTests {
    /// (3·i) mod 101, as small integers whose sums are exact.
    private func numbers(_ shape: Shape) -> (tensor: Tensor, elements: [Float]) {
        let elements = (0..<shape.elementCount).map { Float(3 * $0 % 101) }
        return (Tensor(elements, shape: shape), elements)
    }

    @Test("of short rows")
    func rows() {
        let (tensor, elements) = numbers([300_000, 3])
        let sums = tensor.sum(axes: [1]).array(as: Float.self)
        let expected = (0..<300_000).map { (row: Int) -> Float in elements[(3 * row)..<(3 * row + 3)].reduce(0, +) }
        #expect(sums == expected)
    }

    @Test("of a middle axis, several at once, into places that are no row of memory")
    func middle() {
        let (a, r, b) = (700, 3, 401)
        let (tensor, elements) = numbers([a, r, b])
        let doubled = tensor * 2
        let (sums, peaks) = (doubled.sum(axes: [1]).transpose(), doubled.max(axes: [1]))
        let (foundSums, foundPeaks) = (sums.array(as: Float.self), peaks.array(as: Float.self))
        var isEqual = true
        for i in 0..<a {
            for j in 0..<b {
                let column = (0..<r).map { 2 * elements[(i * r + $0) * b + j] }
                isEqual = isEqual && foundSums[j * a + i] == column.reduce(0, +)
                isEqual = isEqual && foundPeaks[i * b + j] == column.max()
            }
        }
        #expect(isEqual)
    }

    @Test("of columns more than a thread keeps memory for")
    func columns() {
        let count = 2_200_000
        let (tensor, elements) = numbers([2, count])
        let sums = (tensor + 1).sum(axes: [0]).array(as: Float.self)
        #expect(sums.indices.allSatisfy { (i: Int) -> Bool in sums[i] == elements[i] + elements[count + i] + 2 })
    }

    @Test("of long rows, each cut into blocks")
    func blocks() {
        let (tensor, elements) = numbers([40, 50_000])
        let sums = tensor.sum(axes: [1]).array(as: Float.self)
        let expected = (0..<40).map { (row: Int) -> Float in
            let first = row * 50_000
            return elements[first..<(first + 50_000)].reduce(0, +)
        }
        #expect(sums == expected)
    }

    @Test("over two kept axes that lie otherwise in memory, of numbers and of truths")
    func permuted() {
        let (a, b, r) = (600, 501, 2)
        let (tensor, elements) = numbers([b, r, a])
        let turned = tensor.permute([2, 0, 1])
        let sums = turned.sum(axes: [2]).array(as: Float.self)
        let truths = (turned .> 98).any(axes: [2]).array(as: Bool.self)
        var isEqual = true
        for i in 0..<a {
            for j in 0..<b {
                let column = (0..<r).map { elements[(j * r + $0) * a + i] }
                isEqual = isEqual && sums[i * b + j] == column.reduce(0, +)
                isEqual = isEqual && truths[i * b + j] == column.contains { $0 > 98 }
            }
        }
        #expect(isEqual)
    }

    @Test("of a first axis into rows shorter and longer than a share")
    func shares() {
        for (r, shape) in [(3, [700, 701]), (300, [5, 40_001]), (2, [1, 700_001])] as [(Int, [Int])] {
            let count = shape[0] * shape[1]
            let (tensor, elements) = numbers(Shape([r] + shape))
            let sums = (tensor * 2).sum(axes: [0]).array(as: Float.self)
            let turned = tensor.max(axes: [0]).transpose().array(as: Float.self)
            var isEqual = true
            for i in 0..<count {
                let column = (0..<r).map { elements[$0 * count + i] }
                isEqual = isEqual && sums[i] == 2 * column.reduce(0, +)
                isEqual = isEqual && turned[i % shape[1] * shape[0] + i / shape[1]] == column.max()
            }
            #expect(isEqual, "\(r) rows of \(shape)")
        }
    }
}
