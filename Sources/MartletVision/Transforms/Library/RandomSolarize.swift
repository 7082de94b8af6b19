import MartletData

/// Inverts bright samples, with a probability.
///
/// torchvision's `RandomSolarize`.
public struct RandomSolarize: ImageTransform {
    /// What is as bright is inverted; in the picture's own units.
    public var threshold: Double
    /// The probability.
    public var p: Double

    /// With probability `p`.
    public init(threshold: Double, p: Double = 0.5) {
        (self.threshold, self.p) = (threshold, p)
        requireSound()
    }

    /// Reads `threshold`, which must be there, and `p`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        threshold = try container.required(.threshold)
        p = try container.value(.p, default: 0.5)
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case threshold, p }

    /// `p` from 0 to 1.
    public var problem: String? { ParameterCheck.probability(p) }

    /// The picture, changed or not.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        guard threshold <= input.image.bound else {
            throw error("threshold", expected: "at most \(input.image.bound)", found: "\(threshold)")
        }
        return random.chance(p) ? input.recolored { $0.solarized(threshold: threshold) } : input
    }
}
