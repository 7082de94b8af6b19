import MartletData

/// Resizes by a random factor of what fits a size (Ghiasi and others 2020, "Simple copy-paste").
///
/// torchvision's `ScaleJitter`.
public struct ScaleJitter: ImageTransform {
    /// What a picture of factor 1 fits.
    public var targetSize: ImageSize
    /// The factor.
    public var scaleRange: ClosedRange<Double>
    /// How values between samples are found.
    public var interpolation: Interpolation
    /// Whether all samples count that fall into one of a smaller picture's.
    public var antialias: Bool

    /// By factors of that range.
    public init(
        targetSize: ImageSize, scaleRange: ClosedRange<Double> = 0.1...2, interpolation: Interpolation = .bilinear,
        antialias: Bool = true
    ) {
        (self.targetSize, self.scaleRange) = (targetSize, scaleRange)
        (self.interpolation, self.antialias) = (interpolation, antialias)
        requireSound()
    }

    /// Reads `target_size`, which must be there, `scale_range`, `interpolation` and `antialias`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        targetSize = try container.required(.targetSize)
        scaleRange = try container.bounds(.scaleRange) ?? 0.1...2
        interpolation = try container.value(.interpolation, default: .bilinear)
        antialias = try container.value(.antialias, default: true)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case interpolation, antialias
        case targetSize = "target_size"
        case scaleRange = "scale_range"
    }

    /// Factors above 0.
    public var problem: String? { ParameterCheck.positive(scaleRange, "scale_range") }

    /// The resized picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        let size = input.image.size
        let fit = min(
            Double(targetSize.height) / Double(size.height), Double(targetSize.width) / Double(size.width))
        let factor = fit * random.uniform(scaleRange)
        let target = ImageSize(
            height: max(1, Int(Double(size.height) * factor)), width: max(1, Int(Double(size.width) * factor)))
        return input.resized(.exact(target), interpolation: interpolation, antialias: antialias)
    }
}
