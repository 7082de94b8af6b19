import MartletData

/// Several chains of operations, mixed with the picture (Hendrycks and others 2019, "AugMix: A simple data processing method to
/// improve robustness and uncertainty").
///
/// torchvision's `AugMix`, which takes no boxes, masks and keypoints (a `TypeError` in its v2). Here they stay as they are: the
/// picture is still in the mixture where it was.
public struct AugMix: ImageTransform {
    /// The strongest step of operations, from 1 to 10.
    public var severity: Int
    /// How many chains are mixed.
    public var mixtureWidth: Int
    /// Operations of a chain; 1 to 3 at random where it is not above 0.
    public var chainDepth: Int
    /// The shape of the Dirichlet distributions that weights come from.
    public var alpha: Double
    /// Whether operations on colours take part.
    public var allOps: Bool
    /// Nearest or bilinear.
    public var interpolation: Interpolation
    /// What lies outside.
    public var fill: Fill

    /// Of that many chains and that strength.
    public init(
        severity: Int = 3, mixtureWidth: Int = 3, chainDepth: Int = -1, alpha: Double = 1, allOps: Bool = true,
        interpolation: Interpolation = .bilinear, fill: Fill = .none
    ) {
        (self.severity, self.mixtureWidth, self.chainDepth) = (severity, mixtureWidth, chainDepth)
        (self.alpha, self.allOps, self.interpolation, self.fill) = (alpha, allOps, interpolation, fill)
        requireSound()
    }

    /// Reads `severity`, `mixture_width`, `chain_depth`, `alpha`, `all_ops`, `interpolation` and `fill`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        severity = try container.value(.severity, default: 3)
        mixtureWidth = try container.value(.mixtureWidth, default: 3)
        chainDepth = try container.value(.chainDepth, default: -1)
        alpha = try container.value(.alpha, default: 1)
        allOps = try container.value(.allOps, default: true)
        interpolation = try container.value(.interpolation, default: .bilinear)
        fill = try container.fill(.fill, default: .none)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case severity, alpha, interpolation, fill
        case mixtureWidth = "mixture_width"
        case chainDepth = "chain_depth"
        case allOps = "all_ops"
    }

    /// Steps from 1 to 10, at least one chain, a shape above 0.
    public var problem: String? {
        if !(1...10 ~= severity) { return "severity is from 1 to 10, it is \(severity)" }
        if mixtureWidth < 1 || alpha <= 0 { return "mixture_width is at least 1 and alpha above 0" }
        return interpolation.problemInWarps
    }

    private static let geometric: [AugmentationOperation] = [
        .shearX, .shearY, .translateX, .translateY, .rotate, .posterize, .solarize, .autoContrast, .equalize,
    ]

    package var space: AugmentationSpace {
        AugmentationSpace(
            operations: Self.geometric + (allOps ? [.brightness, .color, .contrast, .sharpness] : []),
            translation: 1.0 / 3, bits: (most: 4, fewer: 4))
    }

    /// The mixture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireColor(input)
        try requireFill(fill, input)
        let space = space
        let shares = random.dirichlet(alpha, 2)
        let weights = random.dirichlet(alpha, mixtureWidth)
        var parts = [(input.image, Float(shares[0]))]
        for weight in weights {
            let depth = chainDepth > 0 ? chainDepth : 1 + random.below(3)
            let choices = (0..<depth).map { _ in
                space.anyChoice(bin: random.below(severity), of: 10, in: input.image.size, &random)
            }
            let chain = AnnotatedImage(input.image).changed(by: choices, interpolation, fill)
            parts.append((chain.image, Float(weight * shares[1])))
        }
        return input.recolored { _ in PlanarImage(mixing: parts) }
    }
}

extension PlanarImage {
    /// The weighted sum of pictures of one size and type; bytes are rounded down.
    package init(mixing parts: [(image: PlanarImage, weight: Float)]) {
        let first = parts[0].image
        var sums = [Float](repeating: 0, count: first.planes * first.planeSize)
        for (image, weight) in parts {
            switch image.samples {
            case .uint8(let values): for index in sums.indices { sums[index] += Float(values[index]) * weight }
            case .float32(let values): for index in sums.indices { sums[index] += values[index] * weight }
            }
        }
        self.init(
            batch: first.batch, channels: first.channels, height: first.height, width: first.width,
            samples: first.isFloat ? .float32(sums) : .uint8(sums.map { UInt8(cutting: $0) }))
    }
}
