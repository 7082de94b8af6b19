import MartletData

/// Transforms in a random order.
///
/// torchvision's `RandomOrder`.
public struct RandomOrder: ImageTransform {
    /// The transforms.
    public var transforms: [any ImageTransform]

    /// Of those.
    public init(_ transforms: [any ImageTransform]) { self.transforms = transforms }

    /// Reads `transforms`, which must be there.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        transforms = try container.required(.transforms, as: TransformList.self).transforms
    }

    /// Writes `transforms`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(TransformList(transforms), forKey: .transforms)
    }

    private enum CodingKeys: CodingKey { case transforms }

    /// True where the transforms are the same.
    public static func == (left: RandomOrder, right: RandomOrder) -> Bool {
        TransformList(left.transforms) == TransformList(right.transforms)
    }

    /// The picture after all transforms.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        let order = random.order(of: transforms.count)
        return try Compose(order.map { transforms[$0] })(input, using: &random)
    }
}
