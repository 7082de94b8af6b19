import MartletData

/// Rotates pictures by a random angle.
///
/// torchvision's `RandomRotation`.
public struct RandomRotation: ImageTransform {
    /// Degrees, counter-clockwise.
    public var degrees: ClosedRange<Double>
    /// Nearest or bilinear.
    public var interpolation: Interpolation
    /// Whether the picture grows to hold all of the rotated one.
    public var expand: Bool
    /// x and y of what stays in place; nil is the middle.
    public var center: SIMD2<Double>?
    /// What lies outside.
    public var fill: Fill

    /// By an angle out of `degrees`.
    public init(
        degrees: ClosedRange<Double>, interpolation: Interpolation = .nearest, expand: Bool = false,
        center: SIMD2<Double>? = nil, fill: Fill = 0
    ) {
        (self.degrees, self.interpolation, self.expand) = (degrees, interpolation, expand)
        (self.center, self.fill) = (center, fill)
        requireSound()
    }

    /// By at most `degrees` to either side.
    public init(
        degrees: Double, interpolation: Interpolation = .nearest, expand: Bool = false, center: SIMD2<Double>? = nil,
        fill: Fill = 0
    ) {
        self.init(
            degrees: -abs(degrees)...abs(degrees), interpolation: interpolation, expand: expand, center: center,
            fill: fill)
    }

    /// Reads `degrees`, which must be there, `interpolation`, `expand`, `center` and `fill`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        guard let degrees = try container.range(.degrees) else { throw container.missing(.degrees) }
        self.degrees = degrees
        interpolation = try container.value(.interpolation, default: .nearest)
        expand = try container.value(.expand, default: false)
        center = try container.pair(.center)
        fill = try container.fill(.fill, default: 0)
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case degrees, interpolation, expand, center, fill }

    /// An interpolation that turning knows.
    public var problem: String? { interpolation.problemInWarps }

    /// The rotated picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireFill(fill, input)
        return input.rotated(
            degrees: random.uniform(degrees), interpolation: interpolation, expand: expand, center: center, fill: fill)
    }
}
