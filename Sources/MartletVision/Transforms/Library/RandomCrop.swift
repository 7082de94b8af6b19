import MartletData

/// Takes a part of pictures somewhere, after padding them.
///
/// torchvision's `RandomCrop`.
public struct RandomCrop: ImageTransform {
    /// The part's size.
    public var size: ImageSize
    /// What is added at the sides first; nil is nothing.
    public var padding: ImagePadding?
    /// Whether a smaller picture is padded until it is large enough; else it is an error.
    public var padIfNeeded: Bool
    /// What padding shows where the mode is constant.
    public var fill: Fill
    /// What padding shows.
    public var paddingMode: ImagePaddingMode

    /// Parts of that size.
    public init(
        _ size: ImageSize, padding: ImagePadding? = nil, padIfNeeded: Bool = false, fill: Fill = 0,
        paddingMode: ImagePaddingMode = .constant
    ) {
        (self.size, self.padding, self.padIfNeeded) = (size, padding, padIfNeeded)
        (self.fill, self.paddingMode) = (fill, paddingMode)
    }

    /// Reads `size`, which must be there, `padding`, `pad_if_needed`, `fill` and `padding_mode`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        size = try container.required(.size)
        padding = try container.decodeIfPresent(ImagePadding.self, forKey: .padding)
        padIfNeeded = try container.value(.padIfNeeded, default: false)
        fill = try container.fill(.fill, default: 0)
        paddingMode = try container.value(.paddingMode, default: .constant)
    }

    private enum CodingKeys: String, CodingKey {
        case size, padding, fill
        case padIfNeeded = "pad_if_needed"
        case paddingMode = "padding_mode"
    }

    /// A part of the picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireFill(fill, input)
        var sides = padding ?? 0
        func free(_ whole: Int, _ before: Int, _ after: Int, _ wanted: Int) -> Int { whole + before + after - wanted }
        if padIfNeeded {
            let down = max(0, -free(input.image.height, sides.top, sides.bottom, size.height))
            let across = max(0, -free(input.image.width, sides.left, sides.right, size.width))
            sides.top += down
            sides.bottom += down
            sides.left += across
            sides.right += across
        }
        let down = free(input.image.height, sides.top, sides.bottom, size.height)
        let across = free(input.image.width, sides.left, sides.right, size.width)
        guard down >= 0, across >= 0 else {
            throw error(
                "inputs", expected: "a picture of \(size) at least with its padding", found: "\(input.image.size)")
        }
        let padded = sides == 0 ? input : input.padded(sides, fill: fill, mode: paddingMode)
        let top = down > 0 ? random.below(down + 1) : 0
        let left = across > 0 ? random.below(across + 1) : 0
        return padded.cropped(CropWindow(top: top, left: left, size: size))
    }
}
