import MartletData

/// Puts pictures somewhere on a larger canvas, with a probability (Liu and others 2016, "SSD").
///
/// torchvision's `RandomZoomOut`.
public struct RandomZoomOut: ImageTransform {
    /// What lies outside.
    public var fill: Fill
    /// The canvas's sides by the picture's: at least 1.
    public var sideRange: ClosedRange<Double>
    /// The probability.
    public var p: Double

    /// With probability `p`.
    public init(fill: Fill = 0, sideRange: ClosedRange<Double> = 1...4, p: Double = 0.5) {
        (self.fill, self.sideRange, self.p) = (fill, sideRange, p)
        requireSound()
    }

    /// Reads `fill`, `side_range` and `p`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        fill = try container.fill(.fill, default: 0)
        sideRange = try container.bounds(.sideRange) ?? 1...4
        p = try container.value(.p, default: 0.5)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case fill, p
        case sideRange = "side_range"
    }

    /// Sides of at least 1, `p` from 0 to 1.
    public var problem: String? {
        sideRange.lowerBound >= 1
            ? ParameterCheck.probability(p) : "side_range is at least 1, it starts at \(sideRange.lowerBound)"
    }

    /// The picture, changed or not.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireFill(fill, input)
        guard random.chance(p) else { return input }
        let size = input.image.size
        let factor = random.uniform(sideRange)
        let across = Int(Double(size.width) * factor) - size.width
        let down = Int(Double(size.height) * factor) - size.height
        let left = Int(Double(across) * random.unit53())
        let top = Int(Double(down) * random.unit53())
        return input.padded(ImagePadding(left: left, top: top, right: across - left, bottom: down - top), fill: fill)
    }
}
