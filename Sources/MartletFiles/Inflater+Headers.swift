extension Inflater {
    /// Reads a block's header and, for compressed blocks, its codes.
    mutating func readBlockHeader() -> Progress? {
        guard let header = takeBits(3) else { return .failed(.truncated) }
        isFinalBlock = header & 1 == 1
        switch header >> 1 {
        case 0: return readStoredLength()
        case 1: return readCodes { $0.fixedLengths($1) }
        case 2: return readCodes { $0.dynamicLengths($1) }
        default: return .failed(.blockType)
        }
    }

    private mutating func readStoredLength() -> Progress? {
        consume(bitCount & 7)
        guard let length = takeBits(16), let complement = takeBits(16) else { return .failed(.truncated) }
        guard length ^ complement == 0xFFFF else { return .failed(.storedLength) }
        position -= bitCount >> 3
        (bits, bitCount) = (0, 0)
        phase = .stored(remaining: length)
        return nil
    }

    private enum Lengths {
        case read(literals: Int, distances: Int)
        case failed(InflateFailure)
    }

    /// Builds both tables from the lengths that `read` puts one after the other.
    private mutating func readCodes(
        _ read: (inout Inflater, UnsafeMutableBufferPointer<UInt8>) -> Lengths
    ) -> Progress? {
        let result = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 320) { lengths -> InflateFailure? in
            lengths.initialize(repeating: 0)
            switch read(&self, lengths) {
            case .failed(let failure): return failure
            case .read(let literalCount, let distanceCount):
                let literalLengths = UnsafeBufferPointer(rebasing: lengths[0..<literalCount])
                let distanceLengths = UnsafeBufferPointer(
                    rebasing: lengths[literalCount..<literalCount + distanceCount])
                let isComplete =
                    literalLengths[256] > 0
                    && HuffmanTable.build(
                        literals, rootBits: HuffmanTable.literalRootBits, lengths: literalLengths,
                        symbols: HuffmanTable.literalSymbols)
                    && HuffmanTable.build(
                        distances, rootBits: HuffmanTable.distanceRootBits, lengths: distanceLengths,
                        symbols: HuffmanTable.distanceSymbols)
                return isComplete ? nil : .codeLengths
            }
        }
        if let result { return .failed(result) }
        phase = .codes
        return nil
    }

    private mutating func fixedLengths(_ lengths: UnsafeMutableBufferPointer<UInt8>) -> Lengths {
        for symbol in 0..<288 {
            lengths[symbol] = symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8
        }
        for symbol in 288..<320 { lengths[symbol] = 5 }
        return .read(literals: 288, distances: 32)
    }

    private mutating func dynamicLengths(_ lengths: UnsafeMutableBufferPointer<UInt8>) -> Lengths {
        guard let literalCount = takeBits(5), let distanceCount = takeBits(5), let codeCount = takeBits(4)
        else { return .failed(.truncated) }
        guard literalCount <= 29, distanceCount <= 29 else { return .failed(.codeLengths) }
        let total = literalCount + 257 + distanceCount + 1
        let failure = withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 128) { table -> InflateFailure? in
            if let failure = readCodeLengthCode(codeCount + 4, into: table) { return failure }
            return expandLengths(UnsafeMutableBufferPointer(rebasing: lengths[0..<total]), table: table)
        }
        if let failure { return .failed(failure) }
        return .read(literals: literalCount + 257, distances: distanceCount + 1)
    }

    /// Reads the code that the other codes' lengths are written in.
    private mutating func readCodeLengthCode(
        _ count: Int, into table: UnsafeMutableBufferPointer<UInt32>
    ) -> InflateFailure? {
        // The order in which RFC 1951 stores these lengths, so that rare ones can be left off the end.
        let order: [Int] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 19) { lengths in
            lengths.initialize(repeating: 0)
            for symbol in order.prefix(count) {
                guard let length = takeBits(3) else { return .truncated }
                lengths[symbol] = UInt8(length)
            }
            return HuffmanTable.build(
                table, rootBits: HuffmanTable.codeLengthRootBits, lengths: UnsafeBufferPointer(lengths),
                symbols: HuffmanTable.codeLengthSymbols) ? nil : .codeLengths
        }
    }

    /// Undoes the run-length coding of the lengths.
    private mutating func expandLengths(
        _ lengths: UnsafeMutableBufferPointer<UInt8>, table: UnsafeMutableBufferPointer<UInt32>
    ) -> InflateFailure? {
        var index = 0
        while index < lengths.count {
            refill()
            let entry = table[Int(bits & 127)]
            guard entry & HuffmanTable.literal != 0 else { return .codeLengths }
            guard Int(entry & 63) <= bitCount else { return .truncated }
            consume(Int(entry & 63))
            let symbol = Int(entry >> 16 & 0xFF)
            if symbol < 16 {
                lengths[index] = UInt8(symbol)
                index += 1
                continue
            }
            let (extraBits, shortest) = symbol == 16 ? (2, 3) : symbol == 17 ? (3, 3) : (7, 11)
            guard let extra = takeBits(extraBits) else { return .truncated }
            let run = shortest + extra
            guard run <= lengths.count - index, symbol != 16 || index > 0 else { return .codeLengths }
            let value = symbol == 16 ? lengths[index - 1] : 0
            for slot in index..<index + run { lengths[slot] = value }
            index += run
        }
        return nil
    }
}
