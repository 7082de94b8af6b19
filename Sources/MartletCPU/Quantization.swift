import CMartletKernels
import MartletGraph
import MartletRuntime

/// Real numbers to 8-bit integers.
enum Quantization {
    static func has(_ operands: [OperandLayout]) -> Bool { operands[0].type.dtype == .float32 }

    /// With all channels side by side, as the engine's convolutions of integers want them, where a convolution can follow.
    static func layouts(_ operands: [OperandLayout], _ engine: OneDNN?) -> StepLayouts? {
        let shape = operands[0].type.shape
        guard engine?.serves(.int8) == true, (3...5).contains(shape.rank), shape[1] > 0 else { return nil }
        return StepLayouts(operands: [shape[1]], results: [shape[1]])
    }

    static func kernel(_ quantize: Quantize, _ step: StepDescription) -> any PreparedKernel {
        let dtype = Int32(quantize.dtype.rawValue)
        let (count, factor) = (Int64(step.outputs[0].type.shape.elementCount), quantize.factor)
        return ClosureKernel { pointers, _ in
            mk_quantize(dtype, count, factor, pointers[0].assumingMemoryBound(to: Float.self), pointers[1])
        }
    }
}
