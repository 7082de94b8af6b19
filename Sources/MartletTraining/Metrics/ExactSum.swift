/// A sum of float64 numbers without any rounding: its value is the true sum, rounded once.
///
/// So it does not depend on the order of the numbers, nor on how they were grouped. The sum is kept as one integer in
/// units of the smallest float64 number, 2⁻¹⁰⁷⁴, in digits of 32 bits that carry late. Numbers that are not finite are
/// summed apart, by the rules of floating point.
///
/// Source: U. Kulisch, "Computer arithmetic and validity" (2008), chapter 8: the long accumulator; in the small form of
/// R. Neal, "Fast exact summation using small and large superaccumulators" (2015).
package struct ExactSum: Sendable {
    /// Digit i weighs 2^(32·i - 1074); the last one holds the sign.
    private var digits = [Int64](repeating: 0, count: ExactSum.digitCount)
    /// Additions since the digits were last carried: each adds less than 2³² to a digit.
    private var pending = 0
    /// The sum of what was infinite or not a number; 0 where nothing was.
    private var special = 0.0

    /// 2098 bits of a float64 number's range, and room above them for 2⁶⁰ of the largest.
    private static let digitCount = 69
    private static let mostPending = 1 << 30

    /// The sum of nothing: 0.
    package init() {}

    /// Adds a number.
    package mutating func add(_ number: Double) {
        guard number.isFinite else {
            special += number
            return
        }
        let exponent = Int(number.exponentBitPattern)
        let significand = exponent == 0 ? number.significandBitPattern : number.significandBitPattern | 1 << 52
        // Subnormal numbers have the exponent of the smallest normal ones.
        let position = max(exponent, 1) - 1
        let wide = UInt128(significand) << UInt128(position & 31)
        let index = position >> 5
        let sign: Int64 = number.sign == .minus ? -1 : 1
        digits[index] += sign * Int64(wide & 0xFFFF_FFFF)
        digits[index + 1] += sign * Int64((wide >> 32) & 0xFFFF_FFFF)
        digits[index + 2] += sign * Int64(wide >> 64)
        pending += 1
        if pending == Self.mostPending { carry() }
    }

    /// Adds a product without rounding it, but for parts below 2⁻¹⁰⁷⁴.
    package mutating func add(_ a: Double, times b: Double) {
        let product = a * b
        add(product)
        if product.isFinite { add((-product).addingProduct(a, b)) }
    }

    /// Adds another sum.
    package mutating func add(_ other: ExactSum) {
        var other = other
        other.carry()
        carry()
        for index in digits.indices { digits[index] += other.digits[index] }
        pending = 1
        special += other.special
    }

    /// The sum, rounded to the nearest float64, ties to even.
    package var value: Double {
        guard special == 0 else { return special }
        var sum = self
        sum.carry()
        let isNegative = (sum.digits.last ?? 0) < 0
        if isNegative { sum.negate() }
        guard let top = sum.digits.lastIndex(where: { $0 != 0 }) else { return 0 }
        // Three digits hold at least 65 significant bits; that there is more below them is kept as one bit.
        func digit(_ index: Int) -> UInt128 { index < 0 ? 0 : UInt128(sum.digits[index]) }
        var bits = digit(top) << 64 | digit(top - 1) << 32 | digit(top - 2)
        if top > 2, sum.digits[..<(top - 2)].contains(where: { $0 != 0 }) { bits |= 1 }
        let shift = UInt128.bitWidth - bits.leadingZeroBitCount - 64
        let kept = UInt64(truncatingIfNeeded: bits >> UInt128(shift))
        let isRounded = bits & ((1 << UInt128(shift)) - 1) != 0
        let significand = Double(kept | (isRounded ? 1 : 0))
        let magnitude = Double(sign: .plus, exponent: shift + 32 * (top - 2) - 1074, significand: significand)
        return isNegative ? -magnitude : magnitude
    }

    /// The sum as two numbers, the second what the first lost: 106 bits of it.
    var pair: (high: Double, low: Double) {
        let high = value
        guard high.isFinite else { return (high, 0) }
        var rest = self
        rest.add(-high)
        return (high, rest.value)
    }

    /// Brings every digit but the last into 0..<2³².
    private mutating func carry() {
        for index in 0..<(Self.digitCount - 1) {
            let over = digits[index] >> 32
            digits[index] -= over << 32
            digits[index + 1] += over
        }
        pending = 0
    }

    private mutating func negate() {
        for index in digits.indices { digits[index] = -digits[index] }
        carry()
    }
}

extension ExactSum: Equatable {
    /// True for equal sums, whatever they were added up from.
    package static func == (a: ExactSum, b: ExactSum) -> Bool {
        var (a, b) = (a, b)
        a.carry()
        b.carry()
        return a.digits == b.digits && (a.special == b.special || a.special.isNaN && b.special.isNaN)
    }
}

/// Sum and sum of squares without rounding, from which a variance comes without cancellation.
struct ExactMoments: Sendable, Equatable {
    private(set) var count = 0
    private(set) var sum = ExactSum()
    private(set) var squares = ExactSum()
    private var (low, high) = (Double.infinity, -Double.infinity)

    mutating func add(_ number: Double) {
        count += 1
        sum.add(number)
        squares.add(number, times: number)
        (low, high) = (min(low, number), max(high, number))
    }

    mutating func merge(_ other: ExactMoments) {
        count += other.count
        sum.add(other.sum)
        squares.add(other.squares)
        (low, high) = (min(low, other.low), max(high, other.high))
    }

    /// Σ (x - mean)² = Σ x² - (Σ x)² / n, where a hundred bits of both terms are there to cancel.
    var squaredDeviations: Double {
        if low == high { return 0 }
        let (total, rest) = sum.pair
        let (square, squareRest) = squares.pair
        let n = Double(count)
        let product = total * total
        let productRest = (-product).addingProduct(total, total) + 2 * total * rest
        let mean = product / n
        let meanRest = (product.addingProduct(-mean, n) + productRest) / n
        return (square - mean) + (squareRest - meanRest)
    }
}
