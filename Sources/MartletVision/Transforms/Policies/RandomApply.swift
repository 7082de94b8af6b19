import MartletData

/// Transforms one after the other, all of them or none.
///
/// torchvision's `RandomApply`.
public struct RandomApply: ImageTransform {
    /// The transforms, in order.
    public var transforms: [any ImageTransform]
    /// The probability.
    public var p: Double

    /// With probability `p`.
    public init(_ transforms: [any ImageTransform], p: Double = 0.5) {
        (self.transforms, self.p) = (transforms, p)
        requireSound()
    }

    /// Reads `transforms`, which must be there, and `p`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        transforms = try container.required(.transforms, as: TransformList.self).transforms
        p = try container.value(.p, default: 0.5)
        try requireSound(decoder)
    }

    /// Writes `transforms` and `p`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(TransformList(transforms), forKey: .transforms)
        try container.encode(p, forKey: .p)
    }

    private enum CodingKeys: CodingKey { case transforms, p }

    /// `p` from 0 to 1.
    public var problem: String? { ParameterCheck.probability(p) }

    /// True where the transforms and the probability are the same.
    public static func == (left: RandomApply, right: RandomApply) -> Bool {
        left.p == right.p && TransformList(left.transforms) == TransformList(right.transforms)
    }

    /// The picture after all transforms, or as it is.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        random.chance(p) ? try Compose(transforms)(input, using: &random) : input
    }
}
