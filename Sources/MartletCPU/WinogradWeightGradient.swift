import CMartletKernels
import MartletGraph
import MartletRuntime

/// The gradient of a convolution's weights by Winograd's method.
final class WinogradWeightGradient: DescribedKernel {
    private let shape: mk_winograd
    private let backend: CPUBackend
    var method: String { shape.method }

    /// The kernel of a step; nil where the definition is quicker or Winograd's method has no say.
    static func make(
        _ gradient: ConvolutionWeightGradient, _ step: StepDescription, _ backend: CPUBackend
    ) -> WinogradWeightGradient? {
        guard
            let shape = mk_winograd(
                gradient.convolution, input: step.inputs[0], weight: step.outputs[0], output: step.inputs[1], step)
        else { return nil }
        return WinogradWeightGradient(shape, backend)
    }

    private init(_ shape: mk_winograd, _ backend: CPUBackend) { (self.shape, self.backend) = (shape, backend) }

    var workspace: [Int] { [sumByteCount] }

    private var sumByteCount: Int { withUnsafePointer(to: shape) { Int(mk_winograd_sum_bytes($0)) } }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        func floats(_ memory: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
            memory.assumingMemoryBound(to: Float.self)
        }
        let sums = try backend.leaseArena(byteCount: sumByteCount)
        withExtendedLifetime(sums) {
            withUnsafePointer(to: shape) {
                mk_winograd_weight_gradient(
                    $0, floats(pointers[0]), floats(pointers[1]), floats(pointers[2]), floats(sums.address))
            }
        }
    }
}

extension mk_winograd {
    /// A convolution of 3 by 3 as Winograd's kernels take it, whichever of its three operands a step makes; nil where they do not,
    /// or the definition is quicker.
    init?(
        _ convolution: Convolution, input: OperandDescription, weight: OperandDescription, output: OperandDescription,
        _ step: StepDescription
    ) {
        let (given, made) = (input.valueShape, output.valueShape)
        guard input.block == ChannelBlocks.size, output.block == ChannelBlocks.size, weight.block == nil,
            weight.valueShape.sizes.dropFirst(2) == [3, 3],
            (step.inputs + step.outputs).allSatisfy({ $0.type.dtype == .float32 && $0.isContiguous }),
            let tile = Winograd.current.tile(convolution, input: given, output: made, isInference: step.isInference)
        else { return nil }
        self.init()
        self.tile = Int32(tile)
        batch = Int64(given[0])
        (in_channels, out_channels) = (Int64(given[1]), Int64(made[1]))
        (in_height, in_width) = (Int64(given[2]), Int64(given[3]))
        (out_height, out_width) = (Int64(made[2]), Int64(made[3]))
        (padding_top, padding_left) = (Int64(convolution.paddingLow[0]), Int64(convolution.paddingLow[1]))
    }

    /// The convolution that makes the gradient of this one's input from that of its output.
    var inputGradient: mk_winograd {
        var result = self
        (result.in_channels, result.out_channels) = (out_channels, in_channels)
        (result.in_height, result.in_width) = (out_height, out_width)
        (result.out_height, result.out_width) = (in_height, in_width)
        (result.padding_top, result.padding_left) = (2 - padding_top, 2 - padding_left)
        result.is_gradient = true
        return result
    }

    var method: String { "Winograd's F(\(tile)×\(tile), 3×3)" }
}
