import CMartletKernels
import MartletGraph
import MartletRuntime

extension CPUBackend {
    func prepare(_ convolution: Convolution, _ step: StepDescription) throws -> any PreparedKernel {
        if let kernel = WinogradConvolution.make(convolution, nil, step, self) { return kernel }
        if let kernel = TilesConvolution.make(convolution, nil, step, self) { return kernel }
        if let kernel = EngineConvolution.make(.convolution(convolution), step, self) { return kernel }
        let shape = convolution.kernelShape(
            input: step.inputs[0].type.shape, weight: step.inputs[1].type.shape, output: step.outputs[0].type.shape)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        let hasBias = convolution.hasBias
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) {
                mk_convolution_forward(
                    dtype, $0, pointers[0], pointers[1], hasBias ? pointers[2] : nil, pointers[hasBias ? 3 : 2])
            }
        }
    }

    /// A convolution with what was folded into it: the planner asked whether the engine has it.
    func prepareFolded(_ composite: any Composite, _ step: StepDescription) throws -> any PreparedKernel {
        if let folded = composite as? ConvolutionActivation {
            if let kernel = WinogradConvolution.make(folded.convolution, folded, step, self) { return kernel }
            if let kernel = TilesConvolution.make(folded.convolution, folded, step, self) { return kernel }
        }
        guard let kernel = EngineConvolution.make(.composite(CompositeCall(composite)), step, self) else {
            throw EngineError(
                message: "\(composite.name): the engine has no kernel for \(step.inputs.map(\.valueType))")
        }
        return kernel
    }

    func prepare(_ gradient: ConvolutionInputGradient, _ step: StepDescription) throws -> any PreparedKernel {
        if let kernel = WinogradConvolution.make(gradient, step, self) { return kernel }
        if let kernel = TilesConvolution.make(gradient, step, self) { return kernel }
        if let kernel = EngineConvolution.make(.convolutionInputGradient(gradient), step, self) { return kernel }
        let shape = gradient.convolution.kernelShape(
            input: step.outputs[0].type.shape, weight: step.inputs[1].type.shape, output: step.inputs[0].type.shape)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) {
                mk_convolution_input_gradient(dtype, $0, pointers[0], pointers[1], pointers[2])
            }
        }
    }

    func prepare(_ gradient: ConvolutionWeightGradient, _ step: StepDescription) throws -> any PreparedKernel {
        if let kernel = WinogradWeightGradient.make(gradient, step, self) { return kernel }
        if let kernel = TilesWeightGradient.make(gradient, step, self) { return kernel }
        if let kernel = EngineConvolution.make(.convolutionWeightGradient(gradient), step, self) { return kernel }
        let shape = gradient.convolution.kernelShape(
            input: step.inputs[0].type.shape, weight: step.outputs[0].type.shape, output: step.inputs[1].type.shape)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) {
                mk_convolution_weight_gradient(dtype, $0, pointers[0], pointers[1], pointers[2])
            }
        }
    }
}

extension Convolution {
    /// The attributes as the C kernels read them.
    func kernelShape(input: Shape, weight: Shape, output: Shape) -> mk_convolution {
        var shape = mk_convolution()
        shape.rank = Int32(input.rank - 2)
        shape.batch = Int64(input[0])
        shape.groups = Int64(groups)
        shape.in_channels = Int64(input[1])
        shape.out_channels = Int64(weight[0])
        shape.input = triple(input.sizes.dropFirst(2))
        shape.kernel = triple(weight.sizes.dropFirst(2))
        shape.output = triple(output.sizes.dropFirst(2))
        shape.stride = triple(strides)
        shape.padding_low = triple(paddingLow)
        shape.padding_high = triple(paddingHigh)
        shape.dilation = triple(dilations)
        return shape
    }
}

/// Up to three numbers as the fixed array of a C struct; the rest are 1.
func triple(_ values: some Collection<Int>) -> (Int64, Int64, Int64) {
    let padded = Array(values) + [1, 1, 1]
    return (Int64(padded[0]), Int64(padded[1]), Int64(padded[2]))
}
