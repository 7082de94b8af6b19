import CMartletKernels
import MartletGraph
import MartletRuntime

/// Batch normalisation in training on channel blocks, with what was folded into it; anything else runs the body.
enum BlockedBatchNorm {
    /// True where x is of a shape and a type that the kernel has, with its numbers a channel in float32. Where it lies does not
    /// count: the same values are normalised by the same sums wherever they were read or recorded.
    private static func serves(_ x: TensorType, perChannel: ArraySlice<OperandLayout>) -> Bool {
        (x.dtype == .float32 || x.dtype == .bfloat16) && ChannelBlocks.fit(x.shape) && x.shape.elementCount > 0
            && perChannel.allSatisfy { $0.type.dtype == .float32 }
    }

    static func has(_ composite: any Composite, _ operands: [OperandLayout], _ engine: OneDNN?) -> Bool {
        // Without the engine nothing else lies in blocks.
        guard engine != nil else { return false }
        switch composite {
        case is BatchNormTraining: return serves(operands[0].type, perChannel: operands[1...2])
        case is BatchNormGradient:
            return serves(operands[1].type, perChannel: operands[2...4])
                && operands[0].type.dtype == operands[1].type.dtype
        default: return false
        }
    }

    /// In the blocks that convolutions of the type lie in.
    static func layouts(_ composite: any Composite, _ operands: [OperandLayout], _ engine: OneDNN?) -> StepLayouts? {
        guard let engine else { return nil }
        func block(_ x: TensorType) -> [Int?] {
            [engine.putsChannelsLast(x.dtype) ? x.shape[1] : ChannelBlocks.size]
        }
        switch composite {
        case let norm as BatchNormTraining:
            let block = block(operands[0].type)
            return StepLayouts(
                operands: block + [nil, nil] + (norm.addsResidual ? block : []), results: block + [nil, nil])
        case let gradient as BatchNormGradient:
            let block = block(operands[1].type)
            return StepLayouts(
                operands: block + block + [nil, nil, nil] + (gradient.addsSecond ? block : [])
                    + (gradient.isRectified ? block : []),
                results: block + [nil, nil] + (gradient.keepsGradient ? block : []))
        default: return nil
        }
    }

    static func kernel(_ norm: BatchNormTraining, _ step: StepDescription) -> any PreparedKernel {
        let dtype = Int32(step.inputs[0].type.dtype.rawValue)
        let shape = shape(step.inputs[0], norm.epsilon, rectifies: norm.rectifies)
        let results = step.inputs.count
        return ClosureKernel { pointers, _ in
            var memory = mk_batch_norm_forward_memory()
            memory.x = UnsafeRawPointer(pointers[0])
            memory.scale = numbers(pointers[1])
            memory.shift = numbers(pointers[2])
            if norm.addsResidual { memory.residual = UnsafeRawPointer(pointers[3]) }
            memory.y = pointers[results]
            memory.mean = pointers[results + 1].assumingMemoryBound(to: Float.self)
            memory.variance = pointers[results + 2].assumingMemoryBound(to: Float.self)
            withUnsafePointer(to: shape) { mk_batch_norm_forward(dtype, $0, &memory) }
        }
    }

    static func kernel(_ gradient: BatchNormGradient, _ step: StepDescription) -> any PreparedKernel {
        let dtype = Int32(step.inputs[1].type.dtype.rawValue)
        let shape = shape(step.inputs[1], gradient.epsilon, rectifies: false)
        let results = step.inputs.count
        return ClosureKernel { pointers, _ in
            var memory = mk_batch_norm_backward_memory()
            memory.gradient = UnsafeRawPointer(pointers[0])
            memory.x = UnsafeRawPointer(pointers[1])
            memory.scale = numbers(pointers[2])
            memory.mean = numbers(pointers[3])
            memory.variance = numbers(pointers[4])
            if gradient.addsSecond { memory.second = UnsafeRawPointer(pointers[5]) }
            if gradient.isRectified { memory.output = UnsafeRawPointer(pointers[gradient.addsSecond ? 6 : 5]) }
            memory.x_gradient = pointers[results]
            memory.scale_gradient = pointers[results + 1].assumingMemoryBound(to: Float.self)
            memory.shift_gradient = pointers[results + 2].assumingMemoryBound(to: Float.self)
            if gradient.keepsGradient { memory.kept = pointers[results + 3] }
            withUnsafePointer(to: shape) { mk_batch_norm_backward(dtype, $0, &memory) }
        }
    }

    private static func shape(_ x: OperandDescription, _ epsilon: Double, rectifies: Bool) -> mk_batch_norm {
        let sizes = x.valueShape.sizes
        return mk_batch_norm(
            batch: Int64(sizes[0]), blocks: Int64(sizes[1] / ChannelBlocks.size),
            positions: Int64(sizes[2...].reduce(1, *)), pitch: Int64(x.block ?? ChannelBlocks.size),
            epsilon: Float(epsilon), rectifies: rectifies)
    }

    private static func numbers(_ pointer: UnsafeMutableRawPointer) -> UnsafePointer<Float> {
        UnsafePointer(pointer.assumingMemoryBound(to: Float.self))
    }
}
