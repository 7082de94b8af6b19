import MartletGraph

/// Height and width of a picture, in samples.
///
/// In a recipe `224` is a square, `[h, w]` has two sides.
public struct ImageSize: Sendable, Hashable, Codable, CustomStringConvertible {
    /// Rows.
    public var height: Int
    /// Samples in a row.
    public var width: Int

    /// A size of two sides, each at least 1.
    public init(height: Int, width: Int) {
        guard height > 0, width > 0 else { stop("ImageSize: \(height) x \(width)") }
        (self.height, self.width) = (height, width)
    }

    /// A square.
    public init(_ side: Int) { self.init(height: side, width: side) }

    /// Reads a number or a list of one or two.
    public init(from decoder: any Decoder) throws {
        let sides = try NumberList(from: decoder).integers(decoder, "a size: a number, or height and width")
        guard (1...2).contains(sides.count), sides.allSatisfy({ (1...1 << 20).contains($0) }) else {
            throw decoder.corrupted("a size is a number or [height, width], each at least 1, it is \(sides)")
        }
        self.init(height: sides[0], width: sides[sides.count - 1])
    }

    /// Writes `[height, width]`.
    public func encode(to encoder: any Encoder) throws { try [height, width].encode(to: encoder) }

    /// Height x width.
    public var description: String { "\(height) x \(width)" }
}
