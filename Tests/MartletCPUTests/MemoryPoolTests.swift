import MartletCPU
import Testing

@Suite("The memory pool")
struct MemoryPoolTests {
    @Test("A block that is given back serves the next who asks for its size")
    func reuse() throws {
        let pool = MemoryPool()
        let first = try pool.buffer(byteCount: 5000).address
        #expect(try pool.buffer(byteCount: 4990).address == first)
    }

    @Test("Every size finds a block of its own size again")
    func sizes() throws {
        let pool = MemoryPool()
        let byteCounts = (0..<18).flatMap { octave in (0..<16).map { ((16 + $0) << octave) + 1 } }
        var addresses: [Int: Set<UInt>] = [:]
        do {
            let buffers = try byteCounts.map { try pool.buffer(byteCount: $0) }
            for (byteCount, buffer) in zip(byteCounts, buffers) {
                addresses[MemoryPool.rounded(byteCount), default: []].insert(UInt(bitPattern: buffer.address))
            }
        }
        #expect(pool.statistics.live == 0)
        #expect(pool.statistics.cached == byteCounts.reduce(0) { $0 + MemoryPool.rounded($1) })
        let again = try byteCounts.map { try pool.buffer(byteCount: $0) }
        #expect(pool.statistics.cached == 0)
        for (byteCount, buffer) in zip(byteCounts, again) {
            let known = addresses[MemoryPool.rounded(byteCount)] ?? []
            #expect(known.contains(UInt(bitPattern: buffer.address)), "\(byteCount) bytes")
        }
    }

    @Test("A request that fails leaves no trace: neither in the peak nor in what may be kept")
    func failedRequest() {
        let pool = MemoryPool()
        #expect(throws: MemoryError.self) { try pool.buffer(byteCount: 1 << 50) }
        #expect(pool.statistics.peak == 0)
        #expect(pool.statistics.live == 0)
    }

    @Test("Blocks larger than the bound are kept too, as long as no more is held than was once in use")
    func largeBlocks() throws {
        let pool = MemoryPool()
        // Untouched memory costs nothing: these are addresses only.
        var arena: ArenaAddress? = try ArenaAddress(pool, byteCount: 3 << 30)
        let address = arena?.address
        arena = nil
        #expect(try ArenaAddress(pool, byteCount: 3 << 30).address == address)
        // Something else of that size takes its place.
        let other = try ArenaAddress(pool, byteCount: 3 << 30 + 1 << 29)
        #expect(pool.statistics.cached <= 1 << 30)
        withExtendedLifetime(other) {}
    }
}

/// An arena's lease and where it is.
private struct ArenaAddress {
    let address: UnsafeMutableRawPointer
    private let lease: AnyObject

    init(_ pool: MemoryPool, byteCount: Int) throws {
        let lease = try pool.arena(byteCount: byteCount)
        (address, self.lease) = (lease.address, lease)
    }
}
