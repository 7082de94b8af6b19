import CMartletKernels
import MartletGraph
import MartletRuntime

/// A convolution with what was folded into it, or the gradient of its input, by Winograd's method.
final class WinogradConvolution: PackingKernel, DescribedKernel {
    private let shape: mk_winograd
    private let backend: CPUBackend
    /// Where bias, factor, shift and residual are among the pointers; nil where there is none. The result is the last.
    private let bias, factor, residual: Int?
    private let result: Int

    let packedOperand = 1
    let packing: UInt64?
    var method: String { shape.method }

    /// The kernel of a step; nil where the definition is quicker or Winograd's method has no say.
    static func make(
        _ convolution: Convolution, _ folded: ConvolutionActivation?, _ step: StepDescription, _ backend: CPUBackend
    ) -> WinogradConvolution? {
        guard
            let shape = mk_winograd(
                convolution, input: step.inputs[0], weight: step.inputs[1], output: step.outputs[0], step)
        else { return nil }
        return WinogradConvolution(shape, hasBias: convolution.hasBias, folded, step, backend)
    }

    /// The same for the gradient of a convolution's input: operands are the output's gradient and the weights.
    static func make(
        _ gradient: ConvolutionInputGradient, _ step: StepDescription, _ backend: CPUBackend
    ) -> WinogradConvolution? {
        guard
            let shape = mk_winograd(
                gradient.convolution, input: step.outputs[0], weight: step.inputs[1], output: step.inputs[0], step)
        else { return nil }
        return WinogradConvolution(shape.inputGradient, hasBias: false, nil, step, backend)
    }

    private init(
        _ given: mk_winograd, hasBias: Bool, _ folded: ConvolutionActivation?, _ step: StepDescription,
        _ backend: CPUBackend
    ) {
        var shape = given
        shape.rectifies = folded?.rectifies ?? false
        (self.shape, self.backend) = (shape, backend)
        var next = 2
        func place(_ isThere: Bool, _ count: Int = 1) -> Int? {
            guard isThere else { return nil }
            defer { next += count }
            return next
        }
        bias = place(hasBias || folded?.scaling == .shift)
        factor = place(folded?.scaling == .factorAndShift, 2)
        residual = place(folded?.addsResidual ?? false)
        result = next
        packing = Self.packing(given, step.inputs[1].valueShape)
    }

    /// Names the form of the transformed weights: apart from the engine's, which are hashes too.
    private static func packing(_ shape: mk_winograd, _ weight: Shape) -> UInt64 {
        var hash: UInt64 = 0x5749_4E4F_4752_4144
        for number in [Int(shape.tile), shape.is_gradient ? 1 : 0, weight[0], weight[1]] {
            hash = (hash ^ UInt64(number)) &* 0x9E37_79B9_7F4A_7C15
        }
        return hash
    }

    func pack(_ operand: UnsafeMutableRawPointer) throws -> Buffer {
        let packed = try backend.allocate(byteCount: packedByteCount)
        transform(operand, packed.address)
        return packed
    }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        let packed = try backend.leaseArena(byteCount: packedByteCount)
        try withExtendedLifetime(packed) {
            transform(pointers[packedOperand], packed.address)
            try run(pointers, scalars, packed: packed.address)
        }
    }

    func run(
        _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>,
        packed: UnsafeMutableRawPointer
    ) throws {
        func floats(_ index: Int) -> UnsafeMutablePointer<Float> { pointers[index].assumingMemoryBound(to: Float.self) }
        var memory = mk_winograd_memory()
        memory.input = UnsafePointer(floats(0))
        memory.weights = UnsafePointer(packed.assumingMemoryBound(to: Float.self))
        if let bias { memory.bias = UnsafePointer(floats(bias)) }
        if let factor {
            memory.factor = UnsafePointer(floats(factor))
            memory.shift = UnsafePointer(floats(factor + 1))
        }
        if let residual { memory.residual = UnsafePointer(floats(residual)) }
        memory.output = floats(result)
        withUnsafePointer(to: shape) { mk_winograd_run($0, &memory) }
    }

    var packedByteCount: Int { withUnsafePointer(to: shape) { Int(mk_winograd_weight_bytes($0)) } }

    private func transform(_ weights: UnsafeMutableRawPointer, _ transformed: UnsafeMutableRawPointer) {
        withUnsafePointer(to: shape) {
            mk_winograd_transform(
                $0, weights.assumingMemoryBound(to: Float.self), transformed.assumingMemoryBound(to: Float.self))
        }
    }
}
