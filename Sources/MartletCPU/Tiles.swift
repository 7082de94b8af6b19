import CMartletKernels
import MartletGraph
import MartletRuntime

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The processor's matrix tiles (AMX): convolutions in bfloat16 by kernels of our own, where activations lie with all channels side
/// by side. Products of bfloat16 are summed in float32 and rounded once, as the engine does it.
package enum Tiles: Sendable, Equatable {
    /// Wherever a kernel takes the shape.
    case automatic
    /// The engine's kernels.
    case off

    /// True where convolutions are computed by the kernels on tiles.
    package static var areUsed: Bool { (scoped ?? setting) == .automatic && mk_tiles_are_available() }

    /// What a test wants in a task, whatever the environment says.
    @TaskLocal package static var scoped: Tiles?

    /// What `MARTLET_TILES` says, read once: `off`, or nothing.
    private static let setting: Tiles = {
        switch getenv("MARTLET_TILES").map({ String(cString: $0) }) ?? "" {
        case "": return .automatic
        case "off": return .off
        case let text: stop("MARTLET_TILES: \"\(text)\" is no way of convolving; off or nothing is expected")
        }
    }()
}

extension mk_tiles_convolution {
    /// A convolution as the kernels on tiles take it, whichever of its three operands a step makes; nil where types or layouts are not
    /// theirs.
    init?(
        _ convolution: Convolution, input: OperandDescription, weight: OperandDescription, output: OperandDescription
    ) {
        let (given, made) = (input.valueShape, output.valueShape)
        guard Tiles.areUsed, given.rank == 4, convolution.groups == 1, input.block == given[1], output.block == made[1],
            weight.block == nil,
            [input, weight, output].allSatisfy({ $0.type.dtype == .bfloat16 && $0.isContiguous })
        else { return nil }
        self.init()
        batch = Int64(given[0])
        (in_channels, out_channels) = (Int64(given[1]), Int64(made[1]))
        (in_height, in_width) = (Int64(given[2]), Int64(given[3]))
        (out_height, out_width) = (Int64(made[2]), Int64(made[3]))
        (kernel_height, kernel_width) = (Int64(weight.valueShape[2]), Int64(weight.valueShape[3]))
        (stride_y, stride_x) = (Int64(convolution.strides[0]), Int64(convolution.strides[1]))
        (padding_top, padding_left) = (Int64(convolution.paddingLow[0]), Int64(convolution.paddingLow[1]))
        (dilation_y, dilation_x) = (Int64(convolution.dilations[0]), Int64(convolution.dilations[1]))
    }
}
