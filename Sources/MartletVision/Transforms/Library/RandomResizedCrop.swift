import Foundation
import MartletData

/// Takes a part of random area and shape and brings it to a size (Szegedy and others 2014, "Going deeper with convolutions").
///
/// torchvision's `RandomResizedCrop`.
public struct RandomResizedCrop: ImageTransform {
    /// The size that parts are brought to.
    public var size: ImageSize
    /// The part's area, as a share of the picture's.
    public var scale: ClosedRange<Double>
    /// The part's width by its height.
    public var ratio: ClosedRange<Double>
    /// How values between samples are found.
    public var interpolation: Interpolation
    /// Whether all samples count that fall into one of a smaller picture's.
    public var antialias: Bool

    /// Parts brought to that size.
    public init(
        _ size: ImageSize, scale: ClosedRange<Double> = 0.08...1, ratio: ClosedRange<Double> = 3.0 / 4...4.0 / 3,
        interpolation: Interpolation = .bilinear, antialias: Bool = true
    ) {
        (self.size, self.scale, self.ratio) = (size, scale, ratio)
        (self.interpolation, self.antialias) = (interpolation, antialias)
        requireSound()
    }

    /// Reads `size`, which must be there, `scale`, `ratio`, `interpolation` and `antialias`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        size = try container.required(.size)
        scale = try container.bounds(.scale) ?? 0.08...1
        ratio = try container.bounds(.ratio) ?? 3.0 / 4...4.0 / 3
        interpolation = try container.value(.interpolation, default: .bilinear)
        antialias = try container.value(.antialias, default: true)
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case size, scale, ratio, interpolation, antialias }

    /// Areas of at least 0 and shapes above 0.
    public var problem: String? {
        ParameterCheck.notNegative(scale, "scale") ?? ParameterCheck.positive(ratio, "ratio")
    }

    /// A part of the picture in its new size.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        input.resizedCrop(
            window(in: input.image.size, using: &random), .exact(size), interpolation: interpolation,
            antialias: antialias)
    }

    /// A random part; after ten that do not fit, the largest one in the middle whose shape is allowed.
    package func window(in whole: ImageSize, using random: inout RandomStream) -> CropWindow {
        for _ in 0..<10 {
            let part = RandomArea.size(of: whole, scale, ratio, &random)
            guard 1...whole.width ~= part.width, 1...whole.height ~= part.height else { continue }
            return CropWindow(
                top: random.below(whole.height - part.height + 1), left: random.below(whole.width - part.width + 1),
                size: ImageSize(height: part.height, width: part.width))
        }
        var size = whole
        let shape = Double(whole.width) / Double(whole.height)
        if shape < ratio.lowerBound {
            size.height = max(1, Int((Double(whole.width) / ratio.lowerBound).rounded(.toNearestOrEven)))
        } else if shape > ratio.upperBound {
            size.width = max(1, Int((Double(whole.height) * ratio.upperBound).rounded(.toNearestOrEven)))
        }
        return CropWindow(
            top: (whole.height - size.height) / 2, left: (whole.width - size.width) / 2, size: size)
    }
}

/// Sides of rectangles of random area and shape.
enum RandomArea {
    /// A width and a height whose product is a uniform share of the picture's area and whose ratio is uniform in its logarithm;
    /// they may not fit.
    static func size(
        of whole: ImageSize, _ scale: ClosedRange<Double>, _ ratio: ClosedRange<Double>, _ random: inout RandomStream
    ) -> (width: Int, height: Int) {
        let area = Double(whole.height * whole.width) * random.uniform(scale)
        let shape = exp(random.uniform(log(ratio.lowerBound)...log(ratio.upperBound)))
        return (
            Int((area * shape).squareRoot().rounded(.toNearestOrEven)),
            Int((area / shape).squareRoot().rounded(.toNearestOrEven))
        )
    }
}
