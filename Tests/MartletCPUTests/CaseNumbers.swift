import MartletGraph
import MartletTesting

/// Arrays for comparisons, the same in every run.
struct CaseNumbers {
    private var random: FuzzRandom
    init(seed: UInt64 = 1) { random = FuzzRandom(seed: seed) }

    /// Small integers, which every type holds: sums and products of them are exact in any order.
    mutating func integers(_ shape: Shape, _ dtype: DataType, in range: ClosedRange<Int> = -4...4) -> HostArray {
        let low = dtype == .uint8 || dtype == .bool ? max(0, range.lowerBound) : range.lowerBound
        let values = (0..<shape.elementCount).map { _ in low + random.below(range.upperBound - low + 1) }
        let type = TensorType(shape, dtype)
        return dtype.isFloatingPoint ? HostArray(type, real: values.map(Double.init)) : HostArray(type, integer: values)
    }

    /// Uniform in a range.
    mutating func reals(_ shape: Shape, _ dtype: DataType, in range: ClosedRange<Double> = -1...1) -> HostArray {
        let width = range.upperBound - range.lowerBound
        let values = (0..<shape.elementCount).map { _ in
            range.lowerBound + Double(random.next() >> 11) * 0x1p-53 * width
        }
        return HostArray(TensorType(shape, dtype), real: values)
    }
}

/// What cannot be told apart from a failure of the test itself stands in one list, so that all is seen at once.
func joined(_ failures: [String]) -> String { failures.prefix(12).joined(separator: "\n") }
