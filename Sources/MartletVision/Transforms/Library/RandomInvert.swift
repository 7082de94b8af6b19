import MartletData

/// Makes a negative with a probability.
///
/// torchvision's `RandomInvert`.
public struct RandomInvert: ImageTransform {
    /// The probability.
    public var p: Double

    /// With probability `p`.
    public init(p: Double = 0.5) {
        self.p = p
        requireSound()
    }

    /// Reads `p`.
    public init(from decoder: any Decoder) throws {
        p = try decoder.container(keyedBy: CodingKeys.self).value(.p, default: 0.5)
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case p }

    /// `p` from 0 to 1.
    public var problem: String? { ParameterCheck.probability(p) }

    /// The picture, changed or not.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        random.chance(p) ? input.recolored { $0.inverted() } : input
    }
}
