/// Blocks that nobody uses, by size: each names the next one of its size in its first word.
struct FreeBlocks {
    /// For each class of sizes the block given back last.
    private var first: [UnsafeMutableRawPointer?]

    /// Sizes up to 512 are multiples of 64; above, eight to a power of two.
    private static let smallClasses = 8

    init() {
        first = Array(repeating: nil, count: FreeBlocks.index(of: MemoryPool.rounded(1 << 48)) + 1)
    }

    /// The class of a size that `MemoryPool.rounded` gave.
    private static func index(of size: Int) -> Int {
        if size <= 512 { return size / 64 - 1 }
        // 2^(b-1) < size ≤ 2^b, in steps of 2^(b-4)
        let bits = Int.bitWidth - (size - 1).leadingZeroBitCount
        return smallClasses + (bits - 10) * 8 + (size - 1 << (bits - 1)) >> (bits - 4) - 1
    }

    /// The size of a class.
    private static func size(at index: Int) -> Int {
        if index < smallClasses { return (index + 1) * 64 }
        let (octave, step) = (index - smallClasses).quotientAndRemainder(dividingBy: 8)
        return 1 << (octave + 9) + (step + 1) << (octave + 6)
    }

    mutating func push(_ block: UnsafeMutableRawPointer, _ size: Int) {
        let index = FreeBlocks.index(of: size)
        block.storeBytes(of: first[index], as: UnsafeMutableRawPointer?.self)
        first[index] = block
    }

    mutating func pop(_ size: Int) -> UnsafeMutableRawPointer? {
        let index = FreeBlocks.index(of: size)
        guard index < first.count, let block = first[index] else { return nil }
        first[index] = block.load(as: UnsafeMutableRawPointer?.self)
        return block
    }

    mutating func popLargest() -> (block: UnsafeMutableRawPointer, size: Int)? {
        guard let index = first.lastIndex(where: { $0 != nil }) else { return nil }
        let size = FreeBlocks.size(at: index)
        return pop(size).map { ($0, size) }
    }
}
