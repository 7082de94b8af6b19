import MartletData

/// Changes brightness, contrast, saturation and hue at random, in a random order.
///
/// torchvision's `ColorJitter`.
public struct ColorJitter: ImageTransform {
    /// Factors of brightness; nil changes none.
    public var brightness: ClosedRange<Double>?
    /// Factors of contrast; nil changes none.
    public var contrast: ClosedRange<Double>?
    /// Factors of saturation; nil changes none.
    public var saturation: ClosedRange<Double>?
    /// Turns of the hue, from -0.5 to 0.5; nil changes none.
    public var hue: ClosedRange<Double>?

    /// By factors of those ranges.
    public init(
        brightness: ClosedRange<Double>? = nil, contrast: ClosedRange<Double>? = nil,
        saturation: ClosedRange<Double>? = nil, hue: ClosedRange<Double>? = nil
    ) {
        (self.brightness, self.contrast, self.saturation, self.hue) = (brightness, contrast, saturation, hue)
        requireSound()
    }

    /// By factors so far at most from 1, and turns of the hue so far from 0; 0 changes nothing.
    public init(brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0) {
        func around(_ width: Double) -> ClosedRange<Double>? { width == 0 ? nil : max(0, 1 - width)...(1 + width) }
        guard min(brightness, contrast, saturation, hue) >= 0 else {
            ParameterCheck.fail("ColorJitter: \(brightness), \(contrast), \(saturation), \(hue); none is below 0")
        }
        self.init(
            brightness: around(brightness), contrast: around(contrast), saturation: around(saturation),
            hue: hue == 0 ? nil : -hue...hue)
    }

    /// Reads `brightness`, `contrast`, `saturation` and `hue`: numbers or two bounds.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        brightness = try container.range(.brightness, around: 1, atLeast: 0)
        contrast = try container.range(.contrast, around: 1, atLeast: 0)
        saturation = try container.range(.saturation, around: 1, atLeast: 0)
        hue = try container.range(.hue)
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case brightness, contrast, saturation, hue }

    /// Factors of at least 0, turns of half a circle at most.
    public var problem: String? {
        if let hue, hue.lowerBound < -0.5 || hue.upperBound > 0.5 { return "hue is from -0.5 to 0.5, it is \(hue)" }
        return ParameterCheck.notNegative(brightness, "brightness") ?? ParameterCheck.notNegative(contrast, "contrast")
            ?? ParameterCheck.notNegative(saturation, "saturation")
    }

    /// The picture in other colours.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireColor(input)
        let order = random.order(of: 4)
        let factors = [brightness, contrast, saturation, hue].map { range in range.map { random.uniform($0) } }
        return input.recolored { image in
            order.reduce(image) { image, step in
                guard let factor = factors[step] else { return image }
                switch step {
                case 0: return image.adjustedBrightness(by: factor)
                case 1: return image.adjustedContrast(by: factor)
                case 2: return image.adjustedSaturation(by: factor)
                default: return image.adjustedHue(by: factor)
                }
            }
        }
    }
}
