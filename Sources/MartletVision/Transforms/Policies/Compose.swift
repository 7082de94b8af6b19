import MartletData

/// Transforms one after the other.
///
///     let augment = Compose([RandomHorizontalFlip(), ColorJitter(brightness: 0.2), ToDtype(scale: true)])
///
/// torchvision's `Compose`. It is coded as a list whose elements are names, or names with their parameters:
///
///     - RandomHorizontalFlip
///     - RandomAffine: {degrees: 10, translate: [0.1, 0.1]}
///     - ToDtype: {scale: true}
public struct Compose: ImageTransform {
    /// The transforms, in order.
    public var transforms: [any ImageTransform]

    /// Transforms, in order.
    public init(_ transforms: [any ImageTransform]) { self.transforms = transforms }

    /// Reads a list; an unknown name is an error that names the nearest known one.
    public init(from decoder: any Decoder) throws { transforms = try TransformList(from: decoder).transforms }

    /// Writes a list.
    public func encode(to encoder: any Encoder) throws { try TransformList(transforms).encode(to: encoder) }

    /// True where the transforms are the same.
    public static func == (left: Compose, right: Compose) -> Bool {
        TransformList(left.transforms) == TransformList(right.transforms)
    }

    /// The picture after all transforms.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        var result = input
        for transform in transforms { result = try transform(result, using: &random) }
        return result
    }
}
