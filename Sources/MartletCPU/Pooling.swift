import CMartletKernels
import MartletGraph
import MartletRuntime

extension CPUBackend {
    func prepare(_ pool: MaxPool, _ step: StepDescription) -> any PreparedKernel {
        let shape = pool.windows.kernelShape(step.inputs[0], step.outputs[0])
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        let forward = step.inputs[0].block != nil ? mk_pool_max_forward_blocked : mk_pool_max_forward
        // Only a gradient reads where the largest were.
        let writesIndices = !step.outputs[1].isUnread
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) {
                let indices = writesIndices ? pointers[2].assumingMemoryBound(to: Int32.self) : nil
                forward(dtype, $0, pointers[0], pointers[1], indices)
            }
        }
    }

    func prepare(_ gradient: MaxPoolGradient, _ step: StepDescription) -> any PreparedKernel {
        let shape = gradient.windows.kernelShape(step.outputs[0], step.inputs[0])
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        let backward = step.inputs[0].block != nil ? mk_pool_max_backward_blocked : mk_pool_max_backward
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) {
                backward(dtype, $0, pointers[0], pointers[1].assumingMemoryBound(to: Int32.self), pointers[2])
            }
        }
    }

    func prepare(_ pool: AveragePool, _ step: StepDescription) -> any PreparedKernel {
        let shape = pool.windows.kernelShape(step.inputs[0], step.outputs[0], countIncludePad: pool.countIncludePad)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        let forward = step.inputs[0].block != nil ? mk_pool_average_forward_blocked : mk_pool_average_forward
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) { forward(dtype, $0, pointers[0], pointers[1]) }
        }
    }

    func prepare(_ gradient: AveragePoolGradient, _ step: StepDescription) -> any PreparedKernel {
        let shape = gradient.pool.windows.kernelShape(
            step.outputs[0], step.inputs[0], countIncludePad: gradient.pool.countIncludePad)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        let backward = step.inputs[0].block != nil ? mk_pool_average_backward_blocked : mk_pool_average_backward
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) { backward(dtype, $0, pointers[0], pointers[1]) }
        }
    }
}

/// Where pooling runs on channel blocks: wherever its operand lies so already.
enum BlockedPooling {
    static func layouts(_ operands: [OperandLayout], _ results: [TensorType]) -> StepLayouts? {
        let dtype = operands[0].type.dtype
        guard dtype == .float32 || dtype == .bfloat16,
            let block = operands.lazy.compactMap(\.block).first(where: { $0 % ChannelBlocks.size == 0 })
        else { return nil }
        return StepLayouts(operands: operands.map { _ in block }, results: results.map { _ in block })
    }
}

extension PoolingWindows {
    /// The attributes as the C kernels read them.
    func kernelShape(
        _ larger: OperandDescription, _ smaller: OperandDescription, countIncludePad: Bool = false
    ) -> mk_pooling {
        let (input, output) = (larger.valueShape, smaller.valueShape)
        var shape = mk_pooling()
        shape.rank = Int32(input.rank - 2)
        shape.count_include_pad = countIncludePad
        shape.planes = Int64(input[0] * input[1] / (larger.block == nil ? 1 : ChannelBlocks.size))
        shape.block = Int64(larger.block ?? 1)
        shape.input = triple(input.sizes.dropFirst(2))
        shape.kernel = triple(kernel)
        shape.output = triple(output.sizes.dropFirst(2))
        shape.stride = triple(strides)
        shape.padding_low = triple(paddingLow)
        shape.padding_high = triple(paddingHigh)
        shape.dilation = triple(dilations)
        return shape
    }
}
