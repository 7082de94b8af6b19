import MartletData

/// Takes a part that shows enough of some box (Liu and others 2016, "SSD").
///
/// torchvision's `RandomIoUCrop`. Boxes whose middle is cut off become empty; ``SanitizeBoundingBoxes`` takes them out.
public struct RandomIoUCrop: ImageTransform {
    /// The part's sides by the picture's, at least.
    public var minScale: Double
    /// The part's sides by the picture's, at most.
    public var maxScale: Double
    /// The part's width by its height, at least.
    public var minAspectRatio: Double
    /// The part's width by its height, at most.
    public var maxAspectRatio: Double
    /// How far a part and a box overlap at least, one of these; 1 and more leave the picture as it is.
    public var samplerOptions: [Double]
    /// How many parts are tried for each.
    public var trials: Int

    /// Parts of those shapes.
    public init(
        minScale: Double = 0.3, maxScale: Double = 1, minAspectRatio: Double = 0.5, maxAspectRatio: Double = 2,
        samplerOptions: [Double] = [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1], trials: Int = 40
    ) {
        (self.minScale, self.maxScale, self.minAspectRatio) = (minScale, maxScale, minAspectRatio)
        (self.maxAspectRatio, self.samplerOptions, self.trials) = (maxAspectRatio, samplerOptions, trials)
        requireSound()
    }

    /// Reads `min_scale`, `max_scale`, `min_aspect_ratio`, `max_aspect_ratio`, `sampler_options` and `trials`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        minScale = try container.value(.minScale, default: 0.3)
        maxScale = try container.value(.maxScale, default: 1)
        minAspectRatio = try container.value(.minAspectRatio, default: 0.5)
        maxAspectRatio = try container.value(.maxAspectRatio, default: 2)
        samplerOptions = try container.value(.samplerOptions, default: [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1])
        trials = try container.value(.trials, default: 40)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case trials
        case minScale = "min_scale"
        case maxScale = "max_scale"
        case minAspectRatio = "min_aspect_ratio"
        case maxAspectRatio = "max_aspect_ratio"
        case samplerOptions = "sampler_options"
    }

    /// Scales from 0 to 1 that rise, and at least one option.
    public var problem: String? {
        guard 0 < minScale, minScale <= maxScale, maxScale <= 1 else {
            return "min_scale and max_scale rise from above 0 to 1, they are \(minScale) and \(maxScale)"
        }
        return samplerOptions.isEmpty || trials < 1 ? "sampler_options has an entry and trials is at least 1" : nil
    }

    /// The picture or a part; without boxes it is an error. Where 1000 options gave no part, the picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        guard let boxes = input.boxes else { throw error("boxes", expected: "bounding boxes", found: "none") }
        let corners = boxes.converted(to: .xyxy).coordinates
        for _ in 0..<1000 {
            let overlap = samplerOptions[random.below(samplerOptions.count)]
            if overlap >= 1 { return input }
            for _ in 0..<trials {
                guard let window = candidate(in: input.image.size, &random) else { continue }
                let isInside = corners.map { window.holdsMiddle(of: $0) }
                let most = zip(corners, isInside).filter(\.1).map { window.overlap(with: $0.0) }.max()
                guard let most, most >= overlap else { continue }
                var result = input.cropped(window)
                for index in isInside.indices where !isInside[index] { result.boxes?.coordinates[index] = .zero }
                return result
            }
        }
        return input
    }

    /// A random part of an allowed shape; nil where this one is not.
    private func candidate(in whole: ImageSize, _ random: inout RandomStream) -> CropWindow? {
        let width = Int(Double(whole.width) * random.uniform(minScale...maxScale))
        let height = Int(Double(whole.height) * random.uniform(minScale...maxScale))
        guard width > 0, height > 0 else { return nil }
        let ratio = Double(width) / Double(height)
        guard minAspectRatio <= ratio, ratio <= maxAspectRatio else { return nil }
        let left = Int(Double(whole.width - width) * random.unit53())
        let top = Int(Double(whole.height - height) * random.unit53())
        return CropWindow(top: top, left: left, size: ImageSize(height: height, width: width))
    }
}

extension CropWindow {
    fileprivate func holdsMiddle(of box: SIMD4<Float>) -> Bool {
        let middle = (box.lowHalf + box.highHalf) * 0.5
        return Float(left) < middle.x && middle.x < Float(right) && Float(top) < middle.y && middle.y < Float(bottom)
    }

    /// The area of what both have by the area of what either has.
    fileprivate func overlap(with box: SIMD4<Float>) -> Double {
        let own = SIMD4(Float(left), Float(top), Float(right), Float(bottom))
        func area(_ low: SIMD2<Float>, _ high: SIMD2<Float>) -> Double {
            Double(max(0, high.x - low.x)) * Double(max(0, high.y - low.y))
        }
        let shared = area(pointwiseMax(own.lowHalf, box.lowHalf), pointwiseMin(own.highHalf, box.highHalf))
        let either = area(own.lowHalf, own.highHalf) + area(box.lowHalf, box.highHalf) - shared
        return either > 0 ? shared / either : 0
    }
}
