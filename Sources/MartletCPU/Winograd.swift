import CMartletKernels
import MartletGraph
import MartletRuntime

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Winograd's minimal filtering for convolutions of 3 by 3 with stride 1 and their gradients: F(4×4, 3×3) multiplies 2.25 times
/// for an output and channel where the definition multiplies 9 times, F(2×2, 3×3) 4 times.
///
///     Y = Aᵀ [ Σ_c (G g_c Gᵀ) ⊙ (Bᵀ d_c B) ] A
///
/// An input's gradient is a convolution of the output's with the weights turned by half a turn; a weight's gradient is
/// Gᵀ [ Σ (Bᵀ d B) ⊙ (A ∂L/∂Y Aᵀ) ] G, summed over tiles.
///
/// Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015). Points of interpolation: 0, ±√½, ±√2, ∞
/// and 0, ±1, ∞.
///
/// ## Error
/// An error is measured against float64 and divided by Σ|w·x|, the largest that an output of the same tile has: at most 5e-7 was
/// found for F(4×4, 3×3) and 1.6e-7 for F(2×2, 3×3), over 16 to 192 channels of uniform and of rectified numbers (512 are
/// within the bound); `errorBound` is twice that, and tests hold it. The error's norm relative to the result's grows with √channels: about
/// 2e-6 and 6e-7 at 512. The outputs of a tile share their rounding: where one number of a window is larger than the others by
/// orders of magnitude, outputs of the tile that do not read it have its rounding too, and NaN where it is infinite.
/// An input's gradient keeps the same bound, a weight's (of Σ|x·∂L/∂y|) twice that; the nine of a kernel share their rounding.
///
/// ## Cost
/// The transformed weights take 4 times (16/9 times) the memory of the weights; in inference they are kept with them
/// (`PackingKernel`), in training they are made anew. A weight's gradient has sums of that size, up to eight times where that is
/// little.
package enum Winograd: Sendable, Equatable {
    /// Where it was measured to win.
    case automatic
    /// Where it was measured to win, but not in training.
    case inference
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
            stop("MARTLET_WINOGRAD: \"\(text)\" is no way of convolving; off, inference, 2, 4 or nothing is expected")
        }
        return setting
    }()

    /// `off`, `inference`, `2` or `4`; automatic where nothing is said, nil for anything else.
    package init?(_ text: String) {
        switch text {
        case "": self = .automatic
        case "inference": self = .inference
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
        case .inference: 3
        case .always(let tile): UInt64(tile)
        }
    }

    /// The largest error that is allowed for usual numbers, relative to the largest Σ|w·x| of a tile.
    package static func errorBound(tile: Int) -> Double { tile == 4 ? 1e-6 : 3.2e-7 }

    /// Outputs of a tile along each axis for a float32 convolution on channel blocks; nil for the definition.
    package func tile(_ convolution: Convolution, input: Shape, output: Shape, isInference: Bool = true) -> Int? {
        guard input.rank == 4, convolution.groups == 1, convolution.strides.allSatisfy({ $0 == 1 }),
            convolution.dilations.allSatisfy({ $0 == 1 }), ChannelBlocks.fit(input), ChannelBlocks.fit(output),
            input.elementCount > 0, output.elementCount > 0
        else { return nil }
        switch self {
        case .off: return nil
        case .always(let tile): return tile
        case .inference where !isInference: return nil
        case .automatic, .inference:
            return Self.quickest(input: input, output: output, leastTiles: isInference ? 16 : 64)
        }
    }

    /// The rule, from the table in docs/performance-notes.md. Nothing is won
    /// - below 2²⁰ products in all, a tenth of a millisecond by the definition;
    /// - where tiles reach past the image by as much as it has outputs (5×5 in tiles of 4);
    /// - with fewer than 16 tiles, a panel of the product: the transformed weights are then read for too little work. In training,
    ///   where they are made anew for each run, 64 are asked for.
    private static func quickest(input: Shape, output: Shape, leastTiles: Int) -> Int? {
        let outputs = output[0] * output[2] * output[3]
        guard input[1] * output[1] * outputs >= 1 << 20 else { return nil }
        return [4, 2].first { tile in
            let tiles = output[0] * ((output[2] + tile - 1) / tile) * ((output[3] + tile - 1) / tile)
            return tiles >= leastTiles && tiles * tile * tile <= 2 * outputs
        }
    }
}
