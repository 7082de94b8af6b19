import MartletData

/// One of 25 pairs of operations that were found for a data set (Cubuk and others 2018, "AutoAugment: Learning augmentation
/// strategies from data").
///
/// torchvision's `AutoAugment`, which takes no boxes, masks and keypoints (a `TypeError` in its v2). Here they move with the
/// picture.
public struct AutoAugment: ImageTransform {
    /// The data set that pairs were found for.
    public enum Policy: String, Sendable, Codable, CaseIterable {
        /// ImageNet.
        case imagenet
        /// CIFAR-10.
        case cifar10
        /// Street View House Numbers.
        case svhn

        /// Reads torchvision's name.
        public init(from decoder: any Decoder) throws {
            let name = try decoder.singleValueContainer().decode(String.self)
            guard let known = Policy(rawValue: name.lowercased()) else {
                throw decoder.corrupted("policy is imagenet, cifar10 or svhn, not \(name)")
            }
            self = known
        }
    }

    /// The pairs.
    public var policy: Policy
    /// Nearest or bilinear.
    public var interpolation: Interpolation
    /// What lies outside.
    public var fill: Fill

    /// With the pairs of that data set.
    public init(policy: Policy = .imagenet, interpolation: Interpolation = .nearest, fill: Fill = .none) {
        (self.policy, self.interpolation, self.fill) = (policy, interpolation, fill)
        requireSound()
    }

    /// Reads `policy`, `interpolation` and `fill`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        policy = try container.value(.policy, default: .imagenet)
        interpolation = try container.value(.interpolation, default: .nearest)
        fill = try container.fill(.fill, default: .none)
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case policy, interpolation, fill }

    /// An interpolation that warping knows.
    public var problem: String? { interpolation.problemInWarps }

    package static let space = AugmentationSpace(operations: AugmentationOperation.allCases)

    /// The picture after a pair of operations, each with its probability.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireColor(input)
        try requireFill(fill, input)
        return input.changed(by: choices(in: input.image.size, using: &random), interpolation, fill)
    }

    /// The operations for a picture of that size: none, one or two.
    package func choices(in size: ImageSize, using random: inout RandomStream) -> [AugmentationChoice] {
        let pairs = policy.pairs
        var choices: [AugmentationChoice] = []
        for step in pairs[random.below(pairs.count)].steps where random.chance(step.probability) {
            choices.append(Self.space.choice(step.operation, bin: step.bin, of: 10, in: size, &random))
        }
        return choices
    }
}

extension AutoAugment.Policy {
    /// The pairs of operations.
    package var pairs: [AutoAugmentPolicies.Pair] {
        switch self {
        case .imagenet: AutoAugmentPolicies.imagenet
        case .cifar10: AutoAugmentPolicies.cifar10
        case .svhn: AutoAugmentPolicies.svhn
        }
    }
}
