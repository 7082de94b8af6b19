import MartletData

/// Takes off a mean and divides by a deviation, for each channel.
///
/// torchvision's `Normalize`. It wants floats: ``ToDtype`` comes before it.
public struct Normalize: ImageTransform {
    /// One number, or one a channel.
    public var mean: [Double]
    /// One number, or one a channel; none is 0.
    public var std: [Double]

    /// With those numbers.
    public init(mean: [Double], std: [Double]) {
        (self.mean, self.std) = (mean, std)
        requireSound()
    }

    /// Reads `mean` and `std`, which must be there.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        mean = try container.required(.mean, as: NumberList.self).values
        std = try container.required(.std, as: NumberList.self).values
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case mean, std }

    /// Deviations that are not 0.
    public var problem: String? {
        mean.isEmpty || std.isEmpty || std.contains(0) ? "mean and std have numbers, std none that is 0" : nil
    }

    /// The normalised picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        let image = input.image
        guard image.isFloat else {
            throw error("inputs", expected: "floats: ToDtype(scale: true) before", found: "bytes")
        }
        guard [1, image.channels].contains(mean.count), [1, image.channels].contains(std.count) else {
            throw error(
                "channels", expected: "as many as there are means and deviations, \(mean.count) and \(std.count)",
                found: "\(image.channels)")
        }
        return input.recolored { $0.normalized(mean: mean, std: std) }
    }
}
