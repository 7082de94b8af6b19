/// Look-up tables for the prefix codes of Deflate (RFC 1951, section 3.2).
///
/// A table is indexed by the next `rootBits` bits of the stream; codes that are longer lead to a subtable behind it.
/// An entry of 32 bits holds, from the lowest bit:
///
/// | bits | meaning |
/// |---|---|
/// | 0 to 5 | bits to consume: the code and its extra bits |
/// | 8 to 11 | bits of the code alone; in a pointer to a subtable, that subtable's index bits |
/// | 13 | pointer to a subtable |
/// | 14 | end of the block |
/// | 15 | neither literal nor length: one of the two above, or no code at all |
/// | 16 to 30 | literal, base of a length or distance, or the subtable's offset |
/// | 31 | literal |
enum HuffmanTable {
    static let literal: UInt32 = 1 << 31
    static let exceptional: UInt32 = 1 << 15
    static let endOfBlock: UInt32 = 1 << 14
    static let subtable: UInt32 = 1 << 13

    static let literalRootBits = 11
    static let distanceRootBits = 8
    static let codeLengthRootBits = 7
    /// Entries that any complete code needs with these root bits: zlib's program `enough` counts 2342 and 402.
    static let literalCapacity = 2342
    static let distanceCapacity = 402

    /// What each literal or length symbol means, as an entry without its code's length.
    static let literalSymbols: [UInt32] = {
        var entries = (0..<256).map { literal | UInt32($0) << 16 }
        entries.append(exceptional | endOfBlock)
        entries += basesAndExtras(first: 3, codes: 28, codesPerDoubling: 4)
        // Symbol 285 stands for 258 without extra bits, although 284 could reach it.
        entries.append(258 << 16)
        return entries + [exceptional, exceptional]
    }()

    /// What each distance symbol means.
    static let distanceSymbols: [UInt32] =
        basesAndExtras(first: 1, codes: 30, codesPerDoubling: 2) + [exceptional, exceptional]

    /// The symbols of the code that encodes the other codes' lengths.
    static let codeLengthSymbols: [UInt32] = (0..<19).map { literal | UInt32($0) << 16 }

    // After the first two groups each group of codes has one extra bit more than the group before.
    private static func basesAndExtras(first: UInt32, codes: Int, codesPerDoubling: Int) -> [UInt32] {
        var base = first
        return (0..<codes).map { code in
            let extra = UInt32(max(0, code / codesPerDoubling - 1))
            defer { base += 1 << extra }
            return base << 16 | extra
        }
    }

    /// Fills a table from the lengths of a canonical code.
    ///
    /// - Returns: false if more codes are given than fit, or if codes are missing, other than in the two cases that
    ///   encoders write: no code at all, and a single code of one bit.
    static func build(
        _ table: UnsafeMutableBufferPointer<UInt32>, rootBits: Int, lengths: UnsafeBufferPointer<UInt8>,
        symbols: [UInt32]
    ) -> Bool {
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 32) { scratch in
            withUnsafeTemporaryAllocation(of: UInt16.self, capacity: lengths.count) { sorted in
                scratch.initialize(repeating: 0)
                let counts = UnsafeMutableBufferPointer(rebasing: scratch[0..<16])
                let starts = UnsafeMutableBufferPointer(rebasing: scratch[16..<32])
                for length in lengths { counts[Int(length)] += 1 }
                counts[0] = 0
                guard isAllowed(counts) else { return false }
                for length in 1..<15 { starts[length + 1] = starts[length] + counts[length] }
                for symbol in 0..<lengths.count where lengths[symbol] > 0 {
                    sorted[starts[Int(lengths[symbol])]] = UInt16(symbol)
                    starts[Int(lengths[symbol])] += 1
                }
                return symbols.withUnsafeBufferPointer {
                    fill(table, rootBits: rootBits, counts: counts, sorted: UnsafeBufferPointer(sorted), symbols: $0)
                }
            }
        }
    }

    private static func isAllowed(_ counts: UnsafeMutableBufferPointer<Int>) -> Bool {
        var free = 1
        for length in 1...15 {
            free = free * 2 - counts[length]
            if free < 0 { return false }
        }
        return free == 0 || (2...15).allSatisfy { counts[$0] == 0 }
    }

    private static func fill(
        _ table: UnsafeMutableBufferPointer<UInt32>, rootBits: Int, counts: UnsafeMutableBufferPointer<Int>,
        sorted: UnsafeBufferPointer<UInt16>, symbols: UnsafeBufferPointer<UInt32>
    ) -> Bool {
        let rootSize = 1 << rootBits
        for index in 0..<rootSize { table[index] = exceptional }
        var (next, subtableStart, subtableBits, prefix) = (rootSize, 0, 0, -1)
        var (code, index) = (0, 0)  // The code has its first bit lowest, as the stream has it.
        for length in 1...15 {
            while counts[length] > 0 {
                let symbol = symbols[Int(sorted[index])]
                if length <= rootBits {
                    let entry = symbol &+ UInt32(length) | UInt32(length) << 8
                    for slot in stride(from: code, to: rootSize, by: 1 << length) { table[slot] = entry }
                } else {
                    if code & (rootSize - 1) != prefix {
                        prefix = code & (rootSize - 1)
                        subtableBits = indexBits(first: length, rootBits: rootBits, counts: counts)
                        subtableStart = next
                        next += 1 << subtableBits
                        guard next <= table.count else { return false }
                        table[prefix] =
                            exceptional | subtable | UInt32(rootBits) | UInt32(subtableBits) << 8
                            | UInt32(subtableStart) << 16
                    }
                    let rest = length - rootBits
                    let entry = symbol &+ UInt32(rest) | UInt32(rest) << 8
                    for slot in stride(from: code >> rootBits, to: 1 << subtableBits, by: 1 << rest) {
                        table[subtableStart + slot] = entry
                    }
                }
                counts[length] -= 1
                index += 1
                code = successor(code, length: length)
            }
        }
        return true
    }

    /// Bits that index a subtable whose shortest code has `first` bits: enough for all codes that share its prefix.
    private static func indexBits(first: Int, rootBits: Int, counts: UnsafeMutableBufferPointer<Int>) -> Int {
        var bits = first - rootBits
        var free = 1 << bits
        while rootBits + bits < 15 {
            free -= counts[rootBits + bits]
            if free <= 0 { break }
            bits += 1
            free <<= 1
        }
        return bits
    }

    /// The next code in the canonical order, written with its first bit lowest: adds one at the far end.
    private static func successor(_ code: Int, length: Int) -> Int {
        var bit = 1 << (length - 1)
        while code & bit != 0 { bit >>= 1 }
        return bit == 0 ? 0 : code & (bit - 1) | bit
    }
}
