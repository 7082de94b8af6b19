import MartletData

/// Brings the shorter side to a random length.
///
/// torchvision's `RandomResize`.
public struct RandomResize: ImageTransform {
    /// The least length.
    public var minSize: Int
    /// What the length stays below.
    public var maxSize: Int
    /// How values between samples are found.
    public var interpolation: Interpolation
    /// Whether all samples count that fall into one of a smaller picture's.
    public var antialias: Bool

    /// To lengths of that range.
    public init(minSize: Int, maxSize: Int, interpolation: Interpolation = .bilinear, antialias: Bool = true) {
        (self.minSize, self.maxSize) = (minSize, maxSize)
        (self.interpolation, self.antialias) = (interpolation, antialias)
        requireSound()
    }

    /// Reads `min_size` and `max_size`, which must be there, `interpolation` and `antialias`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        minSize = try container.required(.minSize)
        maxSize = try container.required(.maxSize)
        interpolation = try container.value(.interpolation, default: .bilinear)
        antialias = try container.value(.antialias, default: true)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case interpolation, antialias
        case minSize = "min_size"
        case maxSize = "max_size"
    }

    /// Lengths above 0 that rise.
    public var problem: String? {
        0 < minSize && minSize < maxSize
            ? nil : "min_size and max_size rise from above 0, they are \(minSize) and \(maxSize)"
    }

    /// The resized picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        let edge = minSize + random.below(maxSize - minSize)
        return input.resized(.shorterEdge(edge), interpolation: interpolation, antialias: antialias)
    }
}
