import MartletData

/// Brings the shorter side to one of several lengths, the longer one staying below a bound.
///
/// torchvision's `RandomShortestSize`.
public struct RandomShortestSize: ImageTransform {
    /// The lengths.
    public var minSize: [Int]
    /// The longer side's bound; nil is none.
    public var maxSize: Int?
    /// How values between samples are found.
    public var interpolation: Interpolation
    /// Whether all samples count that fall into one of a smaller picture's.
    public var antialias: Bool

    /// To one of those lengths.
    public init(
        minSize: [Int], maxSize: Int? = nil, interpolation: Interpolation = .bilinear, antialias: Bool = true
    ) {
        (self.minSize, self.maxSize) = (minSize, maxSize)
        (self.interpolation, self.antialias) = (interpolation, antialias)
        requireSound()
    }

    /// Reads `min_size`, which must be there, `max_size`, `interpolation` and `antialias`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        minSize = try container.required(.minSize, as: NumberList.self).integers(decoder, "min_size")
        maxSize = try container.decodeIfPresent(Int.self, forKey: .maxSize)
        interpolation = try container.value(.interpolation, default: .bilinear)
        antialias = try container.value(.antialias, default: true)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case interpolation, antialias
        case minSize = "min_size"
        case maxSize = "max_size"
    }

    /// At least one length, all above 0.
    public var problem: String? {
        (minSize.min() ?? 0) > 0 && maxSize ?? 1 > 0 ? nil : "min_size has lengths above 0, max_size is above 0"
    }

    /// The resized picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        let size = input.image.size
        var factor = Double(minSize[random.below(minSize.count)]) / Double(min(size.height, size.width))
        if let maxSize { factor = min(factor, Double(maxSize) / Double(max(size.height, size.width))) }
        let target = ImageSize(
            height: max(1, Int(Double(size.height) * factor)), width: max(1, Int(Double(size.width) * factor)))
        return input.resized(.exact(target), interpolation: interpolation, antialias: antialias)
    }
}
