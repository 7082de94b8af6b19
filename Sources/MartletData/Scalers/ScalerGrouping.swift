import MartletTensor

/// Which of a sample's numbers are scaled alike.
public enum ScalerGrouping: Hashable, Sendable {
    /// Each element of a sample by itself: the columns of a table.
    case feature
    /// All numbers together.
    case whole
    /// The numbers that share an index along these axes of a sample; `.axes([0])` is each channel of an image `[C, H, W]`.
    case axes([Int])

    /// Each index along a sample's first axis: the channels of an image.
    public static let channel = ScalerGrouping.axes([0])

    /// A sample's shape with 1 for each axis along which numbers are scaled alike.
    func groups(of sample: Shape) -> Shape {
        switch self {
        case .feature: return sample
        case .whole: return Shape(sample.sizes.map { _ in 1 })
        case .axes(let axes):
            if let wrong = axes.first(where: { !(0..<sample.rank).contains($0) }) {
                stop("Scaler: axis \(wrong) of samples of shape \(sample)")
            }
            return Shape(sample.indices.map { axes.contains($0) ? sample[$0] : 1 })
        }
    }
}

extension ScalerGrouping: Codable {
    /// From saved form: `"feature"`, `"whole"` or a list of axes.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let axes = try? container.decode([Int].self) {
            self = .axes(axes)
            return
        }
        switch try container.decode(String.self) {
        case "feature": self = .feature
        case "whole": self = .whole
        case let other:
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected \"feature\", \"whole\" or a list of axes, found \"\(other)\""
            )
        }
    }

    /// Saved form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .feature: try container.encode("feature")
        case .whole: try container.encode("whole")
        case .axes(let axes): try container.encode(axes)
        }
    }
}

/// One of a sample's two tensors.
public enum SamplePart: String, Hashable, Sendable, Codable {
    /// What the model is shown.
    case inputs
    /// What it should answer.
    case label
}

/// The group of each of a sample's elements.
struct GroupMap {
    /// The sample's shape.
    let sample: Shape
    /// The groups' shape, which broadcasts to the sample's.
    let shape: Shape
    /// Each element's group, in row-major order.
    let groups: [Int]

    init(_ grouping: ScalerGrouping, sample: Shape) {
        self.sample = sample
        shape = grouping.groups(of: sample)
        var groups = [0]
        var step = shape.elementCount
        for (size, own) in zip(sample.sizes, shape.sizes) {
            step /= max(1, own)
            groups = groups.flatMap { group in (0..<size).map { group + (own == 1 ? 0 : $0 * step) } }
        }
        self.groups = groups
    }
}
