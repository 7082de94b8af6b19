import MartletData

/// Takes colours away with a probability; the channels stay as many.
///
/// torchvision's `RandomGrayscale`.
public struct RandomGrayscale: ImageTransform {
    /// The probability.
    public var p: Double

    /// With probability `p`.
    public init(p: Double = 0.1) {
        self.p = p
        requireSound()
    }

    /// Reads `p`.
    public init(from decoder: any Decoder) throws {
        p = try decoder.container(keyedBy: CodingKeys.self).value(.p, default: 0.1)
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case p }

    /// `p` from 0 to 1.
    public var problem: String? { ParameterCheck.probability(p) }

    /// The picture, changed or not.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireColor(input)
        return random.chance(p) ? input.recolored { $0.grayscale(channels: $0.channels) } : input
    }
}
