import MartletGraph
import MartletRuntime
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Host memory, kept for the next one who asks: a fresh page costs more than the kernel that fills it.
///
/// `@unchecked Sendable`: the lists are touched under `lock` only.
package final class MemoryPool: @unchecked Sendable {
    private let lock = Lock()
    private var free = FreeBlocks()
    private var cachedBytes = 0
    private var live = 0
    private var peak = 0
    /// The most there ever were: `peak` that nobody resets.
    private var most = 0
    private var remainingAllocations = Int.max

    /// Bytes in use and kept for reuse together are at most this, or an eighth more than were ever in use: the pool holds
    /// little more than the work needed, and at the work's peak still has what a kernel asks for a moment.
    private var bound: Int { max(1 << 30, most + most / 8) }

    package init() {}

    /// Bytes in buffers and leased arenas now, the most there ever were since the last reset, and bytes kept for reuse.
    package var statistics: (live: Int, peak: Int, cached: Int) { lock.withLock { (live, peak, cachedBytes) } }
    package func resetPeak() { lock.withLock { peak = live } }

    /// Makes the allocation after `count` more fail, for tests of what a failed step leaves behind; nil ends it.
    package func failAllocation(after count: Int?) { lock.withLock { remainingAllocations = count ?? Int.max } }

    package func buffer(byteCount: Int) throws -> Buffer {
        let size = MemoryPool.rounded(byteCount)
        return PooledBuffer(address: try take(size, asked: byteCount), byteCount: byteCount, capacity: size, pool: self)
    }

    /// A stretch for temporaries.
    package func arena(byteCount: Int) throws -> ArenaLease {
        let size = MemoryPool.rounded(byteCount)
        let block = try take(size, asked: byteCount)
        return ArenaLease(address: block) { [self] in give(block, size) }
    }

    private func take(_ size: Int, asked: Int) throws -> UnsafeMutableRawPointer {
        let reused: UnsafeMutableRawPointer? = try lock.withLock { () throws -> UnsafeMutableRawPointer? in
            if remainingAllocations != Int.max {
                if remainingAllocations <= 0 { throw MemoryError(requested: asked, live: live) }
                remainingAllocations -= 1
            }
            live += size
            if let block = free.pop(size) {
                cachedBytes -= size
                notePeak()
                return block
            }
            trim()
            return nil
        }
        if let reused { return reused }
        var block = MemoryPool.fresh(size)
        if block == nil {
            // What is kept for others may be what is missing.
            lock.withLock { releaseCached(to: 0) }
            block = MemoryPool.fresh(size)
        }
        if let block {
            lock.withLock { notePeak() }
            return block
        }
        let held = lock.withLock { () -> Int in
            live -= size
            return live
        }
        throw MemoryError(requested: asked, live: held)
    }

    /// A block from the system; large ones in large pages, of which a step touches a five-hundredth of the number.
    private static func fresh(_ size: Int) -> UnsafeMutableRawPointer? {
        var block: UnsafeMutableRawPointer?
        let isLarge = size >= hugePage
        guard posix_memalign(&block, isLarge ? hugePage : 64, size) == 0, let block else { return nil }
        #if os(Linux)
            if isLarge { madvise(block, size, MADV_HUGEPAGE) }
        #endif
        return block
    }

    private static let hugePage = 1 << 21

    /// Called under the lock, once a block is had: a request that failed was never in use.
    private func notePeak() {
        peak = max(peak, live)
        most = max(most, live)
    }

    /// Lets go of kept blocks until the bound holds. Called under the lock.
    private func trim() { releaseCached(to: max(0, bound - live)) }

    /// Largest blocks first. Called under the lock.
    private func releaseCached(to bound: Int) {
        while cachedBytes > bound, let (block, size) = free.popLargest() {
            Glibc.free(block)
            cachedBytes -= size
        }
    }

    fileprivate func give(_ block: UnsafeMutableRawPointer, _ size: Int) {
        let kept = lock.withLock { () -> Bool in
            live -= size
            guard live + cachedBytes + size <= bound else { return false }
            free.push(block, size)
            cachedBytes += size
            return true
        }
        if !kept { Glibc.free(block) }
    }

    /// Sizes in steps of an eighth of the next power of two, so that neighbours share blocks.
    package static func rounded(_ byteCount: Int) -> Int {
        if byteCount <= 512 { return max(64, (byteCount + 63) & ~63) }
        let step = 1 << (Int.bitWidth - (byteCount - 1).leadingZeroBitCount - 4)
        return (byteCount + step - 1) & ~(step - 1)
    }
}

/// There was no memory for a result.
package struct MemoryError: Error, CustomStringConvertible {
    package let requested: Int
    package let live: Int
    package var description: String { "out of memory: \(requested) bytes were asked for while \(live) are in use" }
}

/// A block of the pool, given back when nobody holds it any more.
private final class PooledBuffer: Buffer, @unchecked Sendable {
    private let capacity: Int
    private let pool: MemoryPool

    init(address: UnsafeMutableRawPointer, byteCount: Int, capacity: Int, pool: MemoryPool) {
        self.capacity = capacity
        self.pool = pool
        super.init(address: address, byteCount: byteCount)
    }

    deinit { pool.give(address, capacity) }
}

/// Memory that the user lends: `release` is called when nobody refers to it any more.
package final class BorrowedBuffer: Buffer, @unchecked Sendable {
    private let release: () -> Void

    package init(address: UnsafeMutableRawPointer, byteCount: Int, release: @escaping () -> Void) {
        self.release = release
        super.init(address: address, byteCount: byteCount, isBorrowed: true)
    }

    deinit { release() }
}
