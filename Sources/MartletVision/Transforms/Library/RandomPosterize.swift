import MartletData

/// Keeps few bits of each sample, with a probability.
///
/// torchvision's `RandomPosterize`.
public struct RandomPosterize: ImageTransform {
    /// Bits that are kept, from 0 to 8.
    public var bits: Int
    /// The probability.
    public var p: Double

    /// With probability `p`.
    public init(bits: Int, p: Double = 0.5) {
        (self.bits, self.p) = (bits, p)
        requireSound()
    }

    /// Reads `bits`, which must be there, and `p`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        bits = try container.required(.bits)
        p = try container.value(.p, default: 0.5)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case bits
        case p
    }

    /// `p` from 0 to 1, and a parameter that can be.
    public var problem: String? {
        ParameterCheck.probability(p) ?? (0...8 ~= bits ? nil : "bits are from 0 to 8, not \(bits)")
    }

    /// The picture, changed or not.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        random.chance(p) ? input.recolored { $0.posterized(bits: bits) } : input
    }
}
