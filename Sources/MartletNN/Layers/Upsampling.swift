import MartletTensor

/// The spatial axes larger, by a factor or to a size.
///
/// ## Shapes
/// - `[batch, channels, spatial...]` with 1 to 3 spatial axes → `[batch, channels] + size`, or sizes ⌊size·factor⌋
public final class Upsample: Layer {
    private enum Target: Sendable {
        case factor(Double)
        case size([Int])
    }
    private let target: Target
    /// How values between positions are found.
    public let mode: InterpolationMode
    /// Whether the first and last positions of input and output coincide.
    public let alignsCorners: Bool

    /// Every spatial axis larger by a factor.
    public init(by factor: Double, mode: InterpolationMode = .nearest, alignsCorners: Bool = false) {
        guard factor > 0 else { stop("Upsample(by: \(factor)): a positive factor is expected") }
        (target, self.mode, self.alignsCorners) = (.factor(factor), mode, alignsCorners)
    }

    /// The spatial axes at these sizes.
    public init(size: [Int], mode: InterpolationMode = .nearest, alignsCorners: Bool = false) {
        guard !size.isEmpty, size.allSatisfy({ $0 > 0 }) else {
            stop("Upsample(size: \(size)): positive sizes are expected")
        }
        (target, self.mode, self.alignsCorners) = (.size(size), mode, alignsCorners)
    }

    /// `interpolate` of x.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            switch target {
            case .factor(let factor): interpolate(x, by: factor, mode: mode, alignsCorners: alignsCorners)
            case .size(let size): interpolate(x, size: size, mode: mode, alignsCorners: alignsCorners)
            }
        }
    }
}

/// Blocks of factor² channels laid out as factor × factor positions.
///
/// ## Shapes
/// - `[batch, channels·factor², height, width]` → `[batch, channels, height·factor, width·factor]`
///
/// Source: W. Shi et al., "Real-time single image and video super-resolution" (2016).
public final class PixelShuffle: Layer {
    /// How much larger height and width become.
    public let factor: Int
    /// A layer without parameters.
    public init(_ factor: Int) {
        guard factor > 0 else { stop("PixelShuffle(\(factor)): a positive factor is expected") }
        self.factor = factor
    }
    /// `pixelShuffle` of x.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { pixelShuffle($0, factor) } }
}

/// factor × factor positions laid out as blocks of factor² channels.
///
/// ## Shapes
/// - `[batch, channels, height·factor, width·factor]` → `[batch, channels·factor², height, width]`
public final class PixelUnshuffle: Layer {
    /// How much smaller height and width become.
    public let factor: Int
    /// A layer without parameters.
    public init(_ factor: Int) {
        guard factor > 0 else { stop("PixelUnshuffle(\(factor)): a positive factor is expected") }
        self.factor = factor
    }
    /// `pixelUnshuffle` of x.
    public func callAsFunction(_ x: Tensor) -> Tensor { observed(x) { pixelUnshuffle($0, factor) } }
}
