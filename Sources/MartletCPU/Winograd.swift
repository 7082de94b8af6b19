import CMartletKernels
import MartletGraph
import MartletRuntime

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Winograd's minimal filtering for convolutions of 3 by 3 with stride 1 in inference: F(4×4, 3×3) multiplies 2.25 times for an
/// output and channel where the definition multiplies 9 times, F(2×2, 3×3) 4 times.
///
///     Y = Aᵀ [ Σ_c (G g_c Gᵀ) ⊙ (Bᵀ d_c B) ] A
///
/// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015). Points of interpolation: 0, ±√½, ±√2, ∞
/// and 0, ±1, ∞.
///
/// ## Error
/// An error is measured against float64 and divided by Σ|w·x|, the largest that an output of the same tile has: at most 5e-7 was
/// found for F(4×4, 3×3) and 1.6e-7 for F(2×2, 3×3), over 16 to 192 channels of uniform and of rectified numbers (512 are
/// within the bound); `errorBound` is twice that, and tests hold it. The error's norm relative to the result's grows with √channels: about
/// 2e-6 and 6e-7 at 512. The outputs of a tile share their rounding: where one number of a window is larger than the others by
/// orders of magnitude, outputs of the tile that do not read it have its rounding too, and NaN where it is infinite. Training
/// never uses it.
///
/// ## Cost
/// The transformed weights take 4 times (16/9 times) the memory of the weights, and are kept with them (`PackingKernel`).
package enum Winograd: Sendable, Equatable {
    /// Where it was measured to win.
    case automatic
    /// Every convolution is computed by its definition.
    case off
    /// Tiles of so many outputs, wherever the kernel can.
    case always(tile: Int)

    /// What is in use here: what `scoped` says, else the environment.
    package static var current: Winograd { scoped ?? setting }

    /// What a test wants in a task, whatever the environment says.
    @TaskLocal package static var scoped: Winograd?

    /// What `MARTLET_WINOGRAD` says, read once.
    private static let setting: Winograd = {
        let text = getenv("MARTLET_WINOGRAD").map { String(cString: $0) } ?? ""
        guard let setting = Winograd(text) else {
            stop("MARTLET_WINOGRAD: \"\(text)\" is no way of convolving; off, 2, 4 or nothing is expected")
        }
        return setting
    }()

    /// `off`, `2` or `4`; automatic where nothing is said, nil for anything else.
    package init?(_ text: String) {
        switch text {
        case "": self = .automatic
        case "off": self = .off
        case "2": self = .always(tile: 2)
        case "4": self = .always(tile: 4)
        default: return nil
        }
    }

    /// Distinguishes plans.
    var code: UInt64 {
        switch self {
        case .automatic: 0
        case .off: 1
        case .always(let tile): UInt64(tile)
        }
    }

    /// The largest error that is allowed for usual numbers, relative to the largest Σ|w·x| of a tile.
    package static func errorBound(tile: Int) -> Double { tile == 4 ? 1e-6 : 3.2e-7 }

    /// Outputs of a tile along each axis for a float32 convolution on channel blocks, in inference; nil for the definition.
    package func tile(_ convolution: Convolution, input: Shape, output: Shape) -> Int? {
        guard input.rank == 4, convolution.groups == 1, convolution.strides.allSatisfy({ $0 == 1 }),
            convolution.dilations.allSatisfy({ $0 == 1 }), ChannelBlocks.fit(input), ChannelBlocks.fit(output),
            input.elementCount > 0, output.elementCount > 0
        else { return nil }
        switch self {
        case .off: return nil
        case .always(let tile): return tile
        case .automatic: return Self.quickest(input: input, output: output)
        }
    }

    /// The rule, from the table in docs/performance-notes.md. Nothing is won
    /// - below 2²⁰ products in all, a tenth of a millisecond by the definition;
    /// - where tiles reach past the image by as much as it has outputs (5×5 in tiles of 4);
    /// - with fewer than 16 tiles, a panel of the product: the transformed weights are then read for too little work.
    private static func quickest(input: Shape, output: Shape) -> Int? {
        let outputs = output[0] * output[2] * output[3]
        guard input[1] * output[1] * outputs >= 1 << 20 else { return nil }
        return [4, 2].first { tile in
            let tiles = output[0] * ((output[2] + tile - 1) / tile) * ((output[3] + tile - 1) / tile)
            return tiles >= 16 && tiles * tile * tile <= 2 * outputs
        }
    }
}

/// A convolution in inference, with what was folded into it, by Winograd's method.
final class WinogradConvolution: PackingKernel, DescribedKernel {
    private let shape: mk_winograd
    private let backend: CPUBackend
    /// Where bias, factor, shift and residual are among the pointers; nil where there is none. The result is the last.
    private let bias, factor, residual: Int?
    private let result: Int

    let packedOperand = 1
    let packing: UInt64?
    var method: String { "Winograd's F(\(shape.tile)×\(shape.tile), 3×3)" }

    /// The kernel of a step in inference; nil where the definition is quicker or Winograd's method has no say.
    static func make(
        _ convolution: Convolution, _ folded: ConvolutionActivation?, _ step: StepDescription, _ backend: CPUBackend
    ) -> WinogradConvolution? {
        let (input, weight, output) = (step.inputs[0], step.inputs[1], step.outputs[0])
        guard step.isInference, input.block == ChannelBlocks.size, output.block == ChannelBlocks.size,
            weight.block == nil,
            weight.valueShape.sizes.dropFirst(2) == [3, 3],
            (step.inputs + step.outputs).allSatisfy({ $0.type.dtype == .float32 && $0.isContiguous }),
            let tile = Winograd.current.tile(convolution, input: input.valueShape, output: output.valueShape)
        else { return nil }
        return WinogradConvolution(convolution, folded, tile, step, backend)
    }

    private init(
        _ convolution: Convolution, _ folded: ConvolutionActivation?, _ tile: Int, _ step: StepDescription,
        _ backend: CPUBackend
    ) {
        let (input, output) = (step.inputs[0].valueShape, step.outputs[0].valueShape)
        var shape = mk_winograd()
        shape.tile = Int32(tile)
        shape.batch = Int64(input[0])
        (shape.in_channels, shape.out_channels) = (Int64(input[1]), Int64(output[1]))
        (shape.in_height, shape.in_width) = (Int64(input[2]), Int64(input[3]))
        (shape.out_height, shape.out_width) = (Int64(output[2]), Int64(output[3]))
        (shape.padding_top, shape.padding_left) = (Int64(convolution.paddingLow[0]), Int64(convolution.paddingLow[1]))
        shape.rectifies = folded?.rectifies ?? false
        (self.shape, self.backend) = (shape, backend)
        var next = 2
        func place(_ isThere: Bool, _ count: Int = 1) -> Int? {
            guard isThere else { return nil }
            defer { next += count }
            return next
        }
        bias = place(convolution.hasBias)
        factor = place(folded?.isScaled ?? false, 2)
        residual = place(folded?.addsResidual ?? false)
        result = next
        packing = Self.packing(tile, step.inputs[1].valueShape)
    }

    /// Names the form of the transformed weights: apart from the engine's, which are hashes too.
    private static func packing(_ tile: Int, _ weight: Shape) -> UInt64 {
        var hash: UInt64 = 0x5749_4E4F_4752_4144
        for number in [tile, weight[0], weight[1]] { hash = (hash ^ UInt64(number)) &* 0x9E37_79B9_7F4A_7C15 }
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
