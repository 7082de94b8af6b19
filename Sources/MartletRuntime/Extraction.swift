import MartletGraph

/// The key, leaves and arguments of a component; and, on a miss, its plan.
struct Extraction {
    private let nodes: [Node]
    private let isNeeded: [Bool]
    private let keptResults: [UInt64]
    private let indexOfNode: [ObjectIdentifier: Int]

    private(set) var key = KeyWriter()
    private(set) var arguments: [Scalar] = []
    private var leaves: [Realized] = []
    private var leafTypes: [TensorType] = []
    private var leafIndex: [Value.Identity: Int] = [:]

    init(
        _ nodes: [Node], _ isNeeded: [Bool], _ keptResults: [UInt64], _ indexOfNode: [ObjectIdentifier: Int],
        engineSet: UInt64
    ) {
        self.nodes = nodes
        self.isNeeded = isNeeded
        self.keptResults = keptResults
        self.indexOfNode = indexOfNode
        key.write(engineSet)
        for (index, node) in nodes.enumerated() where isNeeded[index] { write(node, index) }
    }

    private mutating func write(_ node: Node, _ index: Int) {
        key.write(node.primitive.code << 32 | UInt64(node.operands.count))
        key.write(keptResults[index])
        node.primitive.encode(into: &key)
        for operand in node.operands {
            if let own = indexOfNode[ObjectIdentifier(operand.node)] {
                key.write(UInt64(own) << 8 | UInt64(operand.index))
            } else {
                write(leaf: operand)
            }
        }
        arguments.append(contentsOf: node.arguments)
    }

    /// A leaf: numbered where it is met first, with its type and layout.
    private mutating func write(leaf value: Value) {
        let identity = Value.Identity(value)
        if let known = leafIndex[identity] {
            key.write(UInt64(known) << 8 | 0xFF)
            return
        }
        guard let realized = value.node.realized(value.index) else {
            stop("\(value.node.primitive.family.name): an operand has no value; it left the traced function it belongs to")
        }
        leafIndex[identity] = leaves.count
        key.write(UInt64(leaves.count) << 8 | 0xFE)
        key.write(UInt64(value.dtype.rawValue) << 8 | (realized.strides == nil ? 0 : 1) | (realized.isBlocked ? 2 : 0))
        key.write(value.shape)
        if let strides = realized.strides { key.write(strides) }
        leaves.append(realized)
        leafTypes.append(value.type)
    }

    /// The leaves' memory; afterwards the extraction refers to none of it.
    mutating func takeLeaves() -> [Realized] {
        defer { leaves = [] }
        return leaves
    }

    /// Lowers the needed nodes and plans them.
    func makePlan(on backend: any Backend) throws -> Plan {
        var lowering = Lowering(argumentCount: arguments.count, backend: backend)
        let leafOperands = leaves.indices.map { lowering.addLeaf($0, leafTypes[$0], leaves[$0]) }
        var lowered: [[Lowering.Operand]] = Array(repeating: [], count: nodes.count)
        var nextArgument = 0
        var kept: [PlanGraph.Operand] = []
        for (index, node) in nodes.enumerated() where isNeeded[index] {
            let operands = node.operands.map { operand -> Lowering.Operand in
                if let own = indexOfNode[ObjectIdentifier(operand.node)] { return lowered[own][operand.index] }
                return leafOperands[leafIndex[Value.Identity(operand)] ?? 0]
            }
            let references = node.arguments.indices.map { ArgumentReference.runtime(nextArgument + $0) }
            nextArgument += node.arguments.count
            let types = (0..<node.resultCount).map { node.type(of: $0) }
            lowered[index] = lowering.lower(node.primitive, operands, types, arguments: references)
        }
        for index in nodes.indices where isNeeded[index] {
            for result in 0..<nodes[index].resultCount where keptResults[index] >> UInt64(result) & 1 == 1 {
                kept.append(lowering.kept(lowered[index][result]))
            }
        }
        return try Planner.plan(lowering.graph, kept: kept, backend: backend)
    }
}

extension Value {
    /// A result as a dictionary key.
    package struct Identity: Hashable {
        private let node: ObjectIdentifier
        private let index: Int
        package init(_ value: Value) {
            node = ObjectIdentifier(value.node)
            index = value.index
        }
    }
}

extension Lowering {
    /// The operand as something that outlives the run: memory of its own, or a view of memory that does.
    mutating func kept(_ operand: Operand) -> Operand {
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
