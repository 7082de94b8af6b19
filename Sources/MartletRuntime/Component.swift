import MartletGraph

/// Pending nodes that run together, with what the run must know of each.
struct Component {
    /// In recorded order; a node's operands inside the component come before it.
    private var nodes: [Node]
    /// By node: somebody needs a value of it.
    private var isNeeded: [Bool]
    /// By node, a bit a result: it outlives the run.
    private var keptResults: [UInt64]
    /// By node: its operands stay, for a derivative or to compute it again.
    private var keepsOperands: [Bool]
    private var indexOfNode: [ObjectIdentifier: Int] = [:]

    /// The connected component of `node` among the pending nodes.
    init(of node: Node, in recording: Recording) {
        let pending = recording.nodes
        if pending.count == 1 {
            self.init(pending)
        } else {
            var sets = UnionFind(count: pending.count)
            for (index, other) in pending.enumerated() {
                for operand in other.operands where operand.node.recording === recording {
                    sets.join(index, operand.node.position)
                }
            }
            let root = sets.find(node.position)
            self.init(pending.indices.compactMap { sets.find($0) == root ? pending[$0] : nil })
        }
        markHeld()
        markHistory()
        sweep()
    }

    /// The first `count` pending nodes, where later ones still need some of their results.
    init(prefix count: Int, of recording: Recording) {
        self.init(Array(recording.nodes[..<count]))
        markHeld()
        for later in recording.nodes[count...] {
            for operand in later.operands { keep(operand) }
        }
        markHistory()
        sweep()
    }

    /// A released node and what it stands on.
    init(recomputing node: Node) {
        self.init([node])
        keptResults[0] = (1 << UInt64(node.resultCount)) - 1
        keepsOperands[0] = true
        sweep()
    }

    /// Nodes chosen by the caller, of which `target` is to be kept.
    init(nodes: [Node], target: Node) {
        self.init(nodes)
        markHeld()
        if let index = indexOfNode[ObjectIdentifier(target)] { keptResults[index] = (1 << UInt64(target.resultCount)) - 1 }
        markHistory()
        sweep()
    }

    private init(_ nodes: [Node]) {
        self.nodes = nodes
        isNeeded = Array(repeating: false, count: nodes.count)
        keptResults = Array(repeating: 0, count: nodes.count)
        keepsOperands = Array(repeating: false, count: nodes.count)
        addReleasedOperands()
        if self.nodes.count > 1 {
            indexOfNode.reserveCapacity(self.nodes.count)
            for (index, node) in self.nodes.enumerated() { indexOfNode[ObjectIdentifier(node)] = index }
        } else if let only = self.nodes.first {
            indexOfNode[ObjectIdentifier(only)] = 0
        }
    }

    /// Operands whose memory was given up are computed again, in the same plan.
    private mutating func addReleasedOperands() {
        var extra: [Node] = []
        var seen = Set<ObjectIdentifier>()
        var stack = nodes
        while let node = stack.popLast() {
            for operand in node.operands where operand.node.state == .released {
                if seen.insert(ObjectIdentifier(operand.node)).inserted {
                    extra.append(operand.node)
                    stack.append(operand.node)
                }
            }
        }
        guard !extra.isEmpty else { return }
        let known = Set(nodes.map { ObjectIdentifier($0) })
        nodes = (nodes + extra.filter { !known.contains(ObjectIdentifier($0)) }).sorted { $0.order < $1.order }
        isNeeded = Array(repeating: false, count: nodes.count)
        keptResults = Array(repeating: 0, count: nodes.count)
        // What was released keeps its history: somebody may ask for it once more.
        let released = Set(extra.map { ObjectIdentifier($0) })
        keepsOperands = nodes.map { released.contains(ObjectIdentifier($0)) }
    }

    private func index(of node: Node) -> Int? { indexOfNode[ObjectIdentifier(node)] }

    // MARK: What must be made and kept

    private mutating func markHeld() {
        for (index, node) in nodes.enumerated() {
            for result in 0..<node.resultCount where node.isHeld(result) { keptResults[index] |= 1 << UInt64(result) }
        }
    }

    private mutating func keep(_ value: Value) {
        if let index = index(of: value.node) { keptResults[index] |= 1 << UInt64(value.index) }
    }

    /// Residuals: what the derivatives of held differentiable values will read.
    private mutating func markHistory() {
        var reaches = [Bool](repeating: false, count: nodes.count)
        for index in nodes.indices.reversed() {
            let node = nodes[index]
            guard node.isDifferentiable, !node.isHistoryReleased else { continue }
            if keptResults[index] != 0 { reaches[index] = true }
            guard reaches[index], node.leaf == nil else { continue }
            keepsOperands[index] = true
            for operand in node.operands where operand.isDifferentiable {
                if let own = self.index(of: operand.node) { reaches[own] = true }
            }
            markResiduals(of: node)
        }
    }

    private mutating func markResiduals(of node: Node) {
        let residuals = node.primitive.family.residuals
        if residuals.contains(.operands) {
            for operand in node.operands { keepResidual(operand) }
        } else if residuals.contains(.laterOperands) {
            for operand in node.operands.dropFirst() { keepResidual(operand) }
        }
        if residuals.contains(.results) {
            for result in 0..<node.resultCount { keep(node.result(result)) }
        } else if residuals.contains(.laterResults) {
            for result in 1..<max(1, node.resultCount) { keep(node.result(result)) }
        }
    }

    /// Keeps a value for a derivative; what costs nothing to make again (numbers, random bits, views) keeps its operands
    /// instead.
    private mutating func keepResidual(_ value: Value) {
        guard let index = index(of: value.node) else { return }
        switch value.node.primitive {
        case .constant, .iota, .randomBits, .alias, .reshape, .permute, .expand, .slice, .flip:
            keepsOperands[index] = true
            for operand in value.node.operands { keepResidual(operand) }
        case .leaf, .placeholder, .unary, .binary, .select, .cast, .updateSlice, .concatenate, .gather, .scatter,
            .indexSelect, .indexAdd, .sort, .reduce, .argReduce, .cumulativeSum, .matmul, .convolution,
            .convolutionInputGradient, .convolutionWeightGradient, .maxPool, .averagePool, .averagePoolGradient,
            .linearAlgebra, .composite, .copy, .collective:
            keep(value)
        }
    }

    /// From what is kept back to all that it needs.
    private mutating func sweep() {
        for index in nodes.indices.reversed() {
            if keptResults[index] != 0 { isNeeded[index] = true }
            guard isNeeded[index] else { continue }
            for operand in nodes[index].operands {
                if let own = self.index(of: operand.node) { isNeeded[own] = true }
            }
        }
    }

    // MARK: Running

    /// Runs the component and takes it out of the recording. Called under the recording's lock.
    consuming func run(in recording: Recording) throws {
        let members = nodes
        do {
            try execute()
        } catch {
            for node in members where node.isPending { node.fail(error) }
            recording.remove { !$0.isPending }
            throw error
        }
        recording.remove { !$0.isPending }
    }

    private consuming func execute() throws {
        for node in nodes {
            for operand in node.operands where operand.node.state == .failed {
                throw operand.node.failure ?? FlushError.lost(operand.node.primitive.family.name)
            }
        }
        guard isNeeded.contains(true) else {
            for index in nodes.indices { nodes[index].complete({ _ in nil }, keepingHistory: keepsOperands[index]) }
            return
        }
        let device = nodes.lazy.compactMap(\.device).first ?? .cpu
        guard let backend = Backends.backend(for: device) else { throw FlushError.noBackend(device) }
        var extraction = Extraction(nodes, isNeeded, keptResults, indexOfNode, engineSet: backend.engineSet)
        let plan = try PlanCache.shared.plan(for: extraction.key) { try extraction.makePlan(on: backend) }
        var leaves = extraction.takeLeaves()
        let arguments = extraction.arguments
        // From here on only those who really hold a leaf refer to it: what the structure replaces can be overwritten.
        for index in nodes.indices where !keepsOperands[index] { nodes[index].dropOperands() }
        let results = try plan.run(leaves: &leaves, arguments: arguments, on: backend)
        store(results)
    }

    private func store(_ results: [Realized]) {
        var next = 0
        for (index, node) in nodes.enumerated() {
            let mask = isNeeded[index] ? keptResults[index] : 0
            let first = next
            next += mask.nonzeroBitCount
            if node.isPending || mask != 0 {
                node.complete(
                    { result in
                        guard mask >> UInt64(result) & 1 == 1 else { return node.realized(result) }
                        return results[first + (mask & ((1 << UInt64(result)) - 1)).nonzeroBitCount]
                    }, keepingHistory: keepsOperands[index])
            }
        }
    }
}

/// Disjoint sets of indices.
private struct UnionFind {
    private var parent: [Int32]
    init(count: Int) { parent = (0..<Int32(count)).map { $0 } }

    mutating func find(_ index: Int) -> Int32 {
        var root = Int32(index)
        while parent[Int(root)] != root {
            parent[Int(root)] = parent[Int(parent[Int(root)])]
            root = parent[Int(root)]
        }
        return root
    }

    mutating func join(_ a: Int, _ b: Int) {
        let (left, right) = (find(a), find(b))
        if left != right { parent[Int(max(left, right))] = min(left, right) }
    }
}
