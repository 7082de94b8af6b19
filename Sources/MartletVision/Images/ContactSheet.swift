import MartletGraph

/// Pictures side by side in one, to be looked at.
///
///     let sheet = ContactSheet(columns: 8)
///     try PNG.write(sheet.image(of: augmented), to: "augmented.png")
public struct ContactSheet: Sendable {
    /// Pictures in a row.
    public var columns: Int
    /// Samples between pictures.
    public var gap: Int
    /// The brightness between pictures and beside smaller ones.
    public var background: UInt8

    /// Rows of that many pictures.
    public init(columns: Int, gap: Int = 2, background: UInt8 = 255) {
        guard columns > 0, gap >= 0 else { stop("ContactSheet: \(columns) columns with gaps of \(gap)") }
        (self.columns, self.gap, self.background) = (columns, gap, background)
    }

    /// All pictures in one: grey if all are, else in colours. Each stands in the upper left corner of its cell, which is as large
    /// as the largest picture; batches are taken apart, floats shown from 0 to 1.
    ///
    /// - Precondition: there is at least one picture, and each has one channel or three.
    public func image(of pictures: [PlanarImage]) -> Image {
        let singles = pictures.flatMap { picture in (0..<picture.count).map { picture[picture: $0] } }
        guard let height = singles.map(\.height).max(), let width = singles.map(\.width).max() else {
            stop("ContactSheet: no picture")
        }
        let channels = singles.allSatisfy { $0.channels == 1 } ? 1 : 3
        let across = min(columns, singles.count)
        let down = (singles.count + across - 1) / across
        let size = (width: across * (width + gap) - gap, height: down * (height + gap) - gap)
        var pixels = [UInt8](repeating: background, count: size.width * size.height * channels)
        for (place, single) in singles.enumerated() {
            let picture = Image(channels == 1 ? single : single.rgb())
            let (row, column) = (place / across, place % across)
            for line in 0..<picture.height {
                let source = line * picture.width * channels
                let start = ((row * (height + gap) + line) * size.width + column * (width + gap)) * channels
                pixels.replaceSubrange(
                    start..<start + picture.width * channels,
                    with: picture.pixels[source..<source + picture.width * channels])
            }
        }
        return Image(width: size.width, height: size.height, channels: channels, pixels: pixels)
    }
}
