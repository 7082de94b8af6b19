import MartletData

/// Saves pictures as JPEG and reads them back, at a random quality.
///
/// torchvision's `JPEG`, and in recipes called so. It needs TurboJPEG: see ``JPEG``.
public struct JPEGTransform: ImageTransform {
    /// `JPEG`.
    public static var name: String { "JPEG" }

    /// From 1 to 100, both ends included.
    public var quality: ClosedRange<Int>

    /// At a quality out of that range.
    public init(quality: ClosedRange<Int>) {
        self.quality = quality
        requireSound()
    }

    /// Reads `quality`, which must be there: a number or two.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard let bounds = try container.bounds(.quality) else { throw container.missing(.quality) }
        guard let low = Int(exactly: bounds.lowerBound), let high = Int(exactly: bounds.upperBound) else {
            throw container.corrupted(.quality, "quality is a whole number or two, it is \(bounds)")
        }
        quality = low...high
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case quality }

    /// From 1 to 100.
    public var problem: String? {
        quality.lowerBound >= 1 && quality.upperBound <= 100 ? nil : "quality is from 1 to 100, it is \(quality)"
    }

    /// The picture with JPEG's artefacts; floats are an error.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireColor(input)
        guard !input.image.isFloat else { throw error("inputs", expected: "bytes", found: "floats") }
        let quality = quality.lowerBound + random.below(quality.count)
        return try input.recolored { try $0.jpegCompressed(quality: quality) }
    }
}
