/// Compresses into the Deflate format (RFC 1951), simply: one block of the fixed codes and the nearest match that a hash
/// of four bytes finds; stored blocks where that would not help.
package enum Deflate {
    private static let window = 32768
    private static let shortestMatch = 4
    private static let longestMatch = 258

    /// Appends a compressed stream.
    package static func compress(_ bytes: UnsafeRawBufferPointer, appendingTo output: inout [UInt8]) {
        var writer = BitWriter()
        writer.bytes.reserveCapacity(bytes.count / 2 + 64)
        writeFixedBlock(bytes, to: &writer)
        let storedSize = bytes.count + 5 * (bytes.count / 65535 + 1)
        if writer.bytes.count <= storedSize {
            output.append(contentsOf: writer.bytes)
        } else {
            appendStored(bytes, to: &output)
        }
    }

    /// Appends blocks that hold the bytes as they are.
    private static func appendStored(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        var position = 0
        repeat {
            let length = min(65535, bytes.count - position)
            output.append(position + length == bytes.count ? 1 : 0)
            output.append(little: UInt16(length))
            output.append(little: ~UInt16(length))
            output.append(contentsOf: bytes[position..<position + length])
            position += length
        } while position < bytes.count
    }

    private static func writeFixedBlock(_ bytes: UnsafeRawBufferPointer, to writer: inout BitWriter) {
        let codes = FixedCodes.shared
        writer.append(0b011, count: 3)  // The final block, of type 1.
        // The last position of each hash; an older position that hashes alike is forgotten.
        var latest = [Int](repeating: -window, count: 1 << 15)
        var position = 0
        while position < bytes.count {
            let match = findMatch(bytes, position, &latest)
            if match.length >= shortestMatch {
                codes.writeLength(match.length, to: &writer)
                codes.writeDistance(match.distance, to: &writer)
                position += match.length
            } else {
                codes.writeLiteral(Int(bytes[position]), to: &writer)
                position += 1
            }
        }
        codes.writeLiteral(256, to: &writer)
        writer.finish()
    }

    private static func findMatch(
        _ bytes: UnsafeRawBufferPointer, _ position: Int, _ latest: inout [Int]
    ) -> (length: Int, distance: Int) {
        guard bytes.count - position >= shortestMatch else { return (0, 0) }
        let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)
        let slot = Int((word &* 0x9E37_79B1) &>> 17)
        let candidate = latest[slot]
        latest[slot] = position
        guard position - candidate <= window, candidate >= 0,
            bytes.loadUnaligned(fromByteOffset: candidate, as: UInt32.self) == word
        else { return (0, 0) }
        let longest = min(longestMatch, bytes.count - position)
        var length = shortestMatch
        while length < longest, bytes[candidate + length] == bytes[position + length] { length += 1 }
        return (length, position - candidate)
    }
}

/// Deflate's fixed codes (RFC 1951, section 3.2.6), with the bits of each code in the stream's order.
private struct FixedCodes {
    static let shared = FixedCodes()

    private var literals: [(code: UInt64, count: Int)] = []
    private var lengthSymbols: [Int] = []
    private let lengths = Array(HuffmanTable.literalSymbols[257..<286])
    private let distances = Array(HuffmanTable.distanceSymbols[0..<30])

    private init() {
        for symbol in 0..<288 {
            let (code, count) =
                symbol < 144
                ? (0x30 + symbol, 8)
                : symbol < 256
                    ? (0x190 + symbol - 144, 9) : symbol < 280 ? (symbol - 256, 7) : (0xC0 + symbol - 280, 8)
            literals.append((Self.reversed(UInt64(code), count), count))
        }
        for length in 0...258 {
            lengthSymbols.append(lengths.lastIndex { Int($0 >> 16) <= length } ?? 0)
        }
    }

    private static func reversed(_ code: UInt64, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | (code >> UInt64($1) & 1) << UInt64(count - 1 - $1) }
    }

    func writeLiteral(_ symbol: Int, to writer: inout BitWriter) {
        writer.append(literals[symbol].code, count: literals[symbol].count)
    }

    func writeLength(_ length: Int, to writer: inout BitWriter) {
        let symbol = lengthSymbols[length]
        let entry = lengths[symbol]
        writeLiteral(257 + symbol, to: &writer)
        writer.append(UInt64(length) - UInt64(entry >> 16), count: Int(entry & 63))
    }

    func writeDistance(_ distance: Int, to writer: inout BitWriter) {
        // Two codes for each power of two from 4 on: the code follows from the position of the highest bit.
        let zeroBased = distance - 1
        let highest = zeroBased < 2 ? 0 : Int.bitWidth - 1 - zeroBased.leadingZeroBitCount
        let symbol = zeroBased < 2 ? zeroBased : 2 * highest + (zeroBased >> (highest - 1) & 1)
        let entry = distances[symbol]
        writer.append(Self.reversed(UInt64(symbol), 5), count: 5)
        writer.append(UInt64(distance) - UInt64(entry >> 16), count: Int(entry & 63))
    }
}

/// Bits packed from the lowest of each byte on.
private struct BitWriter {
    var bytes: [UInt8] = []
    private var bits: UInt64 = 0
    private var count = 0

    mutating func append(_ value: UInt64, count added: Int) {
        bits |= value << UInt64(count)
        count += added
        while count >= 8 {
            bytes.append(UInt8(truncatingIfNeeded: bits))
            bits >>= 8
            count -= 8
        }
    }

    mutating func finish() {
        if count > 0 { append(0, count: 8 - count) }
    }
}
