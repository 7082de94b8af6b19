import MartletData

/// Takes the middle of pictures, with 0 around smaller ones.
///
/// torchvision's `CenterCrop`.
public struct CenterCrop: ImageTransform {
    /// The part's size.
    public var size: ImageSize

    /// Parts of that size.
    public init(_ size: ImageSize) { self.size = size }

    /// Reads `size`, which must be there.
    public init(from decoder: any Decoder) throws {
        size = try decoder.container(keyedBy: CodingKeys.self).required(.size)
    }

    private enum CodingKeys: CodingKey { case size }

    /// The picture's middle.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        input.centerCropped(size)
    }
}
