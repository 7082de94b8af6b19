import MartletData

/// Some operations of one strength, chosen at random (Cubuk and others 2019, "RandAugment: Practical automated data augmentation
/// with a reduced search space").
///
/// torchvision's `RandAugment`, which takes no boxes, masks and keypoints (a `TypeError` in its v2). Here they move with the
/// picture.
public struct RandAugment: ImageTransform {
    /// How many operations follow each other.
    public var numOps: Int
    /// The strength of each, from 0 to below `numMagnitudeBins`.
    public var magnitude: Int
    /// Steps of strength.
    public var numMagnitudeBins: Int
    /// Nearest or bilinear.
    public var interpolation: Interpolation
    /// What lies outside.
    public var fill: Fill

    /// Of that many operations and that strength.
    public init(
        numOps: Int = 2, magnitude: Int = 9, numMagnitudeBins: Int = 31, interpolation: Interpolation = .nearest,
        fill: Fill = .none
    ) {
        (self.numOps, self.magnitude, self.numMagnitudeBins) = (numOps, magnitude, numMagnitudeBins)
        (self.interpolation, self.fill) = (interpolation, fill)
        requireSound()
    }

    /// Reads `num_ops`, `magnitude`, `num_magnitude_bins`, `interpolation` and `fill`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        numOps = try container.value(.numOps, default: 2)
        magnitude = try container.value(.magnitude, default: 9)
        numMagnitudeBins = try container.value(.numMagnitudeBins, default: 31)
        interpolation = try container.value(.interpolation, default: .nearest)
        fill = try container.fill(.fill, default: .none)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case magnitude, interpolation, fill
        case numOps = "num_ops"
        case numMagnitudeBins = "num_magnitude_bins"
    }

    /// A strength that is one of the steps.
    public var problem: String? {
        if numOps < 0 { return "num_ops is at least 0, it is \(numOps)" }
        guard numMagnitudeBins > 1, 0..<numMagnitudeBins ~= magnitude else {
            return "magnitude is from 0 to below num_magnitude_bins, \(numMagnitudeBins), it is \(magnitude)"
        }
        return interpolation.problemInWarps
    }

    package static let space = AugmentationSpace(operations: AugmentationSpace.wide)

    /// The picture after some operations.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireColor(input)
        try requireFill(fill, input)
        return input.changed(by: choices(in: input.image.size, using: &random), interpolation, fill)
    }

    /// The operations for a picture of that size.
    package func choices(in size: ImageSize, using random: inout RandomStream) -> [AugmentationChoice] {
        (0..<numOps).map { _ in Self.space.anyChoice(bin: magnitude, of: numMagnitudeBins, in: size, &random) }
    }
}
