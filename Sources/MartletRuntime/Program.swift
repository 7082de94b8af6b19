import MartletGraph

/// A traced graph as a plan that runs again and again on other leaves: what a compiled function is made of.
package final class Program: Sendable {
    private let plan: Plan
    private let backend: any Backend
    /// Where the program runs.
    package let device: Device
    /// Values that the trace took from outside, besides its placeholders: they stay what they were.
    private let captured: [Realized]
    /// The numbers that the trace saw.
    package let arguments: [Scalar]
    /// For each constant node of the trace that the outputs stand on, where its number is among the arguments.
    package let positions: [ObjectIdentifier: Int]

    /// Plans the graph from `inputs` (placeholders of `trace`) to `outputs`, on the device that something in it is committed
    /// to, else on `device`.
    ///
    /// - Parameter stateBegin: the first input that is state, which calls find as the last one left it as a rule; nil where none is.
    package init(
        inputs: [Value], stateBegin: Int? = nil, outputs: [Value], trace: Recording, device: Device
    ) throws {
        let nodes = Trace.nodes(behind: outputs, in: trace)
        let committed = Set((inputs.map(\.node) + nodes).compactMap(\.device))
        guard committed.count <= 1 else {
            throw FlushError.severalDevices(committed.sorted { $0.description < $1.description })
        }
        let device = committed.first ?? device
        self.device = device
        guard let backend = Backends.backend(for: device) else { throw FlushError.noBackend(device) }
        self.backend = backend
        var numbers: [Scalar] = []
        var positions: [ObjectIdentifier: Int] = [:]
        for node in nodes where !node.arguments.isEmpty {
            positions[ObjectIdentifier(node)] = numbers.count
            numbers += node.arguments
        }
        var builder = ProgramBuilder(lowering: Lowering(argumentCount: numbers.count, backend: backend), backend)
        plan = try Profiling.planning {
            for (index, input) in inputs.enumerated() {
                builder.addInput(input, isStable: index >= stateBegin ?? inputs.count)
            }
            for node in nodes { try builder.add(node, firstArgument: positions[ObjectIdentifier(node)] ?? 0) }
            let kept = try outputs.map { builder.lowering.kept(try builder.operand($0)) }
            return try Planner.plan(builder.lowering.graph, kept: kept, backend: backend)
        }
        PlanLog.shared?.made(plan, held: [])
        captured = builder.captured
        arguments = numbers
        self.positions = positions
    }

    /// A value in the memory of the program's device.
    package func placed(_ realized: Realized, _ type: TensorType) throws -> Realized {
        try Transfer.moved(realized, type, to: backend)
    }

    /// Runs on the inputs' memory, on the program's device, plain and contiguous. What the outputs replace is overwritten where
    /// `inputs` hold the last reference, or `spares`, memory for an output each. Captured values are appended to `inputs`.
    package func run(inputs: inout [Realized], arguments: [Scalar], spares: inout [Buffer?]) throws -> [Realized] {
        if !captured.isEmpty { inputs += captured }
        return try plan.run(leaves: &inputs, arguments: arguments, spares: &spares, on: backend).results
    }

    package var descriptions: [StepDescription] { plan.descriptions }

    /// The memory that a run takes besides its inputs, as the device's pool counts it.
    package var memory: PlanMemory { PlanMemory(plan, captured: captured, on: backend) }
}

private struct ProgramBuilder {
    var lowering: Lowering
    private var lowered: [ObjectIdentifier: [Lowering.Operand]] = [:]
    private var leafCount = 0
    private(set) var captured: [Realized] = []

    private let backend: any Backend

    init(lowering: Lowering, _ backend: any Backend) {
        self.lowering = lowering
        self.backend = backend
    }

    mutating func addInput(_ value: Value, isStable: Bool) {
        let plain = Realized(buffer: ProgramBuilder.nowhere)
        lowered[ObjectIdentifier(value.node)] = [lowering.addLeaf(leafCount, value.type, plain, isStable: isStable)]
        leafCount += 1
    }

    mutating func add(_ node: Node, firstArgument: Int) throws {
        if lowered[ObjectIdentifier(node)] != nil { return }
        let operands = try node.operands.map { try operand($0) }
        let references = node.arguments.indices.map { ArgumentReference.runtime(firstArgument + $0) }
        let types = (0..<node.resultCount).map { node.type(of: $0) }
        lowering.comes(from: node)
        lowered[ObjectIdentifier(node)] = lowering.lower(node.primitive, operands, types, arguments: references)
    }

    /// The lowered value; one from outside the trace becomes a leaf of its own.
    mutating func operand(_ value: Value) throws -> Lowering.Operand {
        if let known = lowered[ObjectIdentifier(value.node)] { return known[value.index] }
        try Flush.run(value)
        guard let found = value.node.realized(value.index) else {
            throw FlushError.lost(value.node.primitive.family.name)
        }
        let realized = try Transfer.moved(found, value.type, to: backend)
        let leaf = lowering.addLeaf(leafCount, value.type, realized, isStable: true)
        leafCount += 1
        captured.append(realized)
        if value.node.resultCount == 1 { lowered[ObjectIdentifier(value.node)] = [leaf] }
        return leaf
    }

    /// Stands for the memory that each run brings.
    private static let nowhere = Buffer(address: .allocate(byteCount: 64, alignment: 64), byteCount: 0)
}
