/// What kernels made from a buffer's elements (weights in a layout of their own): kept with the buffer, valid for one
/// generation of it and of what else took part, found by what it is and never by an address.
final class DerivedBuffers {
    private var generation = 0
    /// The latest first; a buffer is nil where somebody asked once and nothing was made.
    private var made: [DerivedKey: [(basis: DerivedBasis, buffer: Buffer?)]] = [:]

    /// What one key is kept of: weights that two layers share meet two sets of statistics in turn.
    private static let basesAKey = 2

    /// One lock for all buffers: it is taken for a look-up, not while something is made.
    static let lock = Lock()

    /// What was made, if anything was, and whether somebody asked for it before.
    func find(_ key: DerivedKey, _ basis: DerivedBasis, _ generation: Int) -> (buffer: Buffer?, wasAsked: Bool) {
        guard self.generation == generation, let found = made[key]?.first(where: { $0.basis == basis }) else {
            return (nil, false)
        }
        return (found.buffer, true)
    }

    /// Takes the place of what was made from other sources longest ago.
    func store(_ buffer: Buffer?, _ key: DerivedKey, _ basis: DerivedBasis, _ generation: Int) {
        if self.generation != generation { made = [:] }
        self.generation = generation
        let others = (made[key] ?? []).filter { $0.basis != basis }
        made[key] = [(basis, buffer)] + others.prefix(Self.basesAKey - 1)
    }
}

/// What was made: a kernel's own name for it, the element of the source it begins at, and what was computed before it was packed
/// (0 for nothing).
package struct DerivedKey: Hashable, Sendable {
    let kind: UInt64
    let offset: Int
    let derivation: Int
    package init(kind: UInt64, offset: Int, derivation: Int = 0) {
        (self.kind, self.offset, self.derivation) = (kind, offset, derivation)
    }
}

/// What took part besides the buffer's own elements.
package struct DerivedBasis: Equatable, Sendable {
    /// Which buffer, and which elements of it.
    private struct Source: Equatable {
        let serial, generation, offset: Int
    }
    private let others: [Source]
    private let numbers: [Scalar]

    package static let none = DerivedBasis(others: [], numbers: [])

    package init(others: [Realized], numbers: [Scalar]) {
        self.others = DerivedBuffers.lock.withLock {
            others.map { Source(serial: $0.buffer.serial, generation: $0.buffer.generation, offset: $0.offset) }
        }
        self.numbers = numbers
    }
}

extension Buffer {
    /// What `make` gives for the elements as they are, made once for each generation.
    ///
    /// - Parameter atOnce: false where making it pays only if it is asked for again: the first time nil is given.
    package final func derived(
        _ key: DerivedKey, _ basis: DerivedBasis = .none, atOnce: Bool = true, make: () throws -> Buffer
    ) rethrows -> Buffer? {
        let known = DerivedBuffers.lock.withLock { derivations?.find(key, basis, generation) }
        if let buffer = known?.buffer { return buffer }
        let buffer = atOnce || known?.wasAsked ?? false ? try make() : nil
        DerivedBuffers.lock.withLock {
            let own = derivations ?? DerivedBuffers()
            derivations = own
            own.store(buffer, key, basis, generation)
        }
        return buffer
    }

    /// What was made for the elements as they are and kept, if it was.
    package final func kept(_ key: DerivedKey, _ basis: DerivedBasis) -> Buffer? {
        DerivedBuffers.lock.withLock { derivations?.find(key, basis, generation).buffer }
    }

    /// Keeps what was made from the elements as they are.
    package final func keep(_ buffer: Buffer, _ key: DerivedKey, _ basis: DerivedBasis) {
        DerivedBuffers.lock.withLock {
            let own = derivations ?? DerivedBuffers()
            derivations = own
            own.store(buffer, key, basis, generation)
        }
    }

    /// A plan is about to overwrite the elements, which it holds alone: what was made from them goes.
    package final func beginGeneration() {
        generation += 1
        if derivations != nil { DerivedBuffers.lock.withLock { derivations = nil } }
    }

    /// A number that no other buffer has or had. Under `DerivedBuffers.lock`.
    fileprivate final var serial: Int {
        if ownSerial == 0 {
            Buffer.lastSerial += 1
            ownSerial = Buffer.lastSerial
        }
        return ownSerial
    }

    /// Under `DerivedBuffers.lock`.
    nonisolated(unsafe) private static var lastSerial = 0
}
