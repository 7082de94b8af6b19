import MartletData

/// Transforms one after the other.
///
///     let augment = Compose([RandomHorizontalFlip(), ColorJitter(brightness: 0.2), ToDtype(scale: true)])
///
/// torchvision's `Compose`. It is coded as a list whose elements are names, or names with their parameters:
///
///     - RandomHorizontalFlip
///     - RandomAffine: {degrees: 10, translate: [0.1, 0.1]}
///     - ToDtype: {scale: true}
public struct Compose: ImageTransform {
    /// The transforms, in order.
    public var transforms: [any ImageTransform]

    /// Transforms, in order.
    public init(_ transforms: [any ImageTransform]) { self.transforms = transforms }

    /// Reads a list; an unknown name is an error that names the nearest known one.
    public init(from decoder: any Decoder) throws { transforms = try TransformList(from: decoder).transforms }

    /// Writes a list.
    public func encode(to encoder: any Encoder) throws { try TransformList(transforms).encode(to: encoder) }

    /// True where the transforms are the same.
    public static func == (left: Compose, right: Compose) -> Bool {
        TransformList(left.transforms) == TransformList(right.transforms)
    }

    /// The picture after all transforms.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        var result = input
        for transform in transforms { result = try transform(result, using: &random) }
        return result
    }
}

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

/// Transforms in a random order.
///
/// torchvision's `RandomOrder`.
public struct RandomOrder: ImageTransform {
    /// The transforms.
    public var transforms: [any ImageTransform]

    /// Of those.
    public init(_ transforms: [any ImageTransform]) { self.transforms = transforms }

    /// Reads `transforms`, which must be there.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        transforms = try container.required(.transforms, as: TransformList.self).transforms
    }

    /// Writes `transforms`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(TransformList(transforms), forKey: .transforms)
    }

    private enum CodingKeys: CodingKey { case transforms }

    /// True where the transforms are the same.
    public static func == (left: RandomOrder, right: RandomOrder) -> Bool {
        TransformList(left.transforms) == TransformList(right.transforms)
    }

    /// The picture after all transforms.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        let order = random.order(of: transforms.count)
        return try Compose(order.map { transforms[$0] })(input, using: &random)
    }
}
