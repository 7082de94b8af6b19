import CMartletKernels
import Synchronization

/// The pending nodes of one thread, in recorded order.
///
/// `@unchecked Sendable`: everything is touched under `lock` only. Another thread that needs a pending value takes the lock
/// and runs it here; no lock is held while waiting for a second one.
package final class Recording: @unchecked Sendable {
    package let lock = Lock()
    package internal(set) var nodes: [Node] = []
    /// Where an unread recording is cut when a bound is met: the end of the last `backward` or `step`.
    package internal(set) var mark = 0
    /// The transformation whose graph this is (`vmap`, `compile`): its nodes stand on placeholders and are never run.
    package let transformation: String?
    package var isTrace: Bool { transformation != nil }

    /// What floor 3 keeps from one flush to the next. Touched under the lock.
    package var scratch: AnyObject?

    package init(transformation: String? = nil) { self.transformation = transformation }

    /// The recording as a number, for comparisons.
    package var address: UInt { UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()) }

    /// A bound was met; asked about as soon as nothing defers it. Touched by its own thread only.
    package var isOverdue = false

    /// Nodes after which an unread recording is run.
    package static let nodeBound = 4096
    /// Bytes of made values that recorded operations read, counted once an operation, after which it is run: an unread sum over
    /// batches keeps every batch alive. Written by tests only.
    nonisolated(unsafe) package static var byteBound = 4 << 30
    /// Those bytes since the recording was last emptied or cut.
    package var readBytes = 0

    /// What floor 3 does when the bound is met: `Flush.atBound`.
    nonisolated(unsafe) package static var boundReached: (Recording) -> Void = { _ in }
    /// What floor 3 does when a thread needs a value that is pending on another one: `Flush.run`.
    nonisolated(unsafe) package static var makeAvailable: (Value) -> Void = { _ in }

    /// The recording that operations of this thread go to.
    package static var current: Recording {
        if let raw = mk_thread_slot_get() {
            return Unmanaged<ThreadSlot>.fromOpaque(raw).takeUnretainedValue().current
        }
        let slot = ThreadSlot()
        mk_thread_slot_set(Unmanaged.passRetained(slot).toOpaque()) { raw in
            if let raw { Unmanaged<ThreadSlot>.fromOpaque(raw).release() }
        }
        return slot.current
    }

    /// Runs `body` with operations of this thread going to `recording`.
    package static func with<Result>(_ recording: Recording, _ body: () throws -> Result) rethrows -> Result {
        _ = current
        guard let raw = mk_thread_slot_get() else { return try body() }
        let slot = Unmanaged<ThreadSlot>.fromOpaque(raw).takeUnretainedValue()
        let outer = slot.current
        slot.current = recording
        defer { slot.current = outer }
        return try body()
    }

    /// Adds a node. Called by `Node.record` only.
    package func append(_ node: Node) {
        lock.lock()
        node.join(self, at: nodes.count)
        nodes.append(node)
        if nodes.count % Recording.byteInterval == 0 { countReadBytes() }
        // Asked again now and then only, where nothing could be cut.
        let isAtBound = nodes.count >= Recording.nodeBound && nodes.count & 255 == 0 || readBytes > Recording.byteBound
        if isAtBound, !isTrace { isOverdue = true }
        let full = isOverdue
        lock.unlock()
        if full, Recording.deferrals == 0 { Recording.boundReached(self) }
    }

    /// Nodes between two looks at the bytes they read: a short recording is run before the first.
    private static let byteInterval = 64

    /// Adds what the newest nodes read. Called under the lock.
    private func countReadBytes() {
        for node in nodes.suffix(Recording.byteInterval) {
            for operand in node.operands where !operand.node.isPending { readBytes += operand.type.byteCount }
        }
    }

    /// Notes that a unit of work (a backward, a step) ended here.
    package func markEnd() {
        lock.withLock { mark = nodes.count }
    }

    /// Removes all nodes: every one ran. Called under the lock.
    package func removeAll() {
        nodes.removeAll(keepingCapacity: true)
        mark = 0
        readBytes = 0
    }

    /// Removes nodes that nobody refers to any more: what was recorded and thrown away costs later reads nothing. Called
    /// under the lock.
    package func removeUnreferenced() {
        var found = false
        // From the last to the first: a node that goes lets go of its operands.
        for index in nodes.indices.reversed() where isKnownUniquelyReferenced(&nodes[index]) {
            nodes[index].complete(first: nil, keepingHistory: false)
            found = true
        }
        if found { remove { !$0.isPending } }
    }

    /// Removes the nodes that ran, keeping the order of the others. Called under the lock.
    package func remove(_ ran: (Node) -> Bool) {
        var kept: [Node] = []
        var newMark = 0
        for (index, node) in nodes.enumerated() {
            if !ran(node) {
                node.position = kept.count
                kept.append(node)
            }
            if index + 1 == mark { newMark = kept.count }
        }
        nodes = kept
        mark = newMark
    }

    /// Recordings of threads that ended, of which somebody still held a node then.
    private static let left = Mutex<[Recording]>([])

    /// Lets go of what a thread recorded and nobody read: its recording and the nodes in it hold each other. What somebody holds stays,
    /// and goes when the next thread ends after it was let go.
    fileprivate static func leave(_ recording: Recording) {
        var recordings = left.withLock { left in
            defer { left = [] }
            return left
        }
        recordings.append(recording)
        let kept = recordings.filter { recording in
            recording.lock.withLock {
                recording.removeUnreferenced()
                return !recording.nodes.isEmpty
            }
        }
        left.withLock { $0 += kept }
    }

    /// While positive, bounds do not flush: library code is in the middle of recording something that holds plain `Value`s.
    package static var deferrals: Int { threadSlot.deferrals }

    /// Runs `body` without a flush at a bound in between.
    package static func uninterrupted<Result>(_ body: () throws -> Result) rethrows -> Result {
        let slot = threadSlot
        slot.deferrals += 1
        defer {
            slot.deferrals -= 1
            // What the body made is held by handles now.
            let recording = slot.current
            if slot.deferrals == 0, recording.isOverdue { Recording.boundReached(recording) }
        }
        return try body()
    }

    private static var threadSlot: ThreadSlot {
        _ = current
        guard let raw = mk_thread_slot_get() else { return ThreadSlot() }
        return Unmanaged<ThreadSlot>.fromOpaque(raw).takeUnretainedValue()
    }
}

/// What a thread owns: its recording, and the trace that stands in for it meanwhile.
private final class ThreadSlot {
    var current = Recording()
    var deferrals = 0

    deinit { Recording.leave(current) }
}
