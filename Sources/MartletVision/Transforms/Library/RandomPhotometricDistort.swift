import MartletData

/// Changes colours as the detector SSD was trained with (Liu and others 2016, "SSD: Single shot multibox detector").
///
/// torchvision's `RandomPhotometricDistort`.
public struct RandomPhotometricDistort: ImageTransform {
    /// Factors of brightness.
    public var brightness: ClosedRange<Double>
    /// Factors of contrast.
    public var contrast: ClosedRange<Double>
    /// Factors of saturation.
    public var saturation: ClosedRange<Double>
    /// Turns of the hue.
    public var hue: ClosedRange<Double>
    /// The probability of each change, and of other channels' order.
    public var p: Double

    /// Each change with probability `p`.
    public init(
        brightness: ClosedRange<Double> = 0.875...1.125, contrast: ClosedRange<Double> = 0.5...1.5,
        saturation: ClosedRange<Double> = 0.5...1.5, hue: ClosedRange<Double> = -0.05...0.05, p: Double = 0.5
    ) {
        (self.brightness, self.contrast, self.saturation) = (brightness, contrast, saturation)
        (self.hue, self.p) = (hue, p)
        requireSound()
    }

    /// Reads `brightness`, `contrast`, `saturation`, `hue` and `p`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        brightness = try container.bounds(.brightness) ?? 0.875...1.125
        contrast = try container.bounds(.contrast) ?? 0.5...1.5
        saturation = try container.bounds(.saturation) ?? 0.5...1.5
        hue = try container.bounds(.hue) ?? -0.05...0.05
        p = try container.value(.p, default: 0.5)
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case brightness, contrast, saturation, hue, p }

    /// Factors of at least 0, turns of half a circle at most, `p` from 0 to 1.
    public var problem: String? {
        if hue.lowerBound < -0.5 || hue.upperBound > 0.5 { return "hue is from -0.5 to 0.5, it is \(hue)" }
        return ParameterCheck.notNegative(brightness, "brightness") ?? ParameterCheck.notNegative(contrast, "contrast")
            ?? ParameterCheck.notNegative(saturation, "saturation") ?? ParameterCheck.probability(p)
    }

    /// The picture in other colours.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireColor(input)
        let factors = [brightness, contrast, saturation, hue].map { random.chance(p) ? random.uniform($0) : nil }
        let isContrastFirst = random.chance(0.5)
        let order = random.chance(p) ? random.order(of: input.image.channels) : nil
        var image = input.image
        if let factor = factors[0] { image = image.adjustedBrightness(by: factor) }
        if let factor = factors[1], isContrastFirst { image = image.adjustedContrast(by: factor) }
        if let factor = factors[2] { image = image.adjustedSaturation(by: factor) }
        if let turns = factors[3] { image = image.adjustedHue(by: turns) }
        if let factor = factors[1], !isContrastFirst { image = image.adjustedContrast(by: factor) }
        if let order { image = image.permutedChannels(order) }
        return input.recolored { _ in image }
    }
}
