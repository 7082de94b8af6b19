import MartletGraph
import MartletTesting
import Testing

@Suite("Movement, reductions and scans on every backend")
struct MovementTests {
    private typealias Function = BackendComparison.Function

    private static let shapes: [Shape] = [[3, 4, 5], [2, 513], [7], [1, 1], [6, 1, 4], [0, 3], [3, 0]]

    private func compare(_ name: String, _ inputs: [HostArray], _ function: @escaping Function) -> [String] {
        BackendComparison(name, inputs, function).failures(.exact)
    }

    @Test("Reductions over every choice of axes", arguments: [Reduce.Kind.sum, .product, .max, .min, .any, .all])
    func reductions(kind: Reduce.Kind) {
        var failures: [String] = []
        for dtype in DataType.allCases {
            if dtype == .bool, kind == .max || kind == .min { continue }
            for shape in MovementTests.shapes {
                if shape.elementCount == 0, kind == .max || kind == .min { continue }
                var numbers = CaseNumbers(seed: 1)
                let input = numbers.integers(shape, dtype, in: kind == .product ? 1...1 : -4...4)
                for mask in 1..<(1 << shape.rank) {
                    let axes = shape.indices.filter { mask >> $0 & 1 == 1 }
                    failures += compare("\(kind) over \(Array(axes))", [input]) { values throws(ShapeError) in
                        [try Value.record(.reduce(Reduce(kind, Array(axes))), [values[0]])[0]]
                    }
                }
            }
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Products of small numbers, and NaN through every reduction")
    func productsAndNaN() {
        let numbers = HostArray(TensorType([2, 3], .float64), real: [2, -0.5, 4, .nan, 1, -3])
        for kind in [Reduce.Kind.sum, .product, .max, .min, .any, .all] {
            let failures = compare("\(kind)", [numbers]) { values throws(ShapeError) in [values[0].reduced(kind, [1])] }
            #expect(failures.isEmpty, "\(joined(failures))")
        }
    }

    @Test(
        "Rows of a few elements, rows that end within a tile and rows that one stride walks",
        arguments: DataType.allCases)
    func rows(dtype: DataType) {
        var numbers = CaseNumbers(seed: 4)
        let (planes, wide) = (numbers.integers([2, 3, 23, 41], dtype), numbers.integers([3, 700, 2], dtype))
        let failures = compare("rows", [planes, wide]) { values throws(ShapeError) in
            let (x, y) = (values[0], values[1])
            let last = x.permuted([0, 2, 3, 1])
            return [
                last, try last.reshaped([2 * 23 * 41, 3]), last.flipped([3]), x.permuted([1, 0, 2, 3]),
                x.permuted([1, 0, 2, 3]).sliced(starts: [0, 0, 1, 0], sizes: [3, 2, 20, 41], steps: [1, 1, 1, 1]),
                y.permuted([2, 0, 1]), y.permuted([1, 2, 0]),
                y.sliced(starts: [0, 3, 0], sizes: [3, 600, 2], steps: [1, 1, 1]),
                // Sums over what lies first and third, as a layer's bias has them.
                try Value.record(.reduce(Reduce(.sum, [0, 2])), [x])[0],
                try Value.record(.reduce(Reduce(.sum, [0, 1])), [last.sliced(axis: 1, start: 1, count: 20)])[0],
            ]
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Views and copies: slices, updates, flips, concatenation", arguments: DataType.allCases)
    func views(dtype: DataType) {
        var numbers = CaseNumbers(seed: 2)
        let (a, b) = (numbers.integers([4, 6], dtype), numbers.integers([2, 3], dtype))
        var failures = compare("views", [a, b]) { values throws(ShapeError) in
            let (a, b) = (values[0], values[1])
            let slice = a.sliced(starts: [1, 1], sizes: [2, 2], steps: [2, 3])
            return [
                slice, slice.flipped([0, 1]), a.permuted([1, 0]).flipped([0]),
                try a.permuted([1, 0]).reshaped([8, 3]),
                a.updatingSlice(starts: [1, 0], steps: [2, 2], with: b), a.updatingSlice(starts: [2, 3], with: b),
                Value.concatenated([a, a.flipped([1]), a.sliced(axis: 1, start: 2, count: 1)], axis: 1),
                Value.concatenated([b, b.sliced(axis: 0, start: 0, count: 0), b], axis: 0),
            ]
        }
        failures += compare("padding", [a]) { values throws(ShapeError) in
            [values[0].padded(low: [1, 0], high: [0, 2]), values[0].insertingAxis(1).expanded(toKnown: [4, 3, 6])]
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Gathering, scattering and selecting", arguments: DataType.allCases)
    func indexed(dtype: DataType) {
        var failures: [String] = []
        for axis in 0..<3 {
            var numbers = CaseNumbers(seed: 3)
            let values = numbers.integers([4, 3, 5], dtype)
            var sizes = [4, 3, 5]
            sizes[axis] = 2
            let positions = numbers.integers(Shape(sizes), .int64, in: 0...2)
            let updates = numbers.integers(Shape(sizes), dtype)
            let places = HostArray(TensorType([2], .int64), integer: [2, 2])
            let distinct = HostArray(
                TensorType(Shape(sizes), .int64),
                integer: positions.integers.indices.map { position in
                    let stride = Shape(sizes).contiguousStrides[axis]
                    return position / stride % 2
                })
            failures += compare("indexed along \(axis)", [values, positions, updates, places, distinct]) {
                v throws(ShapeError) in
                [
                    v[0].gather(v[1], axis: axis), v[0].scatter(.add, v[1], v[2], axis: axis),
                    v[0].scatter(.replace, v[4], v[2], axis: axis), v[0].select(v[3], axis: axis),
                    v[0].adding(v[2], at: v[3], axis: axis),
                ]
            }
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Sorting, extreme positions and running sums", arguments: DataType.allCases)
    func scans(dtype: DataType) {
        var failures: [String] = []
        for shape in [Shape([3, 4, 5]), [70], [2, 600], [0, 4]] {
            for axis in 0..<shape.rank {
                var numbers = CaseNumbers(seed: 4)
                let values = numbers.integers(shape, dtype)
                for flag in [false, true] {
                    failures += compare("scans along \(axis)", [values]) { v throws(ShapeError) in
                        let sums = [false, true].map { exclusive in
                            Primitive.cumulativeSum(CumulativeSum(axis, reverse: flag, exclusive: exclusive))
                        }
                        var results = try Value.record(.sort(Sort(axis, descending: flag)), [v[0]])
                        for sum in sums { results += try Value.record(sum, [v[0]]) }
                        if shape[axis] > 0 {
                            results += try Value.record(.argReduce(ArgReduce(flag ? .max : .min, axis)), [v[0]])
                        }
                        return results
                    }
                }
            }
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Order among NaN, infinities and equals", arguments: [DataType.float32, .float64, .bfloat16, .float16])
    func sortedBorders(dtype: DataType) {
        let values = HostArray(
            TensorType([9], dtype), real: [.nan, 1, -.infinity, 0, .infinity, 1, .nan, -1, 0])
        let failures = compare("order", [values]) { v throws(ShapeError) in
            try Value.record(.sort(Sort(0, descending: false)), [v[0]])
                + Value.record(.sort(Sort(0, descending: true)), [v[0]])
                + Value.record(.argReduce(ArgReduce(.max, 0)), [v[0]])
                + Value.record(.argReduce(ArgReduce(.min, 0)), [v[0]])
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Coordinates and random bits, whole and in part")
    func sources() {
        let failures = compare("sources", []) { _ throws(ShapeError) in
            let bits = Value.make(
                .randomBits(RandomBits([5, 300])), [Value.scalar(integer: 77), Value.scalar(integer: 3)])
            let coordinates = Value.iota([4, 5], axis: 0)
            return [
                bits, bits.sliced(starts: [1, 7], sizes: [3, 50], steps: [1, 3]), bits.permuted([1, 0]),
                bits.sliced(axis: 1, start: 0, count: 9).applying(.unitFromBits), coordinates, coordinates.flipped([0]),
                coordinates.sliced(axis: 0, start: 2, count: 2) * 3,
            ]
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }
}
