extension Inflater {
    /// Decodes codes while a whole iteration surely fits into what is left of input and output, so that nothing but
    /// the stream itself has to be checked.
    ///
    /// One load gives at least 56 bits: three literals of at most 11 bits, or a length (20) and a distance (28).
    mutating func decodeFast(
        into output: UnsafeMutableRawBufferPointer, count: inout Int
    ) -> Progress? {
        guard pendingMatch.length == 0, let outputBase = output.baseAddress, let inputBase = input.baseAddress,
            let literals = literals.baseAddress, let distances = distances.baseAddress
        else { return nil }
        let lastInput = input.count - Self.inputSlack
        let lastOutput = output.count - Self.slack
        let literalMask: UInt64 = 1 << UInt64(HuffmanTable.literalRootBits) - 1
        let distanceMask: UInt64 = 1 << UInt64(HuffmanTable.distanceRootBits) - 1
        // Locals, because the compiler must assume that the output aliases the struct.
        var (bits, bitCount, position, target) = (self.bits, UInt64(self.bitCount), self.position, count)
        var result: Progress?

        func load() {
            let word = inputBase.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            bits |= UInt64(littleEndian: word) &<< bitCount
            position &+= Int((63 &- bitCount) &>> 3)
            bitCount |= 56
        }
        func drop(_ entry: UInt32) {
            bits &>>= UInt64(entry & 63)
            bitCount &-= UInt64(entry & 63)
        }
        func emit(_ entry: UInt32) {
            drop(entry)
            outputBase.storeBytes(of: UInt8(truncatingIfNeeded: entry &>> 16), toByteOffset: target, as: UInt8.self)
            target &+= 1
        }
        func value(_ entry: UInt32) -> Int {
            let extra = (bits & (1 &<< UInt64(entry & 63) &- 1)) &>> UInt64(entry &>> 8 & 15)
            drop(entry)
            return Int(entry &>> 16) &+ Int(extra)
        }
        func descend(_ entry: UInt32, _ table: UnsafeMutablePointer<UInt32>) -> UInt32 {
            drop(entry)
            let index = bits & (1 &<< UInt64(entry &>> 8 & 15) &- 1)
            return table[Int(entry &>> 16) &+ Int(index)]
        }

        while position <= lastInput, target <= lastOutput {
            load()
            var entry = literals[Int(bits & literalMask)]
            if entry & HuffmanTable.literal != 0 {
                emit(entry)
                entry = literals[Int(bits & literalMask)]
                if entry & HuffmanTable.literal != 0 {
                    emit(entry)
                    entry = literals[Int(bits & literalMask)]
                    if entry & HuffmanTable.literal != 0 {
                        emit(entry)
                        continue
                    }
                }
                load()
            }
            if entry & HuffmanTable.exceptional != 0 {
                if entry & HuffmanTable.subtable != 0 { entry = descend(entry, literals) }
                if entry & HuffmanTable.literal != 0 {
                    emit(entry)
                    continue
                }
                if entry & HuffmanTable.exceptional != 0 {
                    if entry & HuffmanTable.endOfBlock != 0 {
                        drop(entry)
                        endBlock()
                    } else {
                        result = .failed(.code)
                    }
                    break
                }
            }
            let length = value(entry)
            var distanceEntry = distances[Int(bits & distanceMask)]
            if distanceEntry & HuffmanTable.subtable != 0 { distanceEntry = descend(distanceEntry, distances) }
            guard distanceEntry & HuffmanTable.exceptional == 0 else {
                result = .failed(.code)
                break
            }
            let distance = value(distanceEntry)
            guard distance <= target else {
                result = .failed(.distance)
                break
            }
            Self.copyMatch(outputBase + target, distance: distance, length: length)
            target &+= length
        }
        (self.bits, self.bitCount, self.position, count) = (bits, Int(bitCount), position, target)
        return result
    }

    /// Repeats what lies `distance` bytes back, in words; up to seven bytes behind the match are overwritten.
    @inline(__always)
    private static func copyMatch(_ target: UnsafeMutableRawPointer, distance: Int, length: Int) {
        if distance >= 8 {
            var offset = 0
            repeat {
                let word = target.loadUnaligned(fromByteOffset: offset &- distance, as: UInt64.self)
                target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
                offset &+= 8
            } while offset < length
        } else if distance == 1 {
            let byte = target.load(fromByteOffset: -1, as: UInt8.self)
            let word = UInt64(byte) &* 0x0101_0101_0101_0101
            var offset = 0
            repeat {
                target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
                offset &+= 8
            } while offset < length
        } else {
            for offset in 0..<length {
                let byte = target.load(fromByteOffset: offset &- distance, as: UInt8.self)
                target.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
            }
        }
    }
}
