import MartletData

/// Writes boxes in another format.
///
/// torchvision's `ConvertBoundingBoxFormat`.
public struct ConvertBoundingBoxFormat: ImageTransform {
    /// The format wanted.
    public var format: BoundingBoxes.Format

    /// To that format.
    public init(_ format: BoundingBoxes.Format) { self.format = format }

    /// Reads `format`, which must be there, in large or small letters.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let name = try container.required(.format, as: String.self)
        guard let format = BoundingBoxes.Format(rawValue: name.lowercased()) else {
            throw container.corrupted(.format, "format is XYXY, XYWH or CXCYWH, not \(name)")
        }
        self.format = format
    }

    private enum CodingKeys: CodingKey { case format }

    /// The picture with such boxes.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        var result = input
        result.boxes = input.boxes?.converted(to: format)
        return result
    }
}
