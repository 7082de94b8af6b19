import MartletGraph

/// Samples added at each side of a picture; negative ones are taken off.
///
/// In a recipe a number, `[horizontal, vertical]`, or `[left, top, right, bottom]`.
public struct ImagePadding: Sendable, Hashable, Codable, ExpressibleByIntegerLiteral {
    /// Columns at the left.
    public var left: Int
    /// Rows at the top.
    public var top: Int
    /// Columns at the right.
    public var right: Int
    /// Rows at the bottom.
    public var bottom: Int

    /// ImagePadding of four sides.
    public init(left: Int = 0, top: Int = 0, right: Int = 0, bottom: Int = 0) {
        (self.left, self.top, self.right, self.bottom) = (left, top, right, bottom)
    }

    /// As much at each side.
    public init(_ all: Int) { self.init(left: all, top: all, right: all, bottom: all) }
    /// As much at each side.
    public init(integerLiteral value: Int) { self.init(value) }

    /// Reads a number or a list of 1, 2 or 4.
    public init(from decoder: any Decoder) throws {
        let sides = try NumberList(from: decoder).integers(decoder, "padding: a number, or a list of 2 or 4")
        guard sides.allSatisfy({ abs($0) <= 1 << 20 }) else { throw decoder.corrupted("padding of \(sides)") }
        switch sides.count {
        case 1: self.init(sides[0])
        case 2: self.init(left: sides[0], top: sides[1], right: sides[0], bottom: sides[1])
        case 4: self.init(left: sides[0], top: sides[1], right: sides[2], bottom: sides[3])
        default: throw decoder.corrupted("padding is a number or a list of 1, 2 or 4, it has \(sides.count)")
        }
    }

    /// Writes `[left, top, right, bottom]`.
    public func encode(to encoder: any Encoder) throws { try [left, top, right, bottom].encode(to: encoder) }
}

/// What padding shows.
public enum ImagePaddingMode: String, Sendable, Codable, CaseIterable {
    /// A fill.
    case constant
    /// The border's sample again.
    case edge
    /// The picture mirrored at its border's samples: c b | a b c.
    case reflect
    /// The picture mirrored at its border: b a | a b c.
    case symmetric

    /// Reads torchvision's name.
    public init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        guard let known = ImagePaddingMode(rawValue: name) else {
            throw decoder.corrupted(
                "no padding mode is called \"\(name)\"; there are constant, edge, reflect, symmetric")
        }
        self = known
    }
}
