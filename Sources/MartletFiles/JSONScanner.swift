/// Reads the pieces of JSON that headers of tensor files are made of: punctuation, strings, natural numbers.
///
/// It builds no tree and never recurses, so that no header can cost more than its own length.
struct JSONScanner {
    let bytes: UnsafeRawBufferPointer
    let file: String
    /// The field that errors name.
    var field: String
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer, file: String, field: String) {
        self.bytes = bytes
        self.file = file
        self.field = field
    }

    func failure(expected: String, found: String? = nil) -> FileError {
        let next = position < bytes.count ? "byte \(hexadecimal([bytes[position]]))" : "the end"
        return .malformed(file, field, expected: expected, found: found ?? "\(next) at offset \(position)")
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    /// Passes over a character if it comes next.
    mutating func accept(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws(FileError) {
        guard accept(character) else { throw failure(expected: "\(character)") }
    }

    /// Nothing but space may follow.
    mutating func expectEnd() throws(FileError) {
        skipSpace()
        guard position == bytes.count else { throw failure(expected: "the end") }
    }

    /// A list of numbers without sign, fraction or exponent.
    mutating func naturals() throws(FileError) -> [Int] {
        var numbers: [Int] = []
        try expect("[")
        if accept("]") { return numbers }
        repeat { numbers.append(try natural()) } while accept(",")
        try expect("]")
        return numbers
    }

    private mutating func natural() throws(FileError) -> Int {
        skipSpace()
        let start = position
        var value = 0
        while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit <= 9 {
            let (tens, overflowsTens) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowsSum) = tens.addingReportingOverflow(Int(digit))
            guard !overflowsTens, !overflowsSum else { throw failure(expected: "a number of at most 63 bits") }
            value = sum
            position += 1
        }
        guard position > start else { throw failure(expected: "a natural number") }
        guard position == start + 1 || bytes[start] != UInt8(ascii: "0") else {
            throw failure(expected: "a number without leading zeros")
        }
        return value
    }

    /// A string with its escapes undone.
    mutating func string() throws(FileError) -> String {
        try expect("\"")
        var units: [UInt8] = []
        while true {
            guard position < bytes.count else { throw failure(expected: "the end of a string") }
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let text = String(validating: units, as: UTF8.self) else {
                    throw failure(expected: "a string in UTF-8", found: hexadecimal(units.prefix(32)))
                }
                return text
            case UInt8(ascii: "\\"):
                position += 1
                units.append(contentsOf: Array(Character(try escape()).utf8))
            case 0..<0x20: throw failure(expected: "control characters to be escaped")
            default:
                units.append(byte)
                position += 1
            }
        }
    }

    private mutating func escape() throws(FileError) -> Unicode.Scalar {
        guard position < bytes.count else { throw failure(expected: "an escaped character") }
        let letter = bytes[position]
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw failure(expected: "an escape that JSON knows")
        }
    }

    /// The four digits after `\u`, with a second escape where they are the first half of a surrogate pair.
    private mutating func unicodeEscape() throws(FileError) -> Unicode.Scalar {
        let first = try fourDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { throw failure(expected: "a pair of surrogates") }
        position += 2
        let second = try fourDigits()
        guard 0xDC00..<0xE000 ~= second,
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw failure(expected: "a pair of surrogates") }
        return scalar
    }

    private mutating func fourDigits() throws(FileError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw failure(expected: "four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}

/// A text as a JSON string, escaped where JSON demands it and nowhere else.
func jsonString(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\u{08}": result += "\\b"
        case "\u{0C}": result += "\\f"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case "\u{00}"..<"\u{20}":
            let digits = String(scalar.value, radix: 16)
            result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
