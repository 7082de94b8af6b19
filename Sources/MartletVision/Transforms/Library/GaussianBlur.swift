import MartletData

/// Blurs pictures by a random width.
///
/// torchvision's `GaussianBlur`.
public struct GaussianBlur: ImageTransform {
    /// How many samples count: odd. In a recipe and in torchvision the width comes first.
    public var kernelSize: ImageSize
    /// The Gauss function's deviation, in samples.
    public var sigma: ClosedRange<Double>

    /// With deviations of that range.
    public init(kernelSize: ImageSize, sigma: ClosedRange<Double> = 0.1...2) {
        (self.kernelSize, self.sigma) = (kernelSize, sigma)
        requireSound()
    }

    /// Reads `kernel_size`, which must be there, and `sigma`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let size: ImageSize = try container.required(.kernelSize)
        kernelSize = ImageSize(height: size.width, width: size.height)
        sigma = try container.bounds(.sigma) ?? 0.1...2
        try requireSound(decoder)
    }

    /// Writes torchvision's parameters.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode([kernelSize.width, kernelSize.height], forKey: .kernelSize)
        try container.encode(sigma, forKey: .sigma)
    }

    private enum CodingKeys: String, CodingKey {
        case kernelSize = "kernel_size"
        case sigma
    }

    /// Odd sizes, deviations above 0.
    public var problem: String? {
        guard kernelSize.height % 2 == 1, kernelSize.width % 2 == 1 else {
            return "kernel_size is odd, not \(kernelSize)"
        }
        return ParameterCheck.positive(sigma, "sigma")
    }

    /// The blurred picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        let sigma = random.uniform(sigma)
        return input.recolored { $0.blurred(kernelSize: kernelSize, sigma: SIMD2(repeating: sigma)) }
    }
}
