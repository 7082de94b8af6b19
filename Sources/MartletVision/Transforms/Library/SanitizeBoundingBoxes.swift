import MartletData

/// Takes out boxes that are too small or reach outside, with their labels and masks.
///
/// torchvision's `SanitizeBoundingBoxes`; it stands at a recipe's end.
public struct SanitizeBoundingBoxes: ImageTransform {
    /// The shortest side, in samples: at least 1.
    public var minSize: Double
    /// The smallest area, in samples: at least 1.
    public var minArea: Double

    /// Boxes of at least that size stay.
    public init(minSize: Double = 1, minArea: Double = 1) {
        (self.minSize, self.minArea) = (minSize, minArea)
        requireSound()
    }

    /// Reads `min_size` and `min_area`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        minSize = try container.value(.minSize, default: 1)
        minArea = try container.value(.minArea, default: 1)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case minSize = "min_size"
        case minArea = "min_area"
    }

    /// At least 1.
    public var problem: String? {
        minSize >= 1 && minArea >= 1 ? nil : "min_size and min_area are at least 1, they are \(minSize) and \(minArea)"
    }

    /// The picture with the boxes that are sound; masks go with their boxes where there are as many.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        guard let boxes = input.boxes else { return input }
        let sound = boxes.sound(minSize: minSize, minArea: minArea)
        var result = input
        result.boxes = boxes.kept(sound)
        if let masks = input.masks, masks.channels == sound.count { result.masks = masks.keptChannels(sound) }
        return result
    }
}

extension PlanarImage {
    /// The planes for which `isKept` has true; nil where there is none.
    func keptChannels(_ isKept: [Bool]) -> PlanarImage? {
        let kept = isKept.indices.filter { isKept[$0] }
        guard !kept.isEmpty else { return nil }
        let size = planeSize * sampleSize
        return madeEach(channels: kept.count) { source, target in
            for (channel, from) in kept.enumerated() {
                (target + channel * size).copyMemory(from: source + from * size, byteCount: size)
            }
        }
    }
}
