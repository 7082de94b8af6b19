import MartletData

/// Makes edges weaker or stronger, with a probability.
///
/// torchvision's `RandomAdjustSharpness`.
public struct RandomAdjustSharpness: ImageTransform {
    /// 0 blurs, 1 changes nothing, 2 sharpens twice.
    public var sharpnessFactor: Double
    /// The probability.
    public var p: Double

    /// With probability `p`.
    public init(sharpnessFactor: Double, p: Double = 0.5) {
        (self.sharpnessFactor, self.p) = (sharpnessFactor, p)
        requireSound()
    }

    /// Reads `sharpness_factor`, which must be there, and `p`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        sharpnessFactor = try container.required(.sharpnessFactor)
        p = try container.value(.p, default: 0.5)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case sharpnessFactor = "sharpness_factor"
        case p
    }

    /// `p` from 0 to 1, and a parameter that can be.
    public var problem: String? {
        ParameterCheck.probability(p)
            ?? (sharpnessFactor >= 0 ? nil : "sharpness_factor is at least 0, it is \(sharpnessFactor)")
    }

    /// The picture, changed or not.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireColor(input)
        return random.chance(p) ? input.recolored { $0.adjustedSharpness(by: sharpnessFactor) } : input
    }
}
