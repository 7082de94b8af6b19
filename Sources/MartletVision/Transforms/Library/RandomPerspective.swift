import MartletData

/// Shows pictures from elsewhere, with a probability.
///
/// torchvision's `RandomPerspective`.
public struct RandomPerspective: ImageTransform {
    /// How far corners move at most, as a share of half the picture.
    public var distortionScale: Double
    /// The probability.
    public var p: Double
    /// Nearest or bilinear.
    public var interpolation: Interpolation
    /// What lies outside.
    public var fill: Fill

    /// With probability `p`.
    public init(
        distortionScale: Double = 0.5, p: Double = 0.5, interpolation: Interpolation = .bilinear, fill: Fill = 0
    ) {
        (self.distortionScale, self.p) = (distortionScale, p)
        (self.interpolation, self.fill) = (interpolation, fill)
        requireSound()
    }

    /// Reads `distortion_scale`, `p`, `interpolation` and `fill`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        distortionScale = try container.value(.distortionScale, default: 0.5)
        p = try container.value(.p, default: 0.5)
        interpolation = try container.value(.interpolation, default: .bilinear)
        fill = try container.fill(.fill, default: 0)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case distortionScale = "distortion_scale"
        case p, interpolation, fill
    }

    /// Shares and probabilities from 0 to 1, an interpolation that warping knows.
    public var problem: String? {
        if !(0...1 ~= distortionScale) { return "distortion_scale is from 0 to 1, it is \(distortionScale)" }
        return ParameterCheck.probability(p) ?? interpolation.problemInWarps
    }

    /// The picture, changed or not. One of a single row or column stays.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireFill(fill, input)
        let size = input.image.size
        guard random.chance(p), size.height > 1, size.width > 1 else { return input }
        return input.warped(by: map(for: size, using: &random), interpolation: interpolation, fill: fill)
    }

    /// Each corner at a random place near it.
    func map(for size: ImageSize, using random: inout RandomStream) -> PerspectiveMap {
        let reach = (
            x: Int(distortionScale * Double(size.width / 2)) + 1, y: Int(distortionScale * Double(size.height / 2)) + 1
        )
        let corners = [(false, false), (true, false), (true, true), (false, true)]
        let (right, bottom) = (size.width - 1, size.height - 1)
        let start = corners.map { SIMD2(Double($0.0 ? right : 0), Double($0.1 ? bottom : 0)) }
        while true {
            let end = corners.map { isRight, isBottom in
                let (x, y) = (random.below(reach.x), random.below(reach.y))
                return SIMD2(Double(isRight ? right - x : x), Double(isBottom ? bottom - y : y))
            }
            // Pictures of a few samples can have three corners fall on a line.
            if !PerspectiveMap.isDegenerate(end) { return PerspectiveMap(from: start, to: end) }
        }
    }
}
