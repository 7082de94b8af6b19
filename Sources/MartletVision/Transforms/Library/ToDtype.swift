import MartletData

/// Makes floats of bytes, or bytes of floats.
///
/// torchvision's `ToDtype`. Colour transforms are exact on bytes and fastest there: this comes after them.
public struct ToDtype: ImageTransform {
    /// The type of samples.
    public enum Target: String, Sendable, Codable {
        /// Bytes.
        case uint8
        /// 32-bit floats.
        case float32

        /// Reads `uint8` or `float32`, with or without `torch.` before it.
        public init(from decoder: any Decoder) throws {
            let name = try decoder.singleValueContainer().decode(String.self)
            guard let target = Target(rawValue: name.hasPrefix("torch.") ? String(name.dropFirst(6)) : name) else {
                throw decoder.corrupted("dtype is float32 or uint8, not \(name)")
            }
            self = target
        }
    }

    /// The type wanted.
    public var dtype: Target
    /// Whether 0 to 255 becomes 0 to 1, and back; else numbers stay what they are.
    public var scale: Bool

    /// To that type.
    public init(_ dtype: Target = .float32, scale: Bool = false) { (self.dtype, self.scale) = (dtype, scale) }

    /// Reads `dtype`, float32 where it is absent, and `scale`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        dtype = try container.value(.dtype, default: .float32)
        scale = try container.value(.scale, default: false)
    }

    private enum CodingKeys: CodingKey { case dtype, scale }

    /// The picture with samples of that type.
    public func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage {
        guard input.image.isFloat != (dtype == .float32) else { return input }
        return input.recolored { image in
            if scale { return image.converted(toFloat: dtype == .float32) }
            let samples: PlanarImage.Samples =
                image.isFloat
                ? .uint8(image.floats.map { UInt8(cutting: $0) }) : .float32(image.bytes.map { Float($0) })
            return PlanarImage(
                batch: image.batch, channels: image.channels, height: image.height, width: image.width, samples: samples
            )
        }
    }
}
