import MartletData

/// One operation of a random strength (Müller, Hutter 2021, "TrivialAugment: Tuning-free yet state-of-the-art data
/// augmentation").
///
/// torchvision's `TrivialAugmentWide`, which takes no boxes, masks and keypoints (a `TypeError` in its v2). Here they move with the
/// picture.
public struct TrivialAugmentWide: ImageTransform {
    /// Steps of strength.
    public var numMagnitudeBins: Int
    /// Nearest or bilinear.
    public var interpolation: Interpolation
    /// What lies outside.
    public var fill: Fill

    /// Of that many steps.
    public init(numMagnitudeBins: Int = 31, interpolation: Interpolation = .nearest, fill: Fill = .none) {
        (self.numMagnitudeBins, self.interpolation, self.fill) = (numMagnitudeBins, interpolation, fill)
        requireSound()
    }

    /// Reads `num_magnitude_bins`, `interpolation` and `fill`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        numMagnitudeBins = try container.value(.numMagnitudeBins, default: 31)
        interpolation = try container.value(.interpolation, default: .nearest)
        fill = try container.fill(.fill, default: .none)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case interpolation, fill
        case numMagnitudeBins = "num_magnitude_bins"
    }

    /// At least two steps.
    public var problem: String? {
        numMagnitudeBins > 1
            ? interpolation.problemInWarps : "num_magnitude_bins is at least 2, it is \(numMagnitudeBins)"
    }

    package static let space = AugmentationSpace(
        operations: AugmentationSpace.wide, shear: 0.99, degrees: 135, color: 0.99, translation: 32,
        bits: (most: 8, fewer: 6))

    /// The picture after one operation.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireColor(input)
        try requireFill(fill, input)
        return input.changed(by: [choice(in: input.image.size, using: &random)], interpolation, fill)
    }

    /// The operation for a picture of that size.
    package func choice(in size: ImageSize, using random: inout RandomStream) -> AugmentationChoice {
        let bin = random.below(numMagnitudeBins)
        return Self.space.anyChoice(bin: bin, of: numMagnitudeBins, in: size, &random)
    }
}
