import MartletData

/// Distorts pictures by a smooth random field.
///
/// torchvision's `ElasticTransform`.
public struct ElasticTransform: ImageTransform {
    /// The field's height before smoothing, in samples, for x and y.
    public var alpha: SIMD2<Double>
    /// How far it is smoothed, in samples, across and down.
    public var sigma: SIMD2<Double>
    /// Nearest or bilinear.
    public var interpolation: Interpolation
    /// What lies outside.
    public var fill: Fill

    /// By fields of that height and smoothness.
    public init(
        alpha: Double = 50, sigma: Double = 5, interpolation: Interpolation = .bilinear, fill: Fill = 0
    ) {
        (self.alpha, self.sigma) = (SIMD2(repeating: alpha), SIMD2(repeating: sigma))
        (self.interpolation, self.fill) = (interpolation, fill)
        requireSound()
    }

    /// Reads `alpha`, `sigma`, `interpolation` and `fill`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        alpha = try container.pair(.alpha) ?? SIMD2(repeating: 50)
        sigma = try container.pair(.sigma) ?? SIMD2(repeating: 5)
        interpolation = try container.value(.interpolation, default: .bilinear)
        fill = try container.fill(.fill, default: 0)
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case alpha, sigma, interpolation, fill }

    /// Sigmas both above 0 or both 0, an interpolation that warping knows.
    public var problem: String? {
        guard sigma == .zero || sigma.min() > 0 else { return "sigma is above 0, it is \(sigma.x), \(sigma.y)" }
        return interpolation.problemInWarps
    }

    /// The distorted picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireFill(fill, input)
        let field = DisplacementField(size: input.image.size, alpha: alpha, sigma: sigma, using: &random)
        return input.warped(by: field, interpolation: interpolation, fill: fill)
    }
}
