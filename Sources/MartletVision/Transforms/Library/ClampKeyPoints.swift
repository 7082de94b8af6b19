import MartletData

/// Moves keypoints that lie outside to the border.
///
/// torchvision's `ClampKeyPoints`.
public struct ClampKeyPoints: ImageTransform {
    /// Without parameters.
    public init() {}

    /// Reads nothing.
    public init(from decoder: any Decoder) throws { _ = try decoder.container(keyedBy: NoKeys.self) }

    /// Writes an empty map.
    public func encode(to encoder: any Encoder) throws { _ = encoder.container(keyedBy: NoKeys.self) }

    /// The picture, changed.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        var result = input
        result.keypoints = input.keypoints?.clamped()
        return result
    }
}
