extension Inflater {
    /// Decodes codes one by one with every check: near the ends of input and output, where the fast loop may not go.
    mutating func decodeSlowly(
        into output: UnsafeMutableRawBufferPointer, count: inout Int
    ) -> Progress? {
        while true {
            copyPendingMatch(into: output, count: &count)
            if pendingMatch.length > 0 { return .outputFull }
            // With room again on both sides the fast loop takes over.
            if input.count - position >= 2 * Self.inputSlack, output.count - count >= 2 * Self.slack { return nil }
            refill()
            guard let entry = entry(in: literals, rootBits: HuffmanTable.literalRootBits) else {
                return .failed(.truncated)
            }
            if entry & HuffmanTable.literal != 0 {
                guard count < output.count else { return .outputFull }
                consume(Int(entry & 63))
                output[count] = UInt8(truncatingIfNeeded: entry >> 16)
                count += 1
            } else if entry & HuffmanTable.exceptional != 0 {
                guard entry & HuffmanTable.endOfBlock != 0 else { return .failed(.code) }
                consume(Int(entry & 63))
                endBlock()
                return nil
            } else {
                let length = takeValue(entry)
                refill()
                guard let distanceEntry = self.entry(in: distances, rootBits: HuffmanTable.distanceRootBits) else {
                    return .failed(.truncated)
                }
                guard distanceEntry & HuffmanTable.exceptional == 0 else { return .failed(.code) }
                let distance = takeValue(distanceEntry)
                guard distance <= count else { return .failed(.distance) }
                pendingMatch = (length, distance)
            }
        }
    }

    /// The entry of the next code, its subtable's prefix consumed into the entry's own count; nil if bits are missing.
    private func entry(in table: UnsafeMutableBufferPointer<UInt32>, rootBits: Int) -> UInt32? {
        var entry = table[Int(bits & (1 &<< UInt64(rootBits) &- 1))]
        if entry & HuffmanTable.subtable != 0 {
            let index = bits &>> UInt64(rootBits) & (1 &<< UInt64(entry >> 8 & 15) &- 1)
            // The prefix's bits join both of the entry's counts: they are consumed together with the rest.
            entry = table[Int(entry >> 16 & 0x7FFF) + Int(index)]
            if entry & HuffmanTable.exceptional == 0 || entry & HuffmanTable.endOfBlock != 0 {
                entry &+= UInt32(rootBits) | UInt32(rootBits) << 8
            }
        }
        if entry & HuffmanTable.exceptional != 0, entry & HuffmanTable.endOfBlock == 0 {
            return bitCount >= 15 ? entry : nil
        }
        return Int(entry & 63) <= bitCount ? entry : nil
    }

    /// Consumes a length's or distance's code with its extra bits and gives its value.
    private mutating func takeValue(_ entry: UInt32) -> Int {
        let all = bits & (1 &<< UInt64(entry & 63) &- 1)
        consume(Int(entry & 63))
        return Int(entry >> 16 & 0x7FFF) + Int(all &>> UInt64(entry >> 8 & 15))
    }

    private mutating func copyPendingMatch(into output: UnsafeMutableRawBufferPointer, count: inout Int) {
        let length = min(pendingMatch.length, output.count - count)
        for _ in 0..<length {
            output[count] = output[count - pendingMatch.distance]
            count += 1
        }
        pendingMatch.length -= length
    }
}
