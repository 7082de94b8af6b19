import MartletGraph

/// What lies outside a picture that is moved: one value for all channels, or one for each.
///
/// In a recipe a number, a list, or null: with ``none`` the outside counts as 0 and bilinear edges fade into it once, with
/// `0` torchvision fades them twice.
public struct Fill: Sendable, Hashable, Codable, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByArrayLiteral
{
    /// One value, or one a channel; empty for ``none``.
    public let values: [Double]

    /// No fill: torchvision's `None`.
    public static let none = Fill([])

    /// A value for each channel.
    public init(_ values: [Double]) { self.values = values }
    /// One value for all channels.
    public init(_ value: Double) { values = [value] }
    /// One value for all channels.
    public init(integerLiteral value: Int) { values = [Double(value)] }
    /// One value for all channels.
    public init(floatLiteral value: Double) { values = [value] }
    /// A value for each channel.
    public init(arrayLiteral elements: Double...) { values = elements }

    /// Reads a number, a list or null.
    public init(from decoder: any Decoder) throws {
        values = try decoder.singleValueContainer().decodeNil() ? [] : NumberList(from: decoder).values
    }

    /// Writes a number, a list or null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if values.isEmpty {
            try container.encodeNil()
        } else if values.count == 1 {
            try container.encode(values[0])
        } else {
            try container.encode(values)
        }
    }

    /// A value for each plane of a picture; nil for ``none``.
    func planes(of image: PlanarImage) -> [Float]? {
        if values.isEmpty { return nil }
        guard values.count == 1 || values.count == image.channels else {
            stop("fill: \(values.count) values for \(image.channels) channels")
        }
        let own = values.map { Float(image.isFloat ? $0 : min(255, max(0, $0))) }
        return (0..<image.planes).map { own[own.count == 1 ? 0 : $0 % image.channels] }
    }

    /// What masks take: the value where there is one for all channels, else 0.
    var ofMasks: Fill { values.count == 1 ? self : values.isEmpty ? .none : 0 }
}
