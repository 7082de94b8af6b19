/// The nodes of checkpoints, recorded once more where a reverse walk meets them: derivative rules then read the repeated values, and
/// the first ones need no longer be there.
///
/// Nodes are repeated, the closure is not run again: what it changed elsewhere (running statistics, a generator's counter) stays
/// changed once, and random bits are those of the same counter. What comes from outside the checkpoint is read through fences, so
/// that nothing is repeated before a gradient has arrived. A checkpoint inside another is repeated once with that one and, as the
/// walk comes to it, once more.
struct CheckpointRepetition {
    /// The walk's nodes in each checkpoint that is still to be repeated.
    private var members: [ObjectIdentifier: [Node]] = [:]
    /// For each checkpoint that was repeated, its nodes by those that they repeat.
    private var repeated: [ObjectIdentifier: [ObjectIdentifier: Node]] = [:]
    private let stops: Set<ObjectIdentifier>
    /// Checkpoints that the derivative itself is recorded in: what they record is at hand.
    private let entered: Set<ObjectIdentifier>

    /// - Parameter stops: nodes that the walk differentiates by; they stay who they are.
    init(of walk: [Node], stoppingAt stops: Set<ObjectIdentifier>) {
        self.stops = stops
        guard walk.contains(where: { $0.checkpoint != nil }) else {
            entered = []
            return
        }
        entered = Set((Modes.current.checkpoint?.chain ?? []).map { ObjectIdentifier($0) })
        for node in walk where node.checkpoint != nil { note(node) }
    }

    private mutating func note(_ node: Node) {
        if let region = region(of: node) { members[ObjectIdentifier(region), default: []].append(node) }
    }

    /// The node whose operands and results a derivative rule reads in place of `node`'s, now that `cotangents` have arrived.
    mutating func stand(for node: Node, _ cotangents: [Value?]) -> Node {
        guard let cotangent = cotangents.compactMap({ $0 }).first else { return node }
        var node = node
        while let region = region(of: node) {
            if repeated[ObjectIdentifier(region)] == nil { record(region, after: cotangent) }
            guard let copy = repeated[ObjectIdentifier(region)]?[ObjectIdentifier(node)] else { return node }
            node = copy
        }
        return node
    }

    /// The outermost checkpoint that is to be repeated for the node; nil where it is read as it is.
    private func region(of node: Node) -> CheckpointRegion? {
        guard let chain = node.checkpoint?.chain, node.isRepeatable, !stops.contains(ObjectIdentifier(node)) else {
            return nil
        }
        return chain.last { !entered.contains(ObjectIdentifier($0)) }
    }

    private mutating func record(_ region: CheckpointRegion, after cotangent: Value) {
        let roots = members.removeValue(forKey: ObjectIdentifier(region)) ?? []
        let recordsHistory = Modes.current.recordsHistory
        var copies: [ObjectIdentifier: Node] = [:]
        var fences: [ObjectIdentifier: [Int: Value]] = [:]
        var inner = InnerRegions(of: region, at: Modes.current.checkpoint)
        func operand(_ value: Value) -> Value {
            if let copy = copies[ObjectIdentifier(value.node)] { return copy.result(value.index) }
            if let known = fences[ObjectIdentifier(value.node)]?[value.index] { return known }
            let fence = value.fenced(after: cotangent)
            fences[ObjectIdentifier(value.node), default: [:]][value.index] = fence
            return fence
        }
        for node in nodes(behind: roots, in: region) {
            let copy = Modes.with(
                { modes in
                    modes.recordsHistory = recordsHistory && !node.isOutsideHistory
                    modes.isDeriving = !node.isInference
                    modes.checkpoint = inner.standIn(for: node.checkpoint)
                    modes.origin = node.origin
                },
                {
                    Value.append(
                        node.primitive, node.operands.map(operand), arguments: node.arguments, type: node.type,
                        moreTypes: node.moreTypes)
                })
            if recordsHistory || copy.isDrawn(outside: node) { copy.repeats = node.result(0) }
            copies[ObjectIdentifier(node)] = copy
        }
        repeated[ObjectIdentifier(region)] = copies
        for node in roots { if let copy = copies[ObjectIdentifier(node)], copy.checkpoint != nil { note(copy) } }
    }

    /// What the roots stand on inside the region, themselves included, in recorded order.
    private func nodes(behind roots: [Node], in region: CheckpointRegion) -> [Node] {
        var seen: Set<ObjectIdentifier> = []
        var found: [Node] = []
        var stack = roots
        while let node = stack.popLast() {
            guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
            found.append(node)
            for operand in node.operands where self.region(of: operand.node) === region { stack.append(operand.node) }
        }
        return found.sorted { $0.order < $1.order }
    }
}

/// New checkpoints in place of those inside one that is repeated.
private struct InnerRegions {
    private let region: CheckpointRegion
    private let place: CheckpointRegion?
    private var known: [ObjectIdentifier: CheckpointRegion] = [:]

    /// - Parameter place: where the repetition is recorded.
    init(of region: CheckpointRegion, at place: CheckpointRegion?) { (self.region, self.place) = (region, place) }

    mutating func standIn(for own: CheckpointRegion?) -> CheckpointRegion? {
        guard let own, own !== region else { return place }
        if let found = known[ObjectIdentifier(own)] { return found }
        let made = CheckpointRegion(inside: standIn(for: own.outer))
        known[ObjectIdentifier(own)] = made
        return made
    }
}

extension Node {
    /// True for random bits that are repeated in another trace than the first ones: a `vmap` must not draw them anew.
    fileprivate func isDrawn(outside first: Node) -> Bool {
        guard case .randomBits = primitive else { return false }
        return recording !== first.recording
    }

    /// True for what repeats a node of another recording.
    var repeatsFromOutside: Bool { repeats != nil && result(0).repeated.node.recording !== recording }
}

extension Value {
    /// The value that a derivative flows to: what was repeated, or is read through a fence, is the one that was recorded first.
    var repeated: Value {
        var value = self
        while let first = value.node.repeats { value = Value(node: first.node, index: first.index + value.index) }
        return value
    }

    /// Whose node a derivative flows to, without counting references.
    @inline(__always)
    var repeatedIdentity: ObjectIdentifier {
        node.repeats == nil ? ObjectIdentifier(node) : ObjectIdentifier(repeated.node)
    }

    /// The value for readers that are to run after `other` was made. Numbers and coordinates, which nobody keeps, and what lies on
    /// another device are read as they are.
    fileprivate func fenced(after other: Value) -> Value {
        if case .constant = node.primitive { return self }
        if case .iota = node.primitive { return self }
        guard node.device == other.node.device else { return self }
        let fence = Value.make(.alias(Alias(stopsGradient: false, isFence: true)), [self, other.detached()])
        if Modes.current.recordsHistory { fence.node.repeats = self }
        return fence
    }
}
