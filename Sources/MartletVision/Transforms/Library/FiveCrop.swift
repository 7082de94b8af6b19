import MartletData

/// Makes a batch of each picture: the four corners and the middle.
///
/// torchvision's `FiveCrop`.
public struct FiveCrop: ImageTransform {
    /// The parts' size.
    public var size: ImageSize

    /// Parts of that size.
    public init(_ size: ImageSize) { self.size = size }

    /// Reads `size`, which must be there.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        size = try container.required(.size)
    }

    private enum CodingKeys: CodingKey { case size }

    /// The parts as a batch; annotations, or a batch, are an error.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        guard !input.hasAnnotations, input.image.batch == nil else {
            throw error("inputs", expected: "one picture without boxes, masks and keypoints", found: "more")
        }
        guard size.height <= input.image.height, size.width <= input.image.width else {
            throw error("inputs", expected: "a picture of \(size) at least", found: "\(input.image.size)")
        }
        return AnnotatedImage(PlanarImage(batch: input.image.fiveCrops(size)))
    }
}
