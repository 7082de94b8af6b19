import CMartletKernels
import MartletGraph
import MartletRuntime

extension CPUBackend {
    func prepare(_ pool: MaxPool, _ step: StepDescription) throws -> any PreparedKernel {
        let shape = pool.windows.kernelShape(
            input: step.inputs[0].type.shape, output: step.outputs[0].type.shape, countIncludePad: false)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) {
                mk_pool_max_forward(dtype, $0, pointers[0], pointers[1], pointers[2].assumingMemoryBound(to: Int64.self))
            }
        }
    }

    func prepare(_ pool: AveragePool, _ step: StepDescription) throws -> any PreparedKernel {
        let shape = pool.windows.kernelShape(
            input: step.inputs[0].type.shape, output: step.outputs[0].type.shape, countIncludePad: pool.countIncludePad)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) { mk_pool_average_forward(dtype, $0, pointers[0], pointers[1]) }
        }
    }

    func prepare(_ gradient: AveragePoolGradient, _ step: StepDescription) throws -> any PreparedKernel {
        let shape = gradient.pool.windows.kernelShape(
            input: step.outputs[0].type.shape, output: step.inputs[0].type.shape,
            countIncludePad: gradient.pool.countIncludePad)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) { mk_pool_average_backward(dtype, $0, pointers[0], pointers[1]) }
        }
    }
}

extension PoolingWindows {
    /// The attributes as the C kernels read them.
    func kernelShape(input: Shape, output: Shape, countIncludePad: Bool) -> mk_pooling {
        var shape = mk_pooling()
        shape.rank = Int32(input.rank - 2)
        shape.count_include_pad = countIncludePad
        shape.planes = Int64(input[0] * input[1])
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
