import MartletData

/// Brings pictures to a size.
///
/// torchvision's `Resize`: a recipe's `size: 224` is the shorter side, `size: [224, 224]` both.
public struct Resize: ImageTransform {
    /// The size.
    public var target: ResizeTarget
    /// How values between samples are found.
    public var interpolation: Interpolation
    /// Whether all samples count that fall into one of a smaller picture's.
    public var antialias: Bool

    /// To a size.
    public init(_ target: ResizeTarget, interpolation: Interpolation = .bilinear, antialias: Bool = true) {
        (self.target, self.interpolation, self.antialias) = (target, interpolation, antialias)
        requireSound()
    }

    /// To a height and a width.
    public init(_ size: ImageSize, interpolation: Interpolation = .bilinear, antialias: Bool = true) {
        self.init(.exact(size), interpolation: interpolation, antialias: antialias)
    }

    /// Reads `size`, or only `max_size`, `interpolation` and `antialias`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let longest = try container.decodeIfPresent(Int.self, forKey: .maxSize)
        if let size = try container.decodeIfPresent(NumberList.self, forKey: .size) {
            target = try Self.target(size, longest, decoder)
        } else if let longest {
            target = .longerEdge(longest)
        } else {
            throw container.missing(.size)
        }
        interpolation = try container.value(.interpolation, default: .bilinear)
        antialias = try container.value(.antialias, default: true)
        try requireSound(decoder)
    }

    private static func target(_ size: NumberList, _ longest: Int?, _ decoder: any Decoder) throws -> ResizeTarget {
        let sides = try size.integers(decoder, "size")
        if sides.count == 1 { return .shorterEdge(sides[0], longest: longest) }
        guard sides.count == 2, longest == nil, sides[0] > 0, sides[1] > 0 else {
            throw decoder.corrupted(
                "Resize: size is one number or two above 0, max_size goes with one; size is \(sides)")
        }
        return .exact(ImageSize(height: sides[0], width: sides[1]))
    }

    /// Writes torchvision's parameters.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch target {
        case .exact(let size): try container.encode(size, forKey: .size)
        case .longerEdge(let edge): try container.encode(edge, forKey: .maxSize)
        case .shorterEdge(let edge, let longest):
            try container.encode(edge, forKey: .size)
            try container.encodeIfPresent(longest, forKey: .maxSize)
        }
        try container.encode(interpolation, forKey: .interpolation)
        try container.encode(antialias, forKey: .antialias)
    }

    private enum CodingKeys: String, CodingKey {
        case size, interpolation, antialias
        case maxSize = "max_size"
    }

    /// Sides above 0; the longest one longer than the shortest.
    public var problem: String? {
        switch target {
        case .exact: nil
        case .longerEdge(let edge): edge > 0 ? nil : "max_size is above 0, it is \(edge)"
        case .shorterEdge(let edge, let longest):
            edge > 0 && longest ?? .max > edge ? nil : "size is above 0 and below max_size, it is \(edge)"
        }
    }

    /// The picture in its new size.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        input.resized(target, interpolation: interpolation, antialias: antialias)
    }
}
