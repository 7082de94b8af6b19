import MartletGraph

/// Plans by structure: hashed, then compared in full. Bounded by their bytes; the least recently used go first.
///
/// `@unchecked Sendable`: everything is touched under `lock`.
package final class PlanCache: @unchecked Sendable {
    package static let shared = PlanCache()

    package struct Counts: Sendable {
        package var made = 0
        package var hit = 0
        package var evicted = 0
    }

    private struct Entry {
        let words: [UInt64]
        let plan: Plan
        var lastUse: UInt64

        var byteCount: Int { words.count * MemoryLayout<UInt64>.stride + plan.byteCount }
    }

    private let lock = Lock()
    private var entries: [UInt64: [Entry]] = [:]
    private var byteCount = 0
    private var clock: UInt64 = 0
    private var tally = Counts()
    private let byteBound: Int

    package init(byteBound: Int = 64 << 20) { self.byteBound = byteBound }

    package var counts: Counts { lock.withLock { tally } }

    package func plan(for key: KeyWriter, make: () throws -> Plan) throws -> Plan {
        let hash = PlanCache.hash(key.words)
        let known: Plan? = lock.withLock {
            clock += 1
            guard let index = entries[hash]?.firstIndex(where: { $0.words == key.words }) else { return nil }
            entries[hash]?[index].lastUse = clock
            tally.hit += 1
            return entries[hash]?[index].plan
        }
        if let known { return known }
        let plan = try make()
        lock.withLock {
            tally.made += 1
            let entry = Entry(words: key.words, plan: plan, lastUse: clock)
            entries[hash, default: []].append(entry)
            byteCount += entry.byteCount
            if byteCount > byteBound { evict() }
        }
        return plan
    }

    /// Drops every plan.
    package func removeAll() {
        lock.withLock {
            entries = [:]
            byteCount = 0
        }
    }

    /// Drops the older half. Called under the lock.
    private func evict() {
        let uses = entries.values.flatMap { $0.map(\.lastUse) }.sorted()
        let limit = uses[uses.count / 2]
        for (hash, list) in entries {
            let kept = list.filter { $0.lastUse > limit }
            tally.evicted += list.count - kept.count
            byteCount -= list.filter { $0.lastUse <= limit }.reduce(0) { $0 + $1.byteCount }
            entries[hash] = kept.isEmpty ? nil : kept
        }
    }

    private static func hash(_ words: [UInt64]) -> UInt64 {
        var hash: UInt64 = 0x9E37_79B9_7F4A_7C15
        for word in words {
            let product = (hash ^ word).multipliedFullWidth(by: 0xA076_1D64_78BD_642F)
            hash = product.high ^ product.low
        }
        return hash
    }
}
