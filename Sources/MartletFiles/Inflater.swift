/// The Deflate decoder's state: it stops when the output is full and goes on in a larger one.
///
/// The input must outlive the decoder.
struct Inflater: ~Copyable {
    enum Progress: Equatable {
        case outputFull, finished
        case failed(InflateFailure)
    }

    enum Phase: Equatable {
        case blockHeader, codes, finished
        case stored(remaining: Int)
    }

    /// Output bytes that an iteration of the fast loop may touch: two literals, a match and a word behind it.
    static let slack = 2 + 258 + 16
    /// Input bytes that an iteration of the fast loop may touch: two loads of a word.
    static let inputSlack = 16

    let input: UnsafeRawBufferPointer
    /// The next input byte; after the end, the first byte behind the stream.
    var position: Int
    /// Bits that are loaded but not consumed, the next one lowest. Bits above `bitCount` are zero or the stream's own.
    var bits: UInt64 = 0
    var bitCount = 0
    var phase = Phase.blockHeader
    var isFinalBlock = false
    /// The rest of a match that did not fit into the output.
    var pendingMatch = (length: 0, distance: 0)
    let literals: UnsafeMutableBufferPointer<UInt32>
    let distances: UnsafeMutableBufferPointer<UInt32>

    init(_ input: UnsafeRawBufferPointer, position: Int) {
        self.input = input
        self.position = position
        literals = .allocate(capacity: HuffmanTable.literalCapacity)
        distances = .allocate(capacity: HuffmanTable.distanceCapacity)
        literals.initialize(repeating: HuffmanTable.exceptional)
        distances.initialize(repeating: HuffmanTable.exceptional)
    }

    deinit {
        literals.deallocate()
        distances.deallocate()
    }

    /// Decodes until the stream ends, breaks or fills the output.
    ///
    /// - Parameters:
    ///   - output: all bytes of the stream so far, and room for more from offset `count` on.
    ///   - count: the number of bytes so far.
    mutating func run(into output: UnsafeMutableRawBufferPointer, count: inout Int) -> Progress {
        while true {
            var stop: Progress?
            switch phase {
            case .blockHeader: stop = readBlockHeader()
            case .stored(let remaining): stop = copyStored(remaining, into: output, count: &count)
            case .codes:
                stop = decodeFast(into: output, count: &count)
                if stop == nil, phase == .codes {
                    stop = decodeSlowly(into: output, count: &count)
                }
            case .finished:
                position -= bitCount >> 3
                (bits, bitCount) = (0, 0)
                return .finished
            }
            if let stop { return stop }
        }
    }

    mutating func endBlock() { phase = isFinalBlock ? .finished : .blockHeader }

    /// Loads whole bytes, as many as there are and as fit.
    mutating func refill() {
        while bitCount <= 56, position < input.count {
            bits |= UInt64(input[position]) &<< UInt64(bitCount)
            bitCount += 8
            position += 1
        }
    }

    mutating func consume(_ count: Int) {
        bits &>>= UInt64(count)
        bitCount -= count
    }

    /// The next `count` bits as a number, at most 32; nil at the end of the input.
    mutating func takeBits(_ count: Int) -> Int? {
        if bitCount < count { refill() }
        guard bitCount >= count else { return nil }
        defer { consume(count) }
        return Int(bits & (1 &<< UInt64(count) &- 1))
    }

    private mutating func copyStored(
        _ remaining: Int, into output: UnsafeMutableRawBufferPointer, count: inout Int
    ) -> Progress? {
        let length = min(remaining, output.count - count, input.count - position)
        output[count..<count + length].copyBytes(from: input[position..<position + length])
        count += length
        position += length
        if length == remaining {
            endBlock()
            return nil
        }
        phase = .stored(remaining: remaining - length)
        return position == input.count ? .failed(.truncated) : .outputFull
    }
}
