import MartletData

/// Makes pictures grey.
///
/// torchvision's `Grayscale`.
public struct Grayscale: ImageTransform {
    /// 1, or 3 equal channels.
    public var numOutputChannels: Int

    /// With one channel or three.
    public init(numOutputChannels: Int = 1) {
        self.numOutputChannels = numOutputChannels
        requireSound()
    }

    /// Reads `num_output_channels`.
    public init(from decoder: any Decoder) throws {
        numOutputChannels = try decoder.container(keyedBy: CodingKeys.self).value(.numOutputChannels, default: 1)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey { case numOutputChannels = "num_output_channels" }

    /// One channel or three.
    public var problem: String? {
        [1, 3].contains(numOutputChannels) ? nil : "num_output_channels is 1 or 3, not \(numOutputChannels)"
    }

    /// The grey picture.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        try requireColor(input)
        return input.recolored { $0.grayscale(channels: numOutputChannels) }
    }
}
