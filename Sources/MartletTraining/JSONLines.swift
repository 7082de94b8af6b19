import Foundation

/// One JSON object a line, for `--json` and for `metrics.jsonl`.
package enum JSONLines {
    /// A value as one compact line, its keys sorted, without the line's end; numbers that are not finite are `null`.
    package static func line(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encode(value, with: encoder), as: UTF8.self)
    }

    /// A value as indented JSON with sorted keys and a line's end, for files that people read.
    package static func document(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        return try encode(value, with: encoder) + [UInt8(ascii: "\n")]
    }

    /// Writes a value's line to standard output at once.
    package static func print(_ value: some Encodable) throws {
        Terminal.writeAll(try line(value) + "\n", to: STDOUT_FILENO)
    }

    // JSONEncoder writes such numbers as strings only: as one that begins with NUL, so that no real text is taken for it.
    private static let mark = "\u{0}not finite"
    private static let quoted = [UInt8](#""\u0000not finite""#.utf8)

    private static func encode(_ value: some Encodable, with encoder: JSONEncoder) throws -> [UInt8] {
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: mark, negativeInfinity: mark, nan: mark)
        let encoded = [UInt8](try encoder.encode(value))
        var (output, index) = ([UInt8](), 0)
        output.reserveCapacity(encoded.count)
        while index < encoded.count {
            // A quotation mark behind a backslash is inside a string.
            if encoded[index] == quoted[0], output.last != UInt8(ascii: "\\"), encoded[index...].starts(with: quoted) {
                output += Array("null".utf8)
                index += quoted.count
            } else {
                output.append(encoded[index])
                index += 1
            }
        }
        return output
    }
}
