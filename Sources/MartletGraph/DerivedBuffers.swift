/// What kernels made from a buffer's elements (weights in a layout of their own): kept with the buffer, valid for one
/// generation of it, found by what it is and never by an address.
final class DerivedBuffers {
    private var generation = 0
    private var made: [DerivedKey: Buffer] = [:]

    /// One lock for all buffers: it is taken for a look-up, not while something is made.
    static let lock = Lock()

    func find(_ key: DerivedKey, _ generation: Int) -> Buffer? { self.generation == generation ? made[key] : nil }

    func store(_ buffer: Buffer, _ key: DerivedKey, _ generation: Int) {
        if self.generation != generation { made = [:] }
        self.generation = generation
        made[key] = buffer
    }
}

/// What was made: a kernel's own name for it, and the element of the source it begins at.
package struct DerivedKey: Hashable, Sendable {
    let kind: UInt64
    let offset: Int
    package init(kind: UInt64, offset: Int) { (self.kind, self.offset) = (kind, offset) }
}

extension Buffer {
    /// What `make` gives for the elements as they are, made once for each generation.
    package final func derived(_ key: DerivedKey, make: () throws -> Buffer) rethrows -> Buffer {
        let known = DerivedBuffers.lock.withLock { derivations?.find(key, generation) }
        if let known { return known }
        let buffer = try make()
        DerivedBuffers.lock.withLock {
            let own = derivations ?? DerivedBuffers()
            derivations = own
            own.store(buffer, key, generation)
        }
        return buffer
    }

    /// A plan is about to overwrite the elements, which it holds alone: what was made from them goes.
    package final func beginGeneration() {
        generation += 1
        if derivations != nil { DerivedBuffers.lock.withLock { derivations = nil } }
    }
}
