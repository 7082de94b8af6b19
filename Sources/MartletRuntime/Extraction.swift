import MartletGraph

/// The key, leaves and arguments of a component; and, on a miss, its plan.
///
/// Lives with its component and keeps its arrays' memory from one flush to the next.
struct Extraction {
    private(set) var key = KeyWriter()
    private(set) var arguments: [Scalar] = []
    /// The leaves' memory: taken over by the run, which may overwrite what nobody else holds.
    var leaves: [Realized] = []
    private var leafTypes: [TensorType] = []
    /// Parameters among the leaves.
    private var stableLeaves: [Bool] = []
    /// Leaves that lay on other devices, with those.
    private(set) var copied: [(type: TensorType, source: Device)] = []
    private var indexOfLeaf = LeafTable()

    /// Writes the key of the component's needed nodes and collects what they read.
    mutating func read(_ component: Component, on device: Device, _ backend: any Backend) throws {
        key.write(UInt64(backend.device.kind.rawValue) << 32 | UInt64(backend.device.index))
        PlanSettings.current.write(to: &key, besides: backend.engineSet)
        let (nodes, marks) = (component.nodes, component.marks)
        for index in nodes.indices where marks[index].isNeeded {
            try uncounted(nodes[index]) { try write($0, kept: marks[index].kept, component, device, backend) }
        }
    }

    /// A node: its operation, what of it is kept, its attributes and where its operands come from.
    private mutating func write(
        _ node: Node, kept: UInt64, _ component: Component, _ device: Device, _ backend: any Backend
    ) throws {
        let operands = component.operands(of: node)
        let code = node.code
        key.write(code << 32 | UInt64(operands.count) | (node.isInference ? 1 << 31 : 0))
        key.write(kept)
        if PlannedBug.planted != .keyWithoutAttribute || code != Self.flipCode { node.encodeAttributes(into: &key) }
        for position in operands.indices {
            if let own = component.index(of: operands[position].node) {
                key.write(UInt64(own) << 8 | UInt64(operands[position].index))
            } else {
                try write(leaf: operands[position], device, backend)
            }
        }
        if !node.arguments.isEmpty { arguments.append(contentsOf: node.arguments) }
    }

    /// The operation whose attributes a planted bug leaves out.
    private static let flipCode = Primitive.flip(Flip([])).code

    /// A leaf: numbered where it is met first, with its type and layout.
    private mutating func write(leaf value: Value, _ device: Device, _ backend: any Backend) throws {
        let (index, isNew) = indexOfLeaf.index(of: value, next: leaves.count)
        guard isNew else {
            key.write(UInt64(index) << 8 | 0xFF)
            return
        }
        guard let realized = value.node.realized(value.index) else {
            if value.node.state == .failed {
                throw value.node.failure ?? FlushError.lost(value.node.primitive.family.name)
            }
            stop(
                "\(value.node.primitive.family.name): an operand has no value; it left the traced function it belongs to"
            )
        }
        let type = value.type
        if realized.buffer.device != device {
            copied.append((type, realized.buffer.device))
            return add(leaf: try Transfer.moved(realized, type, to: backend), type, index, isStable: false)
        }
        add(leaf: realized, type, index, isStable: value.node.leaf != nil)
    }

    @inline(__always)
    private mutating func add(leaf realized: Realized, _ type: TensorType, _ index: Int, isStable: Bool) {
        key.write(UInt64(index) << 8 | 0xFE)
        let block = UInt64(realized.block ?? 0)
        key.write(
            block << 32 | UInt64(type.dtype.rawValue) << 8 | (realized.strides == nil ? 0 : 1)
                | (isStable ? 2 : 0))
        key.write(type.shape)
        if let strides = realized.strides { key.write(strides) }
        leaves.append(realized)
        leafTypes.append(type)
        stableLeaves.append(isStable)
    }

    /// Lets go of everything but the arrays' capacity.
    mutating func reset() {
        key.removeAll()
        arguments.removeAll(keepingCapacity: true)
        leaves.removeAll(keepingCapacity: true)
        leafTypes.removeAll(keepingCapacity: true)
        stableLeaves.removeAll(keepingCapacity: true)
        if !copied.isEmpty { copied.removeAll() }
        indexOfLeaf.removeAll()
    }

    /// Lowers the needed nodes and plans them.
    func makePlan(_ component: Component, on backend: any Backend) throws -> Plan {
        var lowering = Lowering(argumentCount: arguments.count, backend: backend)
        let leafOperands = leaves.indices.map {
            lowering.addLeaf($0, leafTypes[$0], leaves[$0], isStable: stableLeaves[$0])
        }
        var lowered: [[Lowering.Operand]] = Array(repeating: [], count: component.nodes.count)
        var nextArgument = 0
        var lastNumbers: [DataType: ArgumentReference] = [:]
        var kept: [PlanGraph.Operand] = []
        for (index, node) in component.nodes.enumerated() where component.marks[index].isNeeded {
            let operands = component.operands(of: node).map { operand -> Lowering.Operand in
                if let own = component.index(of: operand.node) { return lowered[own][operand.index] }
                return leafOperands[indexOfLeaf.knownIndex(of: operand)]
            }
            var references = node.arguments.indices.map { ArgumentReference.runtime(nextArgument + $0) }
            nextArgument += node.arguments.count
            if PlannedBug.planted == .swappedScalars, case .constant(.argument(let dtype)) = node.primitive {
                let own = references[0]
                references[0] = lastNumbers[dtype] ?? own
                lastNumbers[dtype] = own
            }
            let types = (0..<node.resultCount).map { node.type(of: $0) }
            lowering.comes(from: node)
            lowered[index] = lowering.lower(node.primitive, operands, types, arguments: references)
            // A parameter that is met for the first time is its value under another name.
            if node.leaf != nil { lowering.markStable(lowered[index][0]) }
        }
        for (index, node) in component.nodes.enumerated() where component.marks[index].isNeeded {
            for result in 0..<node.resultCount where component.marks[index].kept >> UInt64(result) & 1 == 1 {
                kept.append(lowering.kept(lowered[index][result]))
            }
        }
        return try Planner.plan(lowering.graph, kept: kept, backend: backend)
    }
}

/// Indices of leaves by identity: open addressing, since a flush looks up every operand.
struct LeafTable {
    private var keys: [UInt] = Array(repeating: 0, count: 64)
    private var indices: [Int32] = Array(repeating: 0, count: 64)
    private var used: [Int32] = []

    /// A node's address has 48 bits, and a result's index 6.
    private static func key(_ value: Value) -> UInt {
        UInt(bitPattern: Unmanaged.passUnretained(value.node).toOpaque()) << 8 | UInt(truncatingIfNeeded: value.index)
    }

    private func slot(_ key: UInt) -> Int {
        let mask = keys.count - 1
        var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
        while keys[slot] != 0, keys[slot] != key { slot = (slot + 1) & mask }
        return slot
    }

    /// The index of a leaf, `next` for one that was not met before.
    mutating func index(of value: Value, next: Int) -> (index: Int, isNew: Bool) {
        let key = LeafTable.key(value)
        let found = slot(key)
        if keys[found] == key { return (Int(indices[found]), false) }
        keys[found] = key
        indices[found] = Int32(next)
        used.append(Int32(found))
        if used.count * 2 > keys.count { grow() }
        return (next, true)
    }

    func knownIndex(of value: Value) -> Int { Int(indices[slot(LeafTable.key(value))]) }

    private mutating func grow() {
        let entries = used.map { (keys[Int($0)], indices[Int($0)]) }
        keys = Array(repeating: 0, count: keys.count * 2)
        indices = Array(repeating: 0, count: keys.count)
        used.removeAll(keepingCapacity: true)
        for (key, index) in entries {
            let found = slot(key)
            keys[found] = key
            indices[found] = index
            used.append(Int32(found))
        }
    }

    mutating func removeAll() {
        for slot in used { keys[Int(slot)] = 0 }
        used.removeAll(keepingCapacity: true)
    }
}

extension Lowering {
    /// The operand as something that outlives the run: memory of its own, or a view of memory that does.
    mutating func kept(_ given: Operand) -> Operand {
        let operand = graph.withoutFence(given)
        var result = operand
        if !graph.isReal(operand.view.base) {
            result = copied(operand)
        } else if case .produced = graph.bases[operand.view.base].kind, !graph.bases[operand.view.base].isKept,
            operand.type.byteCount * 2 < graph.bases[operand.view.base].type.byteCount
        {
            // A small part of a large temporary is copied out rather than keeping the whole.
            result = copied(operand)
        }
        keep(result.view.base)
        return result
    }
}
