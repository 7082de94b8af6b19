import MartletData

/// Adds normal noise.
///
/// torchvision's `GaussianNoise`.
public struct GaussianNoise: ImageTransform {
    /// In units of full brightness.
    public var mean: Double
    /// The noise's deviation, in the same units.
    public var sigma: Double
    /// Whether results stay between black and white.
    public var clip: Bool

    /// Of that deviation.
    public init(mean: Double = 0, sigma: Double = 0.1, clip: Bool = true) {
        (self.mean, self.sigma, self.clip) = (mean, sigma, clip)
        requireSound()
    }

    /// Reads `mean`, `sigma` and `clip`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        mean = try container.value(.mean, default: 0)
        sigma = try container.value(.sigma, default: 0.1)
        clip = try container.value(.clip, default: true)
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case mean, sigma, clip }

    /// A deviation of at least 0.
    public var problem: String? {
        sigma >= 0 && sigma <= 1000 && abs(mean) <= 1000
            ? nil : "sigma is from 0 to 1000 and mean within 1000, they are \(sigma) and \(mean)"
    }

    /// The noisy picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        input.recolored { $0.noised(mean: mean, sigma: sigma, clip: clip, using: &random) }
    }
}
