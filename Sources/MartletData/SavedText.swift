import Foundation
import MartletGraph

/// A value as JSON text, the same for equal values; every number reads back as it was, bit by bit.
func savedText(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return String(decoding: try encoder.encode(value), as: UTF8.self) } catch {
        stop("\(type(of: value)) cannot be encoded: \(error)")
    }
}

/// A value from its JSON text.
///
/// - Parameters:
///   - name: where the text comes from, such as a file, for errors.
///   - what: what it should be, in an error's words: "a scaler".
/// - Throws: `DataError` with the field, such as `fit.scale`, and what is wrong with it.
func savedValue<Value: Decodable>(_ json: String, name: String, what: String) throws(DataError) -> Value {
    do {
        return try JSONDecoder().decode(Value.self, from: Data(json.utf8))
    } catch let error as DecodingError {
        throw DataError(dataset: name, what: what, error)
    } catch {
        throw DataError(dataset: name, field: "JSON", expected: what, found: "\(error)")
    }
}

extension DataError {
    /// What a decoder found wrong.
    fileprivate init(dataset: String, what: String, _ error: DecodingError) {
        let context: DecodingError.Context
        var missing: (any CodingKey)?
        switch error {
        case .keyNotFound(let key, let found): (missing, context) = (key, found)
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .dataCorrupted(let found): context = found
        @unknown default: context = DecodingError.Context(codingPath: [], debugDescription: "\(error)")
        }
        let path = (context.codingPath + (missing.map { [$0] } ?? [])).map(\.stringValue).joined(separator: ".")
        self.init(
            dataset: dataset, field: path.isEmpty ? "JSON" : path, expected: "\(what)'s saved form",
            found: missing == nil ? context.debugDescription : "nothing")
    }
}
