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
    private var free: [Int: [UnsafeMutableRawPointer]] = [:]
    private var cachedBytes = 0
    private var arenas: [(address: UnsafeMutableRawPointer, byteCount: Int)] = []
    private var live = 0
    private var peak = 0
    private var remainingAllocations = Int.max

    /// Bytes kept for reuse at most; beyond, memory goes back to the system.
    private let cacheBound = 1 << 30

    package init() {}

    /// Bytes in buffers and leased arenas now, and the most there ever were since the last reset.
    package var statistics: (live: Int, peak: Int) { lock.withLock { (live, peak) } }
    package func resetPeak() { lock.withLock { peak = live } }

    /// Makes the allocation after `count` more fail, for tests of what a failed step leaves behind; nil ends it.
    package func failAllocation(after count: Int?) { lock.withLock { remainingAllocations = count ?? Int.max } }

    package func buffer(byteCount: Int) throws -> Buffer {
        let size = MemoryPool.rounded(byteCount)
        return PooledBuffer(address: try take(size, asked: byteCount), byteCount: byteCount, capacity: size, pool: self)
    }

    /// A stretch for temporaries: the smallest kept one that fits, else a new one.
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
            peak = max(peak, live)
            guard let block = free[size]?.popLast() else { return nil }
            cachedBytes -= size
            return block
        }
        if let reused { return reused }
        var block: UnsafeMutableRawPointer?
        guard posix_memalign(&block, size >= 1 << 21 ? 4096 : 64, size) == 0, let block else {
            let held = lock.withLock { () -> Int in
                live -= size
                return live
            }
            throw MemoryError(requested: asked, live: held)
        }
        return block
    }

    fileprivate func give(_ block: UnsafeMutableRawPointer, _ size: Int) {
        let kept = lock.withLock { () -> Bool in
            live -= size
            guard cachedBytes + size <= cacheBound else { return false }
            free[size, default: []].append(block)
            cachedBytes += size
            return true
        }
        if !kept { Glibc.free(block) }
    }

    /// Sizes in steps of an eighth of the next power of two, so that neighbours share blocks.
    private static func rounded(_ byteCount: Int) -> Int {
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
