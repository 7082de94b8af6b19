import CMartletKernels
import MartletGraph
import MartletRuntime

/// The gradient of a convolution's weights on matrix tiles.
final class TilesWeightGradient: DescribedKernel {
    private let shape: mk_tiles_convolution
    private let backend: CPUBackend
    var method: String { "matrix tiles" }

    /// The kernel of a step; nil where tiles have no say.
    static func make(
        _ gradient: ConvolutionWeightGradient, _ step: StepDescription, _ backend: CPUBackend
    ) -> TilesWeightGradient? {
        guard
            let shape = mk_tiles_convolution(
                gradient.convolution, input: step.inputs[0], weight: step.outputs[0], output: step.inputs[1]),
            withUnsafePointer(to: shape, { mk_tiles_has_weight_gradient($0) })
        else { return nil }
        return TilesWeightGradient(shape, backend)
    }

    private init(_ shape: mk_tiles_convolution, _ backend: CPUBackend) { (self.shape, self.backend) = (shape, backend) }

    var workspace: [Int] { [sumByteCount] }

    private var sumByteCount: Int { withUnsafePointer(to: shape) { Int(mk_tiles_weight_gradient_bytes($0)) } }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        func numbers(_ memory: UnsafeMutableRawPointer) -> UnsafePointer<UInt16> {
            UnsafePointer(memory.assumingMemoryBound(to: UInt16.self))
        }
        let sums = try backend.leaseArena(byteCount: sumByteCount)
        withExtendedLifetime(sums) {
            withUnsafePointer(to: shape) {
                mk_tiles_weight_gradient(
                    $0, numbers(pointers[0]), numbers(pointers[1]), false, pointers[2], sums.address)
            }
        }
    }
}
