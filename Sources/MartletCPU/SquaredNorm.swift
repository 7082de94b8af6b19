import CMartletKernels
import MartletGraph
import MartletRuntime

/// The sum of the squares of several tensors in one pass over them; of some only the sums of their pieces are read.
final class SquaredNormKernel: PreparedKernel {
    private let counts: [Int]
    private let arePieces: [Bool]

    init(_ step: StepDescription, arePieces: [Bool]? = nil) {
        counts = step.inputs.map(\.type.shape.elementCount)
        self.arePieces = arePieces ?? counts.map { _ in false }
    }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ numbers: UnsafePointer<Scalar>) {
        withUnsafeTemporaryAllocation(of: mk_stretch.self, capacity: counts.count) { stretches in
            for (index, count) in counts.enumerated() {
                let pointer = pointers[index]
                stretches[index] = mk_stretch(
                    count: Int64(count),
                    elements: arePieces[index] ? nil : UnsafePointer(pointer.assumingMemoryBound(to: Float.self)),
                    sums: arePieces[index] ? UnsafePointer(pointer.assumingMemoryBound(to: Double.self)) : nil)
            }
            let sum = mk_squared_norm(stretches.baseAddress, Int64(counts.count))
            pointers[counts.count].storeBytes(of: Float(sum), as: Float.self)
        }
    }
}

/// The sums of the squares of a tensor's pieces.
struct SquaredPiecesKernel {
    private let count: Int64

    init(_ x: TensorType) { count = Int64(x.shape.elementCount) }

    /// Adds up the pieces that end between two elements, the last one with the last element.
    func run(
        _ x: UnsafeRawPointer, from first: Int, to last: Int, into sums: UnsafeMutableRawPointer
    ) {
        let length = SquaredPieces.length
        let end = last == Int(count) ? (last + length - 1) / length : last / length
        mk_squared_pieces(
            x.assumingMemoryBound(to: Float.self), count, Int64(first / length), Int64(end),
            sums.assumingMemoryBound(to: Double.self))
    }

    var prepared: any PreparedKernel {
        ClosureKernel { [self] pointers, _ in run(pointers[0], from: 0, to: Int(count), into: pointers[1]) }
    }
}
