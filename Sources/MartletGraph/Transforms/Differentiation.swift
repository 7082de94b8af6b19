/// Derivatives as graph: reverse (`gradients`) and forward (`tangents`) walks over what was recorded.
package enum Differentiation {
    /// The cotangents of `targets`, given those of `outputs`; nil where no gradient arrives or it is not wanted.
    ///
    /// The walk stops at the targets. What it records has a history of its own only where something else that is
    /// differentiable (an outer transformation, a parameter) stands behind it, or behind the outputs' cotangents.
    package static func gradients(
        of outputs: [Value], cotangents: [Value?], by targets: [Value], wanted: [Bool]? = nil
    ) -> [Value?] {
        gradientsAndHistory(of: outputs, cotangents: cotangents, by: targets, wanted: wanted).gradients
    }

    /// `gradients`, and whether they were recorded with a history of their own.
    package static func gradientsAndHistory(
        of outputs: [Value], cotangents: [Value?], by targets: [Value], wanted: [Bool]? = nil
    ) -> (gradients: [Value?], haveHistory: Bool) {
        let asked = zip(targets, wanted ?? targets.map { _ in true }).filter(\.1).map(\.0)
        let stops = Set(asked.map { ObjectIdentifier($0.node) })
        let walk = Walk(from: outputs, stoppingAt: stops)
        let standsOnMore =
            cotangents.contains { $0?.isDifferentiable ?? false } || walk.standsOnMore(than: asked)
        let recordsHistory = Modes.current.recordsHistory && standsOnMore
        let arrived = Modes.with(
            { ($0.recordsHistory, $0.isDeriving) = (recordsHistory, true) },
            {
                Recording.uninterrupted {
                    reverse(
                        walk, outputs, cotangents, isWanted: walk.reaching { stops.contains(ObjectIdentifier($0)) },
                        stops)
                }
            })
        let gradients = targets.enumerated().map { index, target -> Value? in
            if let wanted, !wanted[index] { return nil }
            return arrived.at(target.node, target.index)?.committed(like: target.node)
        }
        return (gradients, recordsHistory)
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
            if let gradient = arrived.at(node, 0) {
                result.append((node, gradient.committed(like: node)))
            }
        }
        if !retainGraph && !createGraph {
            for node in walk.nodes where node.leaf == nil { node.releaseHistory() }
        }
        Recording.current.markEnd()
        return result
    }

    /// The reverse walk: what arrives at the nodes that it does not pass through.
    private static func reverse(
        _ walk: Walk, _ outputs: [Value], _ seeds: [Value?], isWanted: [Bool], _ stops: Set<ObjectIdentifier>
    ) -> Cotangents {
        var arrived = Cotangents(walk)
        for (output, seed) in zip(outputs, seeds) where output.isDifferentiable {
            if let seed { arrived.add(seed, to: output) }
        }
        var repetition = CheckpointRepetition(of: walk.nodes, stoppingAt: stops)
        for (number, node) in walk.nodes.enumerated() {
            guard isWanted[number], node.leaf == nil, stops.isEmpty || !stops.contains(ObjectIdentifier(node)),
                let cotangents = arrived.take(number)
            else { continue }
            let operands = node.operands
            let wanted = operands.map { operand in
                guard operand.isDifferentiable, let own = walk.number(of: operand) else { return false }
                return isWanted[own]
            }
            // What a checkpoint did not keep is recorded again, once a gradient has arrived.
            let own = node.checkpoint == nil ? node : repetition.stand(for: node, cotangents)
            let flowing =
                node.origin == .none
                ? own.primitive.family.pullback(own, cotangents, wanted: wanted)
                : node.origin.around { own.primitive.family.pullback(own, cotangents, wanted: wanted) }
            for index in operands.indices where wanted[index] {
                if let cotangent = flowing[index] { arrived.add(cotangent, to: operands[index]) }
            }
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

/// What has arrived at the nodes of a walk so far, by node and result.
private struct Cotangents {
    private let walk: Walk
    /// For each node, a cotangent a result; empty where none has arrived.
    private var slots: [[Value?]]

    init(_ walk: Walk) {
        self.walk = walk
        slots = Array(repeating: [], count: walk.nodes.count)
    }

    mutating func add(_ cotangent: Value, to given: Value) {
        let value = given.repeated
        guard let number = walk.number(of: value) else { return }
        if slots[number].isEmpty {
            if value.node.resultCount == 1 {
                slots[number] = [cotangent]
                return
            }
            slots[number] = Array(repeating: nil, count: value.node.resultCount)
        }
        slots[number][value.index] = Value.sum(slots[number][value.index], cotangent)
    }

    /// Those of a node's results, which are forgotten; nil where none has arrived.
    mutating func take(_ number: Int) -> [Value?]? {
        let taken = slots[number]
        slots[number] = []
        return taken.isEmpty ? nil : taken
    }

    /// What has arrived at a node's result.
    func at(_ node: Node, _ result: Int) -> Value? {
        guard let number = walk.number(of: node), !slots[number].isEmpty else { return nil }
        return slots[number][result]
    }
}

/// The differentiable nodes behind some outputs, latest first.
private struct Walk {
    let nodes: [Node]
    private let numbers: NodeTable

    init(from outputs: [Value], stoppingAt stops: Set<ObjectIdentifier>) {
        var found: [Node] = []
        var seen = NodeTable()
        var stack = outputs.filter(\.isDifferentiable).map(\.repeated.node)
        while let node = stack.popLast() {
            guard seen.insert(ObjectIdentifier(node)) else { continue }
            found.append(node)
            if node.leaf != nil || !stops.isEmpty && stops.contains(ObjectIdentifier(node)) { continue }
            if node.isHistoryReleased {
                stop(
                    "backward: the history behind \(node.primitive.family.name) was released by an earlier backward(); "
                        + "pass retainGraph: true to the first one")
            }
            for operand in node.operands where operand.isDifferentiable { stack.append(operand.repeated.node) }
        }
        nodes = found.sorted { $0.order > $1.order }
        numbers = NodeTable(nodes)
    }

    /// The place in the walk of the node that a derivative by `value` flows to.
    func number(of value: Value) -> Int? { numbers.number(of: value.repeatedIdentity) }
    func number(of node: Node) -> Int? { numbers.number(of: ObjectIdentifier(node)) }

    /// For each node, whether one that satisfies `isTarget` can be reached from it.
    func reaching(_ isTarget: (Node) -> Bool) -> [Bool] {
        var result = [Bool](repeating: false, count: nodes.count)
        for index in nodes.indices.reversed() {
            let node = nodes[index]
            result[index] =
                isTarget(node) || node.operands.contains { number(of: $0).map { result[$0] } ?? false }
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
