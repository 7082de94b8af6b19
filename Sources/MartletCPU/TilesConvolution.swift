import CMartletKernels
import MartletGraph
import MartletRuntime

/// A convolution in bfloat16 with what was folded into it, or the gradient of its input, on matrix tiles.
final class TilesConvolution: PackingKernel, DescribedKernel {
    private let shape: mk_tiles_convolution
    private let isGradient: Bool
    private let rectifies: Bool
    private let backend: CPUBackend
    /// Where bias, factor, shift and residual are among the pointers; nil where there is none. The result is the last.
    private let bias, factor, shift, residual: Int?
    private let result: Int

    let packedOperand = 1
    let packing: UInt64?
    var method: String { "matrix tiles" }

    /// The kernel of a step; nil where tiles have no say.
    static func make(
        _ convolution: Convolution, _ folded: ConvolutionActivation?, _ step: StepDescription, _ backend: CPUBackend
    ) -> TilesConvolution? {
        guard
            let shape = mk_tiles_convolution(
                convolution, input: step.inputs[0], weight: step.inputs[1], output: step.outputs[0]),
            withUnsafePointer(to: shape, { mk_tiles_has_convolution($0) }), step.inputs.allSatisfy(\.isContiguous)
        else { return nil }
        return TilesConvolution(shape, hasBias: convolution.hasBias, folded, step, backend)
    }

    /// The same for the gradient of a convolution's input: operands are the output's gradient and the weights.
    static func make(
        _ gradient: ConvolutionInputGradient, _ step: StepDescription, _ backend: CPUBackend
    ) -> TilesConvolution? {
        guard
            let shape = mk_tiles_convolution(
                gradient.convolution, input: step.outputs[0], weight: step.inputs[1], output: step.inputs[0]),
            withUnsafePointer(to: shape, { mk_tiles_has_input_gradient($0) })
        else { return nil }
        return TilesConvolution(shape, isGradient: true, hasBias: false, nil, step, backend)
    }

    private init(
        _ shape: mk_tiles_convolution, isGradient: Bool = false, hasBias: Bool, _ folded: ConvolutionActivation?,
        _ step: StepDescription, _ backend: CPUBackend
    ) {
        (self.shape, self.isGradient, self.backend) = (shape, isGradient, backend)
        rectifies = folded?.rectifies ?? false
        var next = 2
        func place(_ isThere: Bool) -> Int? {
            guard isThere else { return nil }
            defer { next += 1 }
            return next
        }
        bias = place(hasBias)
        factor = place(folded?.scaling == .factorAndShift)
        shift = place(folded?.scaling == .factorAndShift || folded?.scaling == .shift)
        residual = place(folded?.addsResidual ?? false)
        result = next
        packing = Self.packing(shape, isGradient)
    }

    /// Names the form of the packed weights. A gradient's weights are sorted by the positions that they reach.
    private static func packing(_ shape: mk_tiles_convolution, _ isGradient: Bool) -> UInt64 {
        var numbers = [shape.out_channels, shape.in_channels, shape.kernel_height, shape.kernel_width]
        if isGradient {
            numbers += [shape.stride_y, shape.stride_x, shape.padding_top, shape.padding_left]
            numbers += [shape.dilation_y, shape.dilation_x, min(shape.stride_y, shape.in_height)]
            numbers += [min(shape.stride_x, shape.in_width)]
        }
        return numbers.reduce(0x5449_4C45_5300_0000) { hash, number in
            (hash ^ UInt64(bitPattern: number)) &* 0x9E37_79B9_7F4A_7C15
        }
    }

    var packedByteCount: Int { withUnsafePointer(to: shape) { Int(mk_tiles_weight_bytes($0, isGradient)) } }

    func pack(_ operand: UnsafeMutableRawPointer) throws -> Buffer {
        let packed = try backend.allocate(byteCount: packedByteCount)
        pack(operand, packed.address)
        return packed
    }

    private func pack(_ weights: UnsafeMutableRawPointer, _ packed: UnsafeMutableRawPointer) {
        withUnsafePointer(to: shape) {
            mk_tiles_pack_weights($0, isGradient, weights.assumingMemoryBound(to: UInt16.self), packed)
        }
    }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        let packed = try backend.leaseArena(byteCount: packedByteCount)
        try withExtendedLifetime(packed) {
            pack(pointers[packedOperand], packed.address)
            try run(pointers, scalars, packed: packed.address)
        }
    }

    func run(
        _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>,
        packed: UnsafeMutableRawPointer
    ) throws {
        func numbers(_ index: Int) -> UnsafeMutablePointer<UInt16> {
            pointers[index].assumingMemoryBound(to: UInt16.self)
        }
        func floats(_ index: Int) -> UnsafePointer<Float> {
            UnsafePointer(pointers[index].assumingMemoryBound(to: Float.self))
        }
        var memory = mk_tiles_memory()
        memory.input = UnsafePointer(numbers(0))
        memory.weights = UnsafeRawPointer(packed)
        memory.factor = factor.map(floats)
        memory.shift = shift.map(floats)
        memory.residual = residual.map { UnsafePointer(numbers($0)) }
        memory.rectifies = rectifies
        memory.output = numbers(result)
        guard let bias else { return run(memory) }
        // (y + bias) · factor + shift = y · factor + (bias · factor + shift)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: Int(shape.out_channels)) { whole in
            for index in whole.indices {
                let own = BFloat16.float(numbers(bias)[index])
                whole[index] = own * (memory.factor?[index] ?? 1) + (memory.shift?[index] ?? 0)
            }
            memory.shift = UnsafePointer(whole.baseAddress)
            run(memory)
        }
    }

    private func run(_ memory: mk_tiles_memory) {
        withUnsafePointer(to: shape) { shape in
            withUnsafePointer(to: memory) {
                if isGradient { mk_tiles_input_gradient(shape, $0) } else { mk_tiles_run(shape, $0) }
            }
        }
    }
}
