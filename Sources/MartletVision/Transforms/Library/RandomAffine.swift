import MartletData

/// Rotates, moves, stretches and slants pictures at random.
///
/// torchvision's `RandomAffine`.
public struct RandomAffine: ImageTransform {
    /// Degrees, clockwise.
    public var degrees: ClosedRange<Double>
    /// How far at most, as shares of width and height; nil is not at all.
    public var translate: SIMD2<Double>?
    /// Factors of lengths; nil is 1.
    public var scale: ClosedRange<Double>?
    /// Degrees along x; nil is none.
    public var shear: ClosedRange<Double>?
    /// Degrees along y; nil is none.
    public var shearY: ClosedRange<Double>?
    /// Nearest or bilinear.
    public var interpolation: Interpolation
    /// What lies outside.
    public var fill: Fill
    /// x and y of what stays in place; nil is the middle.
    public var center: SIMD2<Double>?

    /// By random parameters of those ranges.
    public init(
        degrees: ClosedRange<Double>, translate: SIMD2<Double>? = nil, scale: ClosedRange<Double>? = nil,
        shear: ClosedRange<Double>? = nil, shearY: ClosedRange<Double>? = nil, interpolation: Interpolation = .nearest,
        fill: Fill = 0, center: SIMD2<Double>? = nil
    ) {
        (self.degrees, self.translate, self.scale) = (degrees, translate, scale)
        (self.shear, self.shearY, self.interpolation) = (shear, shearY, interpolation)
        (self.fill, self.center) = (fill, center)
        requireSound()
    }

    /// By at most `degrees` to either side, and by random parameters of those ranges.
    public init(
        degrees: Double, translate: SIMD2<Double>? = nil, scale: ClosedRange<Double>? = nil,
        shear: ClosedRange<Double>? = nil, shearY: ClosedRange<Double>? = nil, interpolation: Interpolation = .nearest,
        fill: Fill = 0, center: SIMD2<Double>? = nil
    ) {
        self.init(
            degrees: -abs(degrees)...abs(degrees), translate: translate, scale: scale, shear: shear, shearY: shearY,
            interpolation: interpolation, fill: fill, center: center)
    }

    /// Reads `degrees`, which must be there, `translate`, `scale`, `shear` (one number, two for x, or four for x and y),
    /// `interpolation`, `fill` and `center`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard let degrees = try container.range(.degrees) else { throw container.missing(.degrees) }
        self.degrees = degrees
        translate = try container.pair(.translate)
        scale = try container.bounds(.scale)
        if let list = try container.decodeIfPresent(NumberList.self, forKey: .shear), list.values.count == 4 {
            let values = list.values
            guard values[0] <= values[1], values[2] <= values[3] else {
                throw container.corrupted(.shear, "shear is two numbers that rise and two more, it is \(values)")
            }
            (shear, shearY) = (values[0]...values[1], values[2]...values[3])
        } else {
            shear = try container.range(.shear)
            shearY = nil
        }
        interpolation = try container.value(.interpolation, default: .nearest)
        fill = try container.fill(.fill, default: 0)
        center = try container.pair(.center)
        try requireSound(decoder)
    }

    /// Writes torchvision's parameters.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(degrees, forKey: .degrees)
        try container.encodeIfPresent(translate, forKey: .translate)
        try container.encodeIfPresent(scale, forKey: .scale)
        if let y = shearY {
            let x = shear ?? 0...0
            try container.encode([x.lowerBound, x.upperBound, y.lowerBound, y.upperBound], forKey: .shear)
        } else {
            try container.encodeIfPresent(shear, forKey: .shear)
        }
        try container.encode(interpolation, forKey: .interpolation)
        try container.encode(fill, forKey: .fill)
        try container.encodeIfPresent(center, forKey: .center)
    }

    private enum CodingKeys: CodingKey { case degrees, translate, scale, shear, interpolation, fill, center }

    /// Translations from 0 to 1, scales above 0, an interpolation that warping knows.
    public var problem: String? {
        if let translate, translate.min() < 0 || translate.max() > 1 {
            return "translate is from 0 to 1, it is \(translate.x), \(translate.y)"
        }
        return ParameterCheck.positive(scale, "scale") ?? interpolation.problemInWarps
    }

    /// The moved picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireFill(fill, input)
        return input.warped(by: map(for: input.image.size, using: &random), interpolation: interpolation, fill: fill)
    }

    /// Random parameters; translations are whole samples.
    func map(for size: ImageSize, using random: inout RandomStream) -> AffineMap {
        var map = AffineMap(angle: random.uniform(degrees), center: center)
        if let translate {
            let most = translate * SIMD2(Double(size.width), Double(size.height))
            let moved = SIMD2(random.uniform(-most.x...most.x), random.uniform(-most.y...most.y))
            map.translate = moved.rounded(.toNearestOrEven)
        }
        if let scale { map.scale = random.uniform(scale) }
        if let shear { map.shear.x = random.uniform(shear) }
        if let shearY { map.shear.y = random.uniform(shearY) }
        return map
    }
}
