/// CRC-32 of gzip, zip and PNG: polynomial 0x04C11DB7 reflected, start and end inverted (ISO 3309).
package struct CRC32: Sendable {
    private var state: UInt32 = 0xFFFF_FFFF

    package init() {}

    /// The checksum of what was fed so far.
    package var value: UInt32 { ~state }

    // Slicing by 8: table k holds the effect of a byte followed by k zero bytes, so eight bytes cost eight look-ups
    // that do not wait for each other.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var remainder = UInt32(byte)
            for _ in 0..<8 { remainder = remainder & 1 == 1 ? 0xEDB8_8320 ^ (remainder >> 1) : remainder >> 1 }
            tables[byte] = remainder
        }
        for index in 256..<8 * 256 {
            let previous = tables[index - 256]
            tables[index] = tables[Int(previous & 0xFF)] ^ (previous >> 8)
        }
        return tables
    }()

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        state = Self.tables.withUnsafeBufferPointer { tables in
            guard let table = tables.baseAddress else { return state }
            var crc = state
            var position = 0
            while bytes.count &- position >= 8 {
                let word = UInt64(littleEndian: start.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                let mixed = word ^ UInt64(crc)
                let low = table[0x700 | Int(mixed & 0xFF)] ^ table[0x600 | Int(mixed >> 8 & 0xFF)]
                let middle = table[0x500 | Int(mixed >> 16 & 0xFF)] ^ table[0x400 | Int(mixed >> 24 & 0xFF)]
                let upper = table[0x300 | Int(mixed >> 32 & 0xFF)] ^ table[0x200 | Int(mixed >> 40 & 0xFF)]
                let high = table[0x100 | Int(mixed >> 48 & 0xFF)] ^ table[Int(mixed >> 56)]
                crc = low ^ middle ^ upper ^ high
                position &+= 8
            }
            while position < bytes.count {
                let byte = UInt32(start.load(fromByteOffset: position, as: UInt8.self))
                crc = table[Int((crc ^ byte) & 0xFF)] ^ (crc >> 8)
                position &+= 1
            }
            return crc
        }
    }

    /// The checksum of one run of bytes.
    package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = CRC32()
        checksum.update(bytes)
        return checksum.value
    }
}

/// Adler-32 of zlib streams (RFC 1950): two sums modulo 65521.
package struct Adler32: Sendable {
    private var low: UInt32 = 1
    private var high: UInt32 = 0

    package init() {}

    /// The checksum of what was fed so far.
    package var value: UInt32 { high << 16 | low }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var (sum, sumOfSums) = (low, high)
        var position = 0
        while position < bytes.count {
            // 5552 is the longest run after which the second sum still fits into 32 bits.
            let end = min(position &+ 5552, bytes.count)
            while position < end {
                sum &+= UInt32(bytes[position])
                sumOfSums &+= sum
                position &+= 1
            }
            sum %= 65521
            sumOfSums %= 65521
        }
        (low, high) = (sum, sumOfSums)
    }

    /// The checksum of one run of bytes.
    package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = Adler32()
        checksum.update(bytes)
        return checksum.value
    }
}
