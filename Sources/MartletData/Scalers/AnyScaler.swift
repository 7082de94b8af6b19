import Foundation
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
    public var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do { return String(decoding: try encoder.encode(self), as: UTF8.self) } catch {
            stop("AnyScaler: \(type(of: scaler)) cannot be encoded: \(error)")
        }
    }

    /// A scaler from JSON text.
    ///
    /// - Parameters:
    ///   - json: what `json` gave.
    ///   - name: where the text comes from, such as a file, for errors.
    /// - Throws: `DataError` with the field, such as `fit.scale`, and what is wrong with it.
    public init(json: String, name: String = "scaler") throws(DataError) {
        do {
            self = try JSONDecoder().decode(AnyScaler.self, from: Data(json.utf8))
        } catch let error as DecodingError {
            throw DataError(dataset: name, error)
        } catch {
            throw DataError(dataset: name, field: "JSON", expected: "a scaler", found: "\(error)")
        }
    }
}

extension DataError {
    /// What a decoder found wrong.
    fileprivate init(dataset: String, _ error: DecodingError) {
        let context: DecodingError.Context
        var missing: (any CodingKey)?
        switch error {
        case .keyNotFound(let key, let found): (missing, context) = (key, found)
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .dataCorrupted(let found): context = found
        @unknown default: context = DecodingError.Context(codingPath: [], debugDescription: "\(error)")
        }
        let path = (context.codingPath + (missing.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".")
        self.init(
            dataset: dataset, field: path.isEmpty ? "JSON" : path, expected: "a scaler's saved form",
            found: missing == nil ? context.debugDescription : "nothing")
    }
}
