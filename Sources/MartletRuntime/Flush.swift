import MartletGraph

/// Runs pending nodes: finds what belongs together, looks its plan up, runs it, and stores what somebody holds.
package enum Flush {
    /// Installs the hooks that floor 2 calls. Idempotent.
    package static func install() {
        _ = PlanLog.shared
        if PlanSettings.watchesLayers { Origin.isWatched = true }
        Recording.boundReached = { Flush.atBound($0) }
        Recording.makeAvailable = { value in _ = try? Flush.run(value) }
    }

    /// Makes `value` exist, with the connected component of pending nodes it belongs to.
    ///
    /// - Returns: when it is there, on a device that computes beside the caller.
    @discardableResult
    package static func run(_ value: Value) throws -> Completion {
        let node = value.node
        var completion = Completion.done
        while true {
            switch node.state {
            case .failed: throw node.failure ?? FlushError.lost(node.primitive.family.name)
            case .ready, .released:
                if !node.isMade(value.index) { try recompute(value) }
                return completion
            case .pending:
                guard let recording = node.recording else { throw FlushError.escaped(node.primitive.family.name) }
                if let transformation = recording.transformation {
                    // A trace that has served: its nodes are nowhere at home.
                    guard node.home == recording.address else { throw FlushError.escaped(node.primitive.family.name) }
                    try readInside(transformation, node, recording)
                    return completion
                }
                try recording.lock.withLock { () throws in
                    guard node.isPending else { return }
                    let component = Component.of(recording)
                    try component.run(connectedTo: node, in: recording)
                    completion = component.completion
                }
            }
        }
    }

    /// Runs every component of a thread's recording: the end of `optimizer.step()`.
    package static func all(_ recording: Recording = .current) throws {
        guard !recording.isTrace else { return }
        try recording.lock.withLock { () throws in
            if !recording.nodes.isEmpty { try Component.of(recording).runAll(recording) }
        }
    }

    /// A recording that nobody reads has grown to its bound: it is cut at the last mark, or at a repetition.
    static func atBound(_ recording: Recording) {
        do {
            try recording.lock.withLock { () throws in
                recording.isOverdue = false
                recording.removeUnreferenced()
                // What was recorded after the last held value belongs to an operation under way, whose parts nobody holds.
                let settled = recording.nodes.lastIndex { node in (0..<node.resultCount).contains { node.isHeld($0) } }
                let isLarge = recording.readBytes > Recording.byteBound
                recording.readBytes = 0
                guard let settled, recording.nodes.count >= Recording.nodeBound || isLarge else { return }
                let cut =
                    recording.mark > 0
                    ? min(recording.mark, settled + 1) : Repetition.cut(recording.nodes, limit: settled + 1)
                try Component.of(recording).run(prefix: cut, of: recording)
            }
        } catch {
            // The nodes are marked failed; whoever reads one gets the error.
        }
    }

    /// A value whose memory was given up but whose history is kept: its operations run again.
    private static func recompute(_ value: Value) throws {
        let recording = Recording()
        try recording.lock.withLock { () throws in
            try Component.of(recording).run(recomputing: value)
        }
        if !value.node.isMade(value.index) { throw FlushError.lost(value.node.primitive.family.name) }
    }

    /// A read inside a traced function: fine for what stands on no placeholder.
    private static func readInside(_ transformation: String, _ node: Node, _ trace: Recording) throws {
        let behind = Trace.nodes(behind: [node.result(0)], in: trace)
        if behind.contains(where: { $0.primitive == .placeholder }) {
            throw FlushError.placeholderRead(transformation)
        }
        try trace.lock.withLock { () throws in
            try Component.of(trace).run(behind, target: node, in: trace)
        }
    }
}

/// Why a value cannot be had.
package enum FlushError: Error, CustomStringConvertible {
    case lost(String)
    case escaped(String)
    case placeholderRead(String)
    case noBackend(Device)
    case severalDevices([Device])

    package var description: String {
        switch self {
        case .lost(let name): "the result of \(name) was released together with its history"
        case .escaped(let name):
            "the result of \(name) left the traced function it belongs to: return it from the function instead"
        case .placeholderRead(let transformation):
            "a value was read inside \(transformation), where values are not known yet: use where(_:_:_:) instead of if, "
                + "and compute with the tensor instead of reading it"
        case .noBackend(let device): "no backend for \(device) is registered in this process"
        case .severalDevices(let devices):
            "the compiled function computes on \(devices.map(\.description).joined(separator: " and ")), and a program runs on "
                + "one device: move what it reads to one before the call"
        }
    }
}
