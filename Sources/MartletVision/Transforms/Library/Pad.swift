import MartletData

/// Adds samples at the sides.
///
/// torchvision's `Pad`.
public struct Pad: ImageTransform {
    /// Samples at each side.
    public var padding: ImagePadding
    /// What stands there where the mode is constant.
    public var fill: Fill
    /// What stands there.
    public var paddingMode: ImagePaddingMode

    /// ImagePadding of that kind.
    public init(_ padding: ImagePadding, fill: Fill = 0, paddingMode: ImagePaddingMode = .constant) {
        (self.padding, self.fill, self.paddingMode) = (padding, fill, paddingMode)
    }

    /// Reads `padding`, which must be there, `fill` and `padding_mode`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        padding = try container.required(.padding)
        fill = try container.fill(.fill, default: 0)
        paddingMode = try container.value(.paddingMode, default: .constant)
    }

    private enum CodingKeys: String, CodingKey {
        case padding, fill
        case paddingMode = "padding_mode"
    }

    /// The padded picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireFill(fill, input)
        let size = input.image.size
        guard size.height + padding.top + padding.bottom > 0, size.width + padding.left + padding.right > 0 else {
            throw error("padding", expected: "a picture to remain of \(size)", found: "\(padding)")
        }
        return input.padded(padding, fill: fill, mode: paddingMode)
    }
}
