import MartletGraph
import MartletNN
import MartletTensor

/// Numbers that a peer makes too, so that both sides have the same network without a file of weights: what
/// `scripts/patterned.py` says.
package enum PatternedNumbers {
    private static let period = 8191
    private static let stride = 101
    private static let table = (0..<period).map { k in Double((k * k * k + 31 * k * k) % period) / 4095 - 1 }

    /// offset + scale · T, the table repeated in row-major order from place `start` on.
    package static func pattern(_ shape: Shape, start: Int = 0, scale: Double = 1, offset: Double = 0) -> Tensor {
        let first = start % period
        let turned = (table[first...] + table[..<first]).map { Float(offset + scale * $0) }
        // Made at once: a row's first step would have the filling among its temporaries.
        return Tensor(filling: TensorType(shape, .float32)) { bytes in
            let elements = bytes.assumingMemoryBound(to: Float.self)
            turned.withUnsafeBufferPointer { pattern in
                for begin in Swift.stride(from: 0, to: elements.count, by: period) {
                    let rest = elements[begin..<min(begin + period, elements.count)]
                    _ = UnsafeMutableBufferPointer(rebasing: rest).update(from: pattern.prefix(rest.count))
                }
            }
        }
    }

    /// Labels of a batch: (7 b + 3) mod classes.
    package static func labels(_ batch: Int, classes: Int) -> Tensor {
        Tensor((0..<batch).map { ($0 * 7 + 3) % classes })
    }

    /// Gives every parameter and every running statistic of a module its numbers.
    package static func fill(_ module: any Module) {
        for (number, (name, parameter)) in module.namedParameters.enumerated() {
            let (shape, start) = (parameter.shape, stride * number)
            let fanIn = Double(shape.sizes.dropFirst().reduce(1, *))
            parameter.update { _ in
                if shape.rank > 1 { return pattern(shape, start: start, scale: (6 / fanIn).squareRoot()) }
                if name.hasSuffix("weight") { return pattern(shape, start: start, scale: 0.25, offset: 1) }
                return pattern(shape, start: start, scale: 0.1)
            }
        }
        let statistics = module.namedBuffers.filter { !$0.name.hasSuffix("num_batches_tracked") }
        for (number, (name, buffer)) in statistics.enumerated() {
            let isMean = name.hasSuffix("running_mean")
            buffer.value = pattern(
                buffer.value.shape, start: stride * number, scale: isMean ? 0.1 : 0.25, offset: isMean ? 0 : 1)
        }
    }
}
