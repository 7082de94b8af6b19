/// Reads decimal numbers from bytes, each rounded to the nearest float64 as `strtod` does.
///
/// A number of at most 19 digits is an integer m below 2⁶⁴ times a power of ten. Where both are exact in float64 one multiplication
/// or division rounds once (Clinger 1990); where m is longer, m · 10ᵏ or m / 10ᵏ with k up to 19 is computed in 128 bits and
/// rounded once. What remains, which tables hardly hold, goes to the standard library's parser.
enum DecimalNumber {
    typealias Byte = UnsafePointer<UInt8>

    /// A number that was read.
    struct Reading {
        var value: Double
        /// The byte after it.
        var next: Byte
        /// True where it was written without a point and an exponent and is exact.
        var isInteger: Bool
    }

    /// The number at the beginning of some bytes; nil where there is none.
    @inline(__always)
    static func read(_ start: Byte, _ end: Byte) -> Reading? {
        var place = start
        guard place < end else { return nil }
        let isNegative = place.pointee == UInt8(ascii: "-")
        if isNegative || place.pointee == UInt8(ascii: "+") { place += 1 }
        var mantissa: UInt64 = 0
        let firstDigit = place
        while place < end, let digit = digit(place.pointee) {
            mantissa = mantissa &* 10 &+ digit
            place += 1
        }
        var digits = place - firstDigit
        var exponent = 0
        var isInteger = true
        if place < end, place.pointee == UInt8(ascii: ".") {
            place += 1
            isInteger = false
            let firstDecimal = place
            while place < end, let digit = digit(place.pointee) {
                mantissa = mantissa &* 10 &+ digit
                place += 1
            }
            digits += place - firstDecimal
            exponent = firstDecimal - place
        }
        guard digits > 0 else { return nil }
        if place < end, place.pointee | 0x20 == UInt8(ascii: "e") {
            guard let power = power(&place, end) else { return nil }
            exponent += power
            isInteger = false
        }
        let magnitude = digits <= 19 ? value(mantissa, exponent) : nil
        guard let magnitude else { return library(start, place, isInteger) }
        let value = isNegative ? -magnitude : magnitude
        return Reading(value: value, next: place, isInteger: isInteger && mantissa <= 1 << 53)
    }

    /// A number that a field is as a whole; also infinity and NaN by name, as other programs write them.
    static func whole(_ field: UnsafeBufferPointer<UInt8>) -> Reading? {
        guard let start = field.baseAddress else { return nil }
        let end = start + field.count
        if let reading = read(start, end) { return reading.next == end ? reading : nil }
        switch String(decoding: field, as: UTF8.self).lowercased() {
        case "nan", "-nan": return Reading(value: .nan, next: end, isInteger: true)
        case "inf", "+inf", "infinity", "+infinity":
            return Reading(value: .infinity, next: end, isInteger: false)
        case "-inf", "-infinity": return Reading(value: -.infinity, next: end, isInteger: false)
        default: return nil
        }
    }

    @inline(__always)
    private static func digit(_ byte: UInt8) -> UInt64? {
        let digit = byte &- UInt8(ascii: "0")
        return digit < 10 ? UInt64(digit) : nil
    }

    /// The number after an `e`, held within bounds that no float64 reaches; nil where there is none.
    private static func power(_ place: inout Byte, _ end: Byte) -> Int? {
        place += 1
        guard place < end else { return nil }
        let isNegative = place.pointee == UInt8(ascii: "-")
        if isNegative || place.pointee == UInt8(ascii: "+") { place += 1 }
        let firstDigit = place
        var power = 0
        while place < end, let digit = digit(place.pointee) {
            power = min(100_000, power * 10 + Int(digit))
            place += 1
        }
        return place == firstDigit ? nil : isNegative ? -power : power
    }

    /// mantissa · 10^exponent, rounded once; nil where that takes more than 128 bits.
    static func value(_ mantissa: UInt64, _ exponent: Int) -> Double? {
        if exponent == 0 || mantissa == 0 { return Double(mantissa) }
        if mantissa <= 1 << 53, abs(exponent) <= 22 {
            return exponent < 0
                ? Double(mantissa) / exactPowers[-exponent] : Double(mantissa) * exactPowers[exponent]
        }
        switch exponent {
        case 1...19: return product(mantissa, integerPowers[exponent])
        case -19 ... -1: return quotient(mantissa, integerPowers[-exponent])
        default: return nil
        }
    }

    private static func product(_ a: UInt64, _ b: UInt64) -> Double {
        let (high, low) = a.multipliedFullWidth(by: b)
        guard high != 0 else { return Double(low) }
        let shift = high.leadingZeroBitCount
        let top = shift == 0 ? high : high << UInt64(shift) | low >> UInt64(64 - shift)
        return rounded(top, isMore: low << UInt64(shift) != 0, exponent: 64 - shift)
    }

    private static func quotient(_ a: UInt64, _ b: UInt64) -> Double {
        let (shiftA, shiftB) = (a.leadingZeroBitCount, b.leadingZeroBitCount)
        let dividend = a << UInt64(shiftA)
        // Half the dividend is below the divisor, whose highest bit is set: the quotient fits in 64 bits and has 63 or 64.
        let (quotient, rest) = (b << UInt64(shiftB)).dividingFullWidth((dividend >> 1, dividend << 63))
        return rounded(quotient, isMore: rest != 0, exponent: shiftB - shiftA - 63)
    }

    /// number · 2^exponent, to the nearest float64 and to the even one of two; `isMore` says that a fraction was cut off.
    private static func rounded(_ number: UInt64, isMore: Bool, exponent: Int) -> Double {
        let shift = UInt64(11 - number.leadingZeroBitCount)
        var kept = number >> shift
        let (rest, half) = (number & (1 << shift &- 1), UInt64(1) << (shift &- 1))
        if rest > half || (rest == half && (isMore || kept & 1 == 1)) { kept += 1 }
        return Double(sign: .plus, exponent: exponent + Int(shift), significand: Double(kept))
    }

    /// The standard library's reading of bytes that were found to be a number.
    @inline(never)
    private static func library(_ start: Byte, _ next: Byte, _ isInteger: Bool) -> Reading? {
        let text = String(decoding: UnsafeBufferPointer(start: start, count: next - start), as: UTF8.self)
        return Double(text).map { Reading(value: $0, next: next, isInteger: isInteger && abs($0) <= 0x1p53) }
    }

    private static let exactPowers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20,
        1e21, 1e22,
    ]
    private static let integerPowers: [UInt64] = (0..<19).reduce(into: [1]) { powers, _ in
        powers.append(powers[powers.count - 1] * 10)
    }
}
