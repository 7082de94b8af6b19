import MartletGraph

/// Pending nodes that run together, with what the run must know of each.
///
/// One lives with each recording and is used again by every flush, so that its arrays are allocated once. Everything
/// happens under the recording's lock.
final class Component {
    // Only whoever holds the recording's lock comes here: exclusivity need not be checked once more.

    /// In recorded order; a node's operands inside the component come before it.
    @exclusivity(unchecked) private(set) var nodes: [Node] = []
    @exclusivity(unchecked) private(set) var marks: [Mark] = []
    /// For each position in the recording, the index here, or -1.
    @exclusivity(unchecked) private var indexOfPosition: [Int32] = []
    /// Nodes that ran and run again, since a result of theirs was released.
    @exclusivity(unchecked) private var released: [ObjectIdentifier: Released] = [:]
    @exclusivity(unchecked) private var home: UInt = 0
    /// True while the component is the whole recording: positions are indices.
    @exclusivity(unchecked) private var isWhole = false
    /// True while another thread than the recording's own runs it: what that thread is about to use has no handle yet, so
    /// nothing is let go of that was not asked for.
    @exclusivity(unchecked) private var isGuest = false
    @exclusivity(unchecked) private var sets = DisjointSets()
    @exclusivity(unchecked) private var extraction = Extraction()
    /// When the results of the last run are there.
    @exclusivity(unchecked) private(set) var completion = Completion.done

    /// What is known of a node.
    struct Mark {
        /// A bit a result: it outlives the run.
        var kept: UInt64 = 0
        /// Somebody needs a value of it.
        var isNeeded = false
        /// Its operands stay, for a derivative or to compute it again.
        var keepsOperands = false
        /// A held differentiable value stands on it.
        var isReached = false
    }

    /// A node that runs again.
    private struct Released {
        /// Its index here; nil while the component is narrowed to others.
        var index: Int?
        /// The operands as they were found: another thread may let go of the node's own meanwhile.
        let operands: [Value]
    }

    /// The nodes where they lie, until others take their place.
    private var nodesInPlace: UnsafeBufferPointer<Node> { nodes.withUnsafeBufferPointer { $0 } }

    /// The recording's own component.
    static func of(_ recording: Recording) -> Component {
        if let known = recording.scratch as? Component { return known }
        let made = Component()
        recording.scratch = made
        return made
    }

    /// Runs the connected component of `node` among the pending nodes.
    func run(connectedTo node: Node, in recording: Recording) throws {
        home = recording.address
        if recording.nodes.count > 1 { recording.removeUnreferenced() }
        joinOperands(of: recording.nodes)
        if sets.isOne {
            begin(recording.nodes, isWhole: true)
        } else {
            let root = sets.find(node.position)
            begin(recording.nodes.filter { sets.find($0.position) == root }, isWhole: false)
        }
        markKept(laterThan: nil, in: recording)
        isGuest = recording !== Recording.current
        if isGuest { for index in marks.indices { marks[index].keepsOperands = true } }
        defer { finish(recording) }
        try run()
    }

    /// Runs all components of the recording, each as a plan of its own.
    func runAll(_ recording: Recording) throws {
        home = recording.address
        recording.removeUnreferenced()
        joinOperands(of: recording.nodes)
        defer { finish(recording) }
        if sets.isOne {
            begin(recording.nodes, isWhole: true)
            markKept(laterThan: nil, in: recording)
            return try run()
        }
        for members in sets.members(of: recording.nodes) {
            begin(members, isWhole: false)
            markKept(laterThan: nil, in: recording)
            try run()
        }
    }

    /// Runs the first `count` pending nodes, where later ones still need some of their results.
    func run(prefix count: Int, of recording: Recording) throws {
        home = recording.address
        begin(Array(recording.nodes[..<count]), isWhole: count == recording.nodes.count)
        markKept(laterThan: count, in: recording)
        defer { finish(recording) }
        try run()
    }

    /// Makes a released value, with the other results of its node and what it stands on.
    func run(recomputing value: Value) throws {
        home = 0
        begin([], isWhole: false)
        addReleased([value])
        defer { leave() }
        guard let index = index(of: value.node) else { return }
        for result in 0..<value.node.resultCount where !value.node.isMade(result) {
            marks[index].kept |= 1 << UInt64(result)
        }
        for index in nodes.indices.reversed() { markNeeded(nodes[index], index) }
        try run()
    }

    /// Runs nodes chosen by the caller, of which `target` is to be kept.
    func run(_ chosen: [Node], target: Node, in recording: Recording) throws {
        home = recording.address
        begin(chosen, isWhole: false)
        if let index = index(of: target) { marks[index].kept = (1 << UInt64(target.resultCount)) - 1 }
        markKept(laterThan: nil, in: recording)
        defer { finish(recording) }
        try run()
    }

    /// Narrows the component to some of its nodes, with what is known of each.
    func narrow(to members: [Node], _ known: [Mark]) {
        (nodes, marks, isWhole) = (members, known, false)
        indexPositions()
        indexReleased()
    }

    /// Joins each pending node with the pending ones that it reads.
    private func joinOperands(of pending: [Node]) {
        sets.reset(pending.count)
        guard pending.count > 1 else { return }
        let pending = pending.withUnsafeBufferPointer { $0 }
        for index in pending.indices {
            let operands = uncounted(pending[index]) { $0.operandsInPlace }
            for position in operands.indices {
                uncounted(operands[position].node) { source in
                    if source.home == home { sets.join(index, source.position) }
                }
            }
        }
    }

    private func begin(_ members: [Node], isWhole: Bool) {
        leave()
        nodes = members
        self.isWhole = isWhole
        marks.removeAll(keepingCapacity: true)
        marks.append(contentsOf: repeatElement(Mark(), count: members.count))
        if !isWhole { indexPositions() }
        let found = releasedOperands()
        if !found.isEmpty { addReleased(found) }
    }

    /// Lets go of the nodes.
    private func leave() {
        nodes.removeAll()
        if !released.isEmpty { released.removeAll() }
    }

    /// What has to run again for pending nodes.
    private func releasedOperands() -> [Value] {
        var found: [Value] = []
        let nodes = nodesInPlace
        for index in nodes.indices {
            let operands = uncounted(nodes[index]) { $0.operandsInPlace }
            for position in operands.indices {
                let isReleased = uncounted(operands[position].node) { source in
                    source.home != home && source.isReleased(operands[position].index)
                }
                if isReleased { found.append(operands[position]) }
            }
        }
        return found
    }

    private func indexPositions() {
        indexOfPosition.removeAll(keepingCapacity: true)
        for index in nodes.indices where nodes[index].home == home && home != 0 {
            let position = nodes[index].position
            while indexOfPosition.count <= position { indexOfPosition.append(-1) }
            indexOfPosition[position] = Int32(index)
        }
    }

    /// The node's index here; nil for one outside.
    @inline(__always)
    func index(of node: borrowing Node) -> Int? {
        if node.home == home, home != 0 {
            if isWhole { return node.position }
            guard node.position < indexOfPosition.count else { return nil }
            let index = Int(indexOfPosition[node.position])
            return index < 0 ? nil : index
        }
        return released.isEmpty ? nil : released[ObjectIdentifier(copy node)]?.index
    }

    /// Operands whose memory was given up are computed again, in the same plan, with those that they stand on.
    private func addReleased(_ found: [Value]) {
        var pending = found
        var added: [Node] = []
        while let value = pending.popLast() {
            let node = value.node
            guard released[ObjectIdentifier(node)] == nil else { continue }
            let operands = node.operandsAfterwards
            // Another thread that made it since may have let go of the operands.
            guard node.isReleased(value.index) else { continue }
            released[ObjectIdentifier(node)] = Released(operands: operands)
            added.append(node)
            for operand in operands where operand.node.isReleased(operand.index) { pending.append(operand) }
        }
        let known = Dictionary(uniqueKeysWithValues: zip(nodes.map { ObjectIdentifier($0) }, marks))
        nodes = (nodes + added).sorted { $0.order < $1.order }
        // What was released keeps its history: somebody may ask for it once more.
        marks = nodes.map { known[ObjectIdentifier($0)] ?? Mark(keepsOperands: true) }
        isWhole = false
        indexPositions()
        indexReleased()
    }

    private func indexReleased() {
        guard !released.isEmpty else { return }
        for node in released.keys { released[node]?.index = nil }
        for (index, node) in nodes.enumerated() { released[ObjectIdentifier(node)]?.index = index }
    }

    /// The operands where they lie: a pending node's stay under the recording's lock, and those of one that runs again are held here.
    @inline(__always)
    func operands(of node: borrowing Node) -> UnsafeBufferPointer<Value> {
        if released.isEmpty { return node.operandsInPlace }
        return released[ObjectIdentifier(copy node)]?.operands.withUnsafeBufferPointer { $0 } ?? node.operandsInPlace
    }

    // MARK: What must be made and kept

    /// From the last node to the first: what is held or read later is kept, with the residuals that its derivative will
    /// read, and whatever that needs is needed. Operands come before their node, so one walk settles all.
    private func markKept(laterThan count: Int?, in recording: Recording) {
        if let count {
            for later in recording.nodes[count...] {
                for operand in later.operands { keep(operand) }
            }
        }
        let nodes = nodesInPlace
        for index in nodes.indices.reversed() {
            uncounted(nodes[index]) { node in
                for result in 0..<node.resultCount where node.isHeld(result) && !node.isMade(result) {
                    marks[index].kept |= 1 << UInt64(result)
                }
                if node.isDifferentiable { markHistory(node, index) }
                markNeeded(node, index)
            }
        }
    }

    private func markHistory(_ node: borrowing Node, _ index: Int) {
        guard !node.isHistoryReleased else { return }
        if marks[index].kept != 0, !marks[index].isReached {
            marks[index].isReached = (0..<node.resultCount).contains {
                marks[index].kept >> UInt64($0) & 1 == 1 && node.isDifferentiable($0)
            }
        }
        guard marks[index].isReached, node.leaf == nil else { return }
        marks[index].keepsOperands = true
        if let first = node.repeats, let own = self.index(of: first.node) { marks[own].isReached = true }
        let operands = operands(of: node)
        for position in operands.indices {
            uncounted(operands[position].node) { source in
                guard source.isDifferentiable(operands[position].index) else { return }
                if let own = self.index(of: source) { marks[own].isReached = true }
            }
        }
        if node.checkpoint == nil { markResiduals(of: node) } else { keepInputs(of: node) }
    }

    /// A checkpoint's node is recorded again by its derivative: what it stands on inside stays recorded, without a value, and what
    /// comes from outside is kept.
    private func keepInputs(of node: borrowing Node) {
        for operand in operands(of: node) {
            guard let own = index(of: operand.node) else { continue }
            guard operand.node.isRepeatable, operand.node.checkpoint?.outermost === node.checkpoint?.outermost else {
                keepResidual(operand)
                continue
            }
            if marks[own].keepsOperands { continue }
            marks[own].keepsOperands = true
            keepInputs(of: operand.node)
        }
    }

    private func markNeeded(_ node: borrowing Node, _ index: Int) {
        if marks[index].kept != 0 { marks[index].isNeeded = true }
        guard marks[index].isNeeded else { return }
        let operands = operands(of: node)
        for position in operands.indices {
            uncounted(operands[position].node) { source in
                if let own = self.index(of: source) { marks[own].isNeeded = true }
            }
        }
    }

    private func keep(_ value: Value) {
        guard let index = index(of: value.node), !value.node.isMade(value.index) else { return }
        marks[index].kept |= 1 << UInt64(value.index)
    }

    private func markResiduals(of node: borrowing Node) {
        let residuals = node.primitive.family.residuals
        let operands = operands(of: node)
        if residuals.contains(.operands) {
            for operand in operands { keepResidual(operand) }
        } else if residuals.contains(.laterOperands) {
            for operand in operands.dropFirst() { keepResidual(operand) }
        } else if residuals.contains(.firstOperand), let first = operands.first {
            keepResidual(first)
        }
        if residuals.contains(.results) {
            for result in 0..<node.resultCount { keep(node.result(result)) }
        } else if residuals.contains(.laterResults) {
            for result in 1..<max(1, node.resultCount) { keep(node.result(result)) }
        }
    }

    /// Keeps a value for a derivative; what costs nothing to make again (numbers, random bits, masks of those, views) keeps its
    /// operands instead.
    private func keepResidual(_ value: Value) {
        guard let index = index(of: value.node) else { return }
        switch value.node.primitive {
        case .constant, .iota, .randomBits, .alias, .reshape, .permute, .expand, .slice, .flip:
            keepOperands(of: value.node, index)
        case .unary, .binary, .select, .cast:
            // What is small is told by its shape: the settings are asked for last.
            if value.node.isRegenerable, PlanSettings.current.passes.contains(.maskRegeneration) {
                keepOperands(of: value.node, index)
            } else {
                keep(value)
            }
        case .leaf, .placeholder, .updateSlice, .concatenate, .gather, .scatter,
            .indexSelect, .indexAdd, .sort, .reduce, .argReduce, .cumulativeSum, .matmul, .convolution,
            .convolutionInputGradient, .convolutionWeightGradient, .maxPool, .averagePool, .averagePoolGradient,
            .linearAlgebra, .composite, .copy, .collective:
            keep(value)
        }
    }

    private func keepOperands(of node: Node, _ index: Int) {
        marks[index].keepsOperands = true
        for operand in operands(of: node) { keepResidual(operand) }
    }

    // MARK: Running

    private func run() throws {
        do {
            try refuseLost()
            try execute()
        } catch {
            for node in nodes where node.isPending { node.fail(error) }
            throw error
        }
    }

    /// What was given up and is needed again has to have what it stands on.
    private func refuseLost() throws {
        for known in released.values where known.operands.isEmpty {
            guard let index = known.index, marks[index].isNeeded, nodes[index].readsOperands else { continue }
            throw FlushError.lost(nodes[index].primitive.family.name)
        }
    }

    /// Takes what ran out of the recording.
    private func finish(_ recording: Recording) {
        leave()
        if isWhole, !isGuest { recording.removeAll() } else { recording.remove { !$0.isPending } }
        isGuest = false
    }

    private func execute() throws {
        if let device = onlyDevice { try execute(on: device) } else { try executeByDevice() }
    }

    /// Runs the nodes as one plan.
    func execute(on device: Device) throws {
        guard marks.contains(where: \.isNeeded) else {
            if isGuest { return }
            for index in nodes.indices where nodes[index].isPending {
                nodes[index].complete({ _ in nil }, keepingHistory: marks[index].keepsOperands)
            }
            return
        }
        guard let backend = Backends.backend(for: device) else { throw FlushError.noBackend(device) }
        defer { extraction.reset() }
        try extraction.read(self, on: device, backend)
        let plan = try PlanCache.shared.plan(for: extraction.key) {
            let begin = ContinuousClock.now
            let plan = try Profiling.planning { try extraction.makePlan(self, on: backend) }
            PlanLog.shared?.made(
                plan, held: heldDescriptions, copied: extraction.copied, took: ContinuousClock.now - begin)
            return plan
        }
        // From here on only those who really hold a leaf refer to it: what the structure replaces can be overwritten.
        let (nodes, marks) = (nodesInPlace, self.marks)
        for index in nodes.indices where !marks[index].keepsOperands {
            uncounted(nodes[index]) { $0.dropOperands() }
        }
        let run = try plan.run(leaves: &extraction.leaves, arguments: extraction.arguments, on: backend)
        completion = run.completion
        store(run.results)
    }

    /// What variables hold, for the log.
    private var heldDescriptions: [String] {
        nodes.flatMap { node in
            (0..<node.resultCount).filter { node.isPending && node.isHeld($0) }.map { result in
                "\(node.primitive.family.name) \(node.type(of: result).shape) \(node.type(of: result).dtype)"
            }
        }
    }

    private func store(_ results: [Realized]) {
        var next = 0
        let (nodes, marks) = (nodesInPlace, self.marks)
        for index in nodes.indices {
            let mask = marks[index].isNeeded ? marks[index].kept : 0
            uncounted(nodes[index]) { complete($0, marks[index], mask, results, next) }
            next += mask.nonzeroBitCount
        }
    }

    /// Stores a node's results, which from `first` on are those of the mask.
    @inline(__always)
    private func complete(_ node: borrowing Node, _ mark: Mark, _ mask: UInt64, _ results: [Realized], _ first: Int) {
        func value(_ result: Int) -> Realized? {
            guard mask >> UInt64(result) & 1 == 1 else { return nil }
            return results[first + (mask & ((1 << UInt64(result)) - 1)).nonzeroBitCount]
        }
        if !node.isPending {
            if mask != 0 { node.add(value) }
        } else if mark.isNeeded || !isGuest {
            if node.resultCount == 1 {
                node.complete(first: value(0), keepingHistory: mark.keepsOperands, isGuest: isGuest)
            } else {
                node.complete(value, keepingHistory: mark.keepsOperands, isGuest: isGuest)
            }
        }
    }
}

/// Disjoint sets of indices.
private struct DisjointSets {
    private var parent: [Int32] = []
    private var count = 0

    mutating func reset(_ count: Int) {
        parent.removeAll(keepingCapacity: true)
        for index in 0..<Int32(count) { parent.append(index) }
        self.count = count
    }

    /// True where all indices are in one set.
    var isOne: Bool { count == 1 }

    mutating func find(_ index: Int) -> Int32 {
        var root = Int32(index)
        while parent[Int(root)] != root {
            parent[Int(root)] = parent[Int(parent[Int(root)])]
            root = parent[Int(root)]
        }
        return root
    }

    /// The elements of each set, in the order of the first ones; element i stands at position i.
    mutating func members(of elements: [Node]) -> [[Node]] {
        var numbers = [Int](repeating: -1, count: elements.count)
        var result: [[Node]] = []
        for index in elements.indices {
            let root = Int(find(index))
            if numbers[root] < 0 {
                numbers[root] = result.count
                result.append([])
            }
            result[numbers[root]].append(elements[index])
        }
        return result
    }

    mutating func join(_ a: Int, _ b: Int) {
        let (left, right) = (find(a), find(b))
        if left != right {
            parent[Int(max(left, right))] = min(left, right)
            count -= 1
        }
    }
}
