/// A picture of 8-bit samples.
///
/// ## Shapes
/// `pixels` is `[height, width, channels]`, row by row from the top, the channels of a pixel side by side.
public struct Image: Sendable, Equatable {
    /// Pixels in a row.
    public let width: Int
    /// Rows.
    public let height: Int
    /// 1 for grey, 2 for grey and alpha, 3 for red, green and blue, 4 for those and alpha.
    public let channels: Int
    /// The samples, 0 to 255; alpha is not multiplied in.
    public let pixels: [UInt8]

    /// - Precondition: `pixels` has `height · width · channels` samples.
    public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
        guard width > 0, height > 0, 1...4 ~= channels, pixels.count == width * height * channels else {
            fatalError("Image: \(pixels.count) samples for \(height) rows of \(width) pixels of \(channels) channels")
        }
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }
}
