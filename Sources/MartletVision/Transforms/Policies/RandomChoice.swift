import MartletData

/// One of several transforms.
///
/// torchvision's `RandomChoice`.
public struct RandomChoice: ImageTransform {
    /// What is chosen from.
    public var transforms: [any ImageTransform]
    /// How probable each is, in any common unit; nil is equally.
    public var p: [Double]?

    /// Out of those, with such probabilities.
    public init(_ transforms: [any ImageTransform], p: [Double]? = nil) {
        (self.transforms, self.p) = (transforms, p)
        requireSound()
    }

    /// Reads `transforms`, which must be there, and `p`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        transforms = try container.required(.transforms, as: TransformList.self).transforms
        p = try container.decodeIfPresent([Double].self, forKey: .p)
        try requireSound(decoder)
    }

    /// Writes `transforms` and `p`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(TransformList(transforms), forKey: .transforms)
        try container.encodeIfPresent(p, forKey: .p)
    }

    private enum CodingKeys: CodingKey { case transforms, p }

    /// At least one transform, and as many probabilities, not all of them 0.
    public var problem: String? {
        guard !transforms.isEmpty else { return "transforms has at least one" }
        guard let p else { return nil }
        guard p.count == transforms.count, p.allSatisfy({ $0 >= 0 }), p.reduce(0, +) > 0 else {
            return "p has \(transforms.count) numbers of at least 0, not \(p)"
        }
        return nil
    }

    /// True where the transforms and the probabilities are the same.
    public static func == (left: RandomChoice, right: RandomChoice) -> Bool {
        left.p == right.p && TransformList(left.transforms) == TransformList(right.transforms)
    }

    /// The picture after one transform.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        let weights = p ?? Array(repeating: 1, count: transforms.count)
        var rest = random.unit53() * weights.reduce(0, +)
        let chosen = weights.firstIndex { weight in
            rest -= weight
            return rest < 0
        }
        return try transforms[chosen ?? transforms.count - 1](input, using: &random)
    }
}
