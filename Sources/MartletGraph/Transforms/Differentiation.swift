/// Derivatives as graph: reverse (`gradients`) and forward (`tangents`) walks over what was recorded.
package enum Differentiation {
    /// The cotangents of `targets`, given those of `outputs`; nil where no gradient arrives or it is not wanted.
    ///
    /// The walk stops at the targets. What it records has a history of its own only where something else that is
    /// differentiable (an outer transformation, a parameter) stands behind it.
    package static func gradients(
        of outputs: [Value], cotangents: [Value?], by targets: [Value], wanted: [Bool]? = nil
    ) -> [Value?] {
        let asked = zip(targets, wanted ?? targets.map { _ in true }).filter(\.1).map(\.0)
        let stops = Set(asked.map { ObjectIdentifier($0.node) })
        let walk = Walk(from: outputs, stoppingAt: stops)
        let recordsHistory = Modes.current.recordsHistory && walk.standsOnMore(than: asked)
        let arrived = Modes.with(
            { ($0.recordsHistory, $0.isDeriving) = (recordsHistory, true) },
            {
                Recording.uninterrupted {
                    reverse(
                        walk, outputs, cotangents, isWanted: walk.reaching { stops.contains(ObjectIdentifier($0)) },
                        stops)
                }
            })
        return targets.enumerated().map { index, target in
            if let wanted, !wanted[index] { return nil }
            return arrived[ObjectIdentifier(target.node)]?[target.index]?.committed(like: target.node)
        }
    }

    /// What `backward()` does: the gradient of `output` that arrives at each leaf with a box, in order of creation.
    ///
    /// The history that was walked is released unless it is retained.
    package static func backward(
        from output: Value, cotangent: Value, retainGraph: Bool, createGraph: Bool
    ) -> [(leaf: Node, gradient: Value)] {
        let walk = Walk(from: [output], stoppingAt: [])
        let arrived = Modes.with(
            { ($0.recordsHistory, $0.isDeriving) = (createGraph, true) },
            {
                Recording.uninterrupted {
                    reverse(walk, [output], [cotangent], isWanted: walk.reaching { $0.leaf != nil }, [])
                }
            })
        var result: [(leaf: Node, gradient: Value)] = []
        for node in walk.nodes.reversed() where node.leaf != nil {
            if let gradient = arrived[ObjectIdentifier(node)]?[0] {
                result.append((node, gradient.committed(like: node)))
            }
        }
        if !retainGraph && !createGraph {
            for node in walk.nodes where node.leaf == nil { node.releaseHistory() }
        }
        Recording.current.markEnd()
        return result
    }

    /// The reverse walk: cotangents by node and result.
    private static func reverse(
        _ walk: Walk, _ outputs: [Value], _ seeds: [Value?], isWanted: Set<ObjectIdentifier>,
        _ stops: Set<ObjectIdentifier>
    ) -> [ObjectIdentifier: [Value?]] {
        var arrived: [ObjectIdentifier: [Value?]] = [:]
        func add(_ cotangent: Value, to given: Value) {
            let value = given.repeated
            let key = ObjectIdentifier(value.node)
            var slots = arrived[key] ?? Array(repeating: nil, count: value.node.resultCount)
            slots[value.index] = Value.sum(slots[value.index], cotangent)
            arrived[key] = slots
        }
        for (output, seed) in zip(outputs, seeds) where output.isDifferentiable {
            if let seed { add(seed, to: output) }
        }
        var repetition = CheckpointRepetition(of: walk.nodes, stoppingAt: stops)
        for node in walk.nodes {
            let key = ObjectIdentifier(node)
            guard isWanted.contains(key), !stops.contains(key), node.leaf == nil, let cotangents = arrived[key] else {
                continue
            }
            let wanted = node.operands.map {
                $0.isDifferentiable && isWanted.contains($0.repeatedIdentity)
            }
            // What a checkpoint did not keep is recorded again, once a gradient has arrived.
            let own = node.checkpoint == nil ? node : repetition.stand(for: node, cotangents)
            let flowing =
                node.origin == .none
                ? own.primitive.family.pullback(own, cotangents, wanted: wanted)
                : node.origin.around { own.primitive.family.pullback(own, cotangents, wanted: wanted) }
            for (index, operand) in node.operands.enumerated() where wanted[index] {
                if let cotangent = flowing[index] { add(cotangent, to: operand) }
            }
            arrived[key] = nil
        }
        return arrived
    }

    /// The tangents of `outputs`, given those of `inputs` (nil is zero).
    package static func tangents(of outputs: [Value], from inputs: [Value], along tangents: [Value?]) -> [Value?] {
        let starts = Set(inputs.map { ObjectIdentifier($0.node) })
        let walk = Walk(from: outputs, stoppingAt: starts)
        var carried: [ObjectIdentifier: [Value?]] = [:]
        for (input, tangent) in zip(inputs, tangents) {
            carried[ObjectIdentifier(input.node)] = [tangent]
        }
        func tangent(of given: Value) -> Value? {
            let value = given.repeated
            return value.isDifferentiable ? carried[ObjectIdentifier(value.node)]?[value.index] : nil
        }
        return Recording.uninterrupted {
            for node in walk.nodes.reversed() where !starts.contains(ObjectIdentifier(node)) {
                let incoming = node.operands.map { $0.isDifferentiable ? tangent(of: $0) : nil }
                if incoming.contains(where: { $0 != nil }) {
                    carried[ObjectIdentifier(node)] = node.primitive.family.pushforward(node, incoming)
                }
            }
            return outputs.map { $0.isDifferentiable ? tangent(of: $0) : nil }
        }
    }
}

/// The differentiable nodes behind some outputs, latest first.
private struct Walk {
    let nodes: [Node]

    init(from outputs: [Value], stoppingAt stops: Set<ObjectIdentifier>) {
        var found: [Node] = []
        var seen: Set<ObjectIdentifier> = []
        var stack = outputs.filter(\.isDifferentiable).map(\.repeated.node)
        while let node = stack.popLast() {
            guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
            found.append(node)
            if stops.contains(ObjectIdentifier(node)) || node.leaf != nil { continue }
            if node.isHistoryReleased {
                stop(
                    "backward: the history behind \(node.primitive.family.name) was released by an earlier backward(); "
                        + "pass retainGraph: true to the first one")
            }
            for operand in node.operands where operand.isDifferentiable { stack.append(operand.repeated.node) }
        }
        nodes = found.sorted { $0.order > $1.order }
    }

    /// The nodes from which one that satisfies `isTarget` can be reached.
    func reaching(_ isTarget: (Node) -> Bool) -> Set<ObjectIdentifier> {
        var result: Set<ObjectIdentifier> = []
        for node in nodes.reversed() {
            if isTarget(node) || node.operands.contains(where: { result.contains($0.repeatedIdentity) }) {
                result.insert(ObjectIdentifier(node))
            }
        }
        return result
    }

    /// True where something differentiable other than `targets` stands behind the walk, or behind a target itself.
    func standsOnMore(than targets: [Value]) -> Bool {
        let own = Set(targets.map { ObjectIdentifier($0.node) })
        return nodes.contains { node in
            if own.contains(ObjectIdentifier(node)) { return node.operands.contains(where: \.isDifferentiable) }
            return node.leaf != nil || !node.operands.contains(where: \.isDifferentiable)
        }
    }
}
