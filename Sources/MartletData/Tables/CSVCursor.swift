/// What ends a field.
enum FieldEnd {
    /// A separator: another field follows.
    case separator
    /// A line's end, or the text's.
    case line
}

/// A place in a table's text, and the fields read from there.
struct CSVCursor {
    typealias Byte = UnsafePointer<UInt8>

    let format: CSVFormat
    let end: Byte
    var place: Byte
    /// The line that `place` is on, from 1.
    var line = 1

    static let quote = UInt8(ascii: "\"")
    static let newline = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")

    /// The beginning of a text, after a byte order mark if there is one.
    init(_ format: CSVFormat, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Byte) {
        self.format = format
        end = start + bytes.count
        place = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? start + 3 : start
    }

    var isAtEnd: Bool { place == end }

    /// Passes over lines without a byte.
    mutating func skipBlankLines() {
        while place < end, place.pointee == Self.newline || place.pointee == Self.carriageReturn { _ = endField() }
    }

    /// True where a field ends at a place.
    @inline(__always)
    func isEnd(_ place: Byte) -> Bool {
        place == end || place.pointee == format.separator || place.pointee == Self.newline
            || place.pointee == Self.carriageReturn
    }

    /// Steps over what ends a field: a separator, "\n", "\r\n" or "\r".
    @inline(__always)
    mutating func endField() -> FieldEnd {
        guard place < end else { return .line }
        if place.pointee == format.separator {
            place += 1
            return .separator
        }
        if place.pointee == Self.carriageReturn, place + 1 < end, place[1] == Self.newline { place += 1 }
        place += 1
        line += 1
        return .line
    }

    /// The field that begins here, without what ends it.
    ///
    /// - Throws: what was expected and found where quotes are out of place.
    mutating func field() throws(FieldFault) -> CSVField {
        guard place < end, place.pointee == Self.quote else {
            let start = place
            while !isEnd(place) { place += 1 }
            return CSVField(bytes: UnsafeBufferPointer(start: start, count: place - start), hasDoubledQuotes: false)
        }
        return try quotedField()
    }

    private mutating func quotedField() throws(FieldFault) -> CSVField {
        let opening = line
        place += 1
        let start = place
        var hasDoubledQuotes = false
        while true {
            guard place < end else { throw FieldFault(line: opening, expected: "a closing quote", found: "the end") }
            let byte = place.pointee
            if byte == Self.newline || (byte == Self.carriageReturn && (place + 1 == end || place[1] != Self.newline)) {
                line += 1
            } else if byte == Self.quote {
                guard place + 1 < end, place[1] == Self.quote else { break }
                hasDoubledQuotes = true
                place += 1
            }
            place += 1
        }
        let content = UnsafeBufferPointer(start: start, count: place - start)
        place += 1
        guard isEnd(place) else {
            throw FieldFault(
                line: line, expected: "a separator or the line's end after a closing quote",
                found: "\"\(Character(Unicode.Scalar(place.pointee)))\"")
        }
        return CSVField(bytes: content, hasDoubledQuotes: hasDoubledQuotes)
    }
}

/// A field's bytes where they lie in the text.
struct CSVField {
    /// What stands between separators, or between quotes.
    let bytes: UnsafeBufferPointer<UInt8>
    /// True where two quotes stand for one.
    let hasDoubledQuotes: Bool

    /// The field's text; nil where it is not UTF-8.
    var text: String? {
        guard hasDoubledQuotes else { return String(validating: bytes, as: UTF8.self) }
        var isSecond = false
        let single = bytes.filter { byte in
            isSecond = byte == CSVCursor.quote && !isSecond
            return byte != CSVCursor.quote || isSecond
        }
        return String(validating: single, as: UTF8.self)
    }

    /// The bytes without spaces and tabs at both ends.
    var trimmed: UnsafeBufferPointer<UInt8> {
        var (first, last) = (bytes.startIndex, bytes.endIndex)
        while first < last, bytes[first] == 0x20 || bytes[first] == 0x09 { first += 1 }
        while first < last, bytes[last - 1] == 0x20 || bytes[last - 1] == 0x09 { last -= 1 }
        return UnsafeBufferPointer(rebasing: bytes[first..<last])
    }
}

/// What is wrong with a field, and on which line.
struct FieldFault: Error {
    var line: Int
    var expected: String
    var found: String
}
