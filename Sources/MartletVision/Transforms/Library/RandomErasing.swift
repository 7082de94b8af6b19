import MartletData

/// Replaces a random rectangle, with a probability (Zhong and others 2017, "Random erasing data augmentation").
///
/// torchvision's `RandomErasing`. Boxes, masks and keypoints stay as they are, as torchvision's v2 passes them through: what is
/// hidden is still there.
public struct RandomErasing: ImageTransform {
    /// What stands in the rectangle.
    public enum Value: Sendable, Hashable, Codable {
        /// One value, or one a channel, in the picture's own units.
        case values([Double])
        /// A standard normal number for each sample.
        case random

        /// Reads a number, a list, or "random".
        public init(from decoder: any Decoder) throws {
            // Numbers first: a reader of YAML may give a number as text too.
            if let numbers = try? NumberList(from: decoder) {
                self = .values(numbers.values)
            } else if let name = try? decoder.singleValueContainer().decode(String.self), name == "random" {
                self = .random
            } else {
                throw decoder.corrupted("value is a number, a list of numbers, or random")
            }
        }

        /// Writes a number, a list, or "random".
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .random: try container.encode("random")
            case .values(let values) where values.count == 1: try container.encode(values[0])
            case .values(let values): try container.encode(values)
            }
        }
    }

    /// The probability.
    public var p: Double
    /// The rectangle's area, as a share of the picture's.
    public var scale: ClosedRange<Double>
    /// Its height by its width.
    public var ratio: ClosedRange<Double>
    /// What stands there.
    public var value: Value

    /// With probability `p`.
    public init(
        p: Double = 0.5, scale: ClosedRange<Double> = 0.02...0.33, ratio: ClosedRange<Double> = 0.3...3.3,
        value: Value = .values([0])
    ) {
        (self.p, self.scale, self.ratio, self.value) = (p, scale, ratio, value)
        requireSound()
    }

    /// Reads `p`, `scale`, `ratio` and `value`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        p = try container.value(.p, default: 0.5)
        scale = try container.bounds(.scale) ?? 0.02...0.33
        ratio = try container.bounds(.ratio) ?? 0.3...3.3
        value = try container.value(.value, default: .values([0]))
        try requireSound(decoder)
    }

    private enum CodingKeys: CodingKey { case p, scale, ratio, value }

    /// Probabilities and areas from 0 to 1, shapes above 0.
    public var problem: String? {
        if scale.lowerBound < 0 || scale.upperBound > 1 { return "scale is from 0 to 1, it is \(scale)" }
        if value == .values([]) { return "value is a number, a list of them, or random" }
        return ParameterCheck.probability(p) ?? ParameterCheck.positive(ratio, "ratio")
    }

    /// The picture with a rectangle, or not; also where ten rectangles did not fit.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        let image = input.image
        if case .values(let values) = value, values.count != 1, values.count != image.channels {
            throw error("value", expected: "1 value or \(image.channels)", found: "\(values.count)")
        }
        guard random.chance(p) else { return input }
        for _ in 0..<10 {
            // The ratio is height by width here, so the sides are exchanged.
            let (height, width) = RandomArea.size(of: image.size, scale, ratio, &random)
            guard 1..<image.height ~= height, 1..<image.width ~= width else { continue }
            let window = CropWindow(
                top: random.below(image.height - height + 1), left: random.below(image.width - width + 1),
                size: ImageSize(height: height, width: width))
            let values = content(of: image.channels * height * width, &random)
            return input.recolored { $0.erased(window, values: values) }
        }
        return input
    }

    private func content(of count: Int, _ random: inout RandomStream) -> [Float] {
        switch value {
        case .values(let values): values.map { Float($0) }
        case .random: (0..<count).map { _ in Float(random.standardNormal()) }
        }
    }
}
