import MartletData

/// Makes a batch of each picture: the four corners and the middle, of it and of its mirror image.
///
/// torchvision's `TenCrop`.
public struct TenCrop: ImageTransform {
    /// The parts' size.
    public var size: ImageSize
    /// Whether the mirror image is upside down, and not left for right.
    public var verticalFlip: Bool

    /// Parts of that size.
    public init(_ size: ImageSize, verticalFlip: Bool = false) { (self.size, self.verticalFlip) = (size, verticalFlip) }

    /// Reads `size`, which must be there, and `vertical_flip`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        size = try container.required(.size)
        verticalFlip = try container.value(.verticalFlip, default: false)
    }

    private enum CodingKeys: String, CodingKey {
        case size
        case verticalFlip = "vertical_flip"
    }

    /// The parts as a batch; annotations, or a batch, are an error.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        guard !input.hasAnnotations, input.image.batch == nil else {
            throw error("inputs", expected: "one picture without boxes, masks and keypoints", found: "more")
        }
        guard size.height <= input.image.height, size.width <= input.image.width else {
            throw error("inputs", expected: "a picture of \(size) at least", found: "\(input.image.size)")
        }
        return AnnotatedImage(PlanarImage(batch: input.image.tenCrops(size, verticalFlip: verticalFlip)))
    }
}
