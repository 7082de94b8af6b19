/// The reference backend: every primitive by its `evaluate` rule, in slow, plain Swift.
package enum ReferenceEvaluation {
    /// The values of a graph, evaluated from its leaves.
    package static func evaluate(_ values: [Value]) throws -> [HostArray] {
        var known: [ObjectIdentifier: [HostArray]] = [:]
        return try evaluate(values, known: &known)
    }

    /// Runs a body on arrays: the evaluation of a composite.
    package static func run(on operands: [HostArray], _ body: ([Value]) -> [Value]) throws -> [HostArray] {
        let trace = Recording(transformation: "reference evaluation")
        defer { trace.discard() }
        var known: [ObjectIdentifier: [HostArray]] = [:]
        let outputs = Recording.with(trace) {
            let inputs = operands.map { Value.placeholder($0.type) }
            for (input, operand) in zip(inputs, operands) { known[ObjectIdentifier(input.node)] = [operand] }
            return body(inputs)
        }
        return try evaluate(outputs, known: &known)
    }

    private static func evaluate(
        _ values: [Value], known: inout [ObjectIdentifier: [HostArray]]
    ) throws -> [HostArray] {
        for node in pendingNodes(behind: values, known: known) {
            let operands = try node.operands.map { try array($0, known: known) }
            let types = (0..<node.resultCount).map { node.type(of: $0) }
            known[ObjectIdentifier(node)] = try node.primitive.family.evaluate(
                operands, arguments: node.arguments, results: types)
        }
        return try values.map { try array($0, known: known) }
    }

    private static func array(_ value: Value, known: [ObjectIdentifier: [HostArray]]) throws -> HostArray {
        if let arrays = known[ObjectIdentifier(value.node)] { return arrays[value.index] }
        if let realized = value.node.realized(value.index) { return HostArray(reading: realized, value.type) }
        throw ShapeError(value.node.primitive.family.name, "has no value")
    }

    /// What has to be evaluated, operands first.
    private static func pendingNodes(behind values: [Value], known: [ObjectIdentifier: [HostArray]]) -> [Node] {
        var seen: Set<ObjectIdentifier> = []
        var found: [Node] = []
        var stack = values
        while let value = stack.popLast() {
            let node = value.node
            if known[ObjectIdentifier(node)] != nil || node.isMade(value.index) { continue }
            guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
            found.append(node)
            stack.append(contentsOf: node.operands)
        }
        return found.sorted { $0.order < $1.order }
    }
}
