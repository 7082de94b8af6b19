import CMartletKernels
import MartletGraph
import MartletRuntime

/// The sum of the squares of several tensors in one pass over them.
final class SquaredNormKernel: PreparedKernel {
    private let counts: [Int]

    init(_ step: StepDescription) { counts = step.inputs.map(\.type.shape.elementCount) }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ numbers: UnsafePointer<Scalar>) {
        withUnsafeTemporaryAllocation(of: mk_stretch.self, capacity: counts.count) { stretches in
            for (index, count) in counts.enumerated() {
                stretches[index] = mk_stretch(
                    count: Int64(count), elements: UnsafePointer(pointers[index].assumingMemoryBound(to: Float.self)))
            }
            let sum = mk_squared_norm(stretches.baseAddress, Int64(counts.count))
            pointers[counts.count].storeBytes(of: Float(sum), as: Float.self)
        }
    }
}
