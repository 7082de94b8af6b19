import MartletTensor

/// A scaler of any kind, in saved form an object with its `kind` and its numbers: what a checkpoint or a model file holds.
///
///     {"kind": "standard", "per": "feature", "part": "inputs", "fit": {"shape": [2], "offset": [5, 0.5], "scale": [2, 1]}}
public struct AnyScaler: Codable, Hashable, ElementwiseTransform {
    /// The scaler itself.
    public let scaler: any Scaler

    /// Any scaler.
    public init(_ scaler: any Scaler) { self.scaler = scaler }

    private static let kinds: [any Scaler.Type] = [
        StandardScaler.self, MinMaxScaler.self, RobustScaler.self, MaxAbsScaler.self,
    ]

    /// The names of all kinds.
    public static var kindNames: [String] { kinds.map { $0.kind } }

    /// The scaled numbers.
    public func transform(_ x: Tensor) -> Tensor { scaler.transform(x) }
    /// The numbers whose scaled ones are `y`.
    public func inverse(_ y: Tensor) -> Tensor { scaler.inverse(y) }
    /// The scaled numbers.
    public func callAsFunction(_ x: Tensor) -> Tensor { scaler.transform(x) }
    /// The sample, scaled.
    public func callAsFunction(_ sample: Sample) throws -> Sample { try scaler(sample) }
    /// The batch, scaled.
    public func callAsFunction(_ batch: Batch) throws -> Batch { try scaler(batch) }

    /// True where kinds and numbers are the same.
    public static func == (a: AnyScaler, b: AnyScaler) -> Bool { AnyHashable(a.scaler) == AnyHashable(b.scaler) }
    /// What equal scalers share.
    public func hash(into hasher: inout Hasher) { AnyHashable(scaler).hash(into: &hasher) }
}

extension AnyScaler {
    private enum Key: String, CodingKey { case kind }

    /// From saved form; throws where a number is missing or the kind is unknown.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let name = try container.decode(String.self, forKey: .kind)
        guard let kind = Self.kinds.first(where: { $0.kind == name }) else {
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: container,
                debugDescription: "expected \(Self.kindNames.joined(separator: ", ")), found \"\(name)\"")
        }
        scaler = try kind.init(from: decoder)
    }

    /// Saved form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(type(of: scaler).kind, forKey: .kind)
        try scaler.encode(to: encoder)
    }

    /// The saved form as JSON text; every number reads back as it was, bit by bit.
    public var json: String { savedText(self) }

    /// A scaler from JSON text.
    ///
    /// - Parameters:
    ///   - json: what `json` gave.
    ///   - name: where the text comes from, such as a file, for errors.
    /// - Throws: `DataError` with the field, such as `fit.scale`, and what is wrong with it.
    public init(json: String, name: String = "scaler") throws(DataError) {
        self = try savedValue(json, name: name, what: "a scaler")
    }
}
