/// `vmap`: a function of one example, run on a batch of them, by rewriting its graph.
package enum Batching {
    /// Runs `body` once on placeholders without the batch axis, then records its graph again with every batched value
    /// carrying the batch as axis 0. Results always carry it.
    package static func rewrite(
        _ operands: [Value], isBatched: [Bool], size: Int, _ body: ([Value]) throws -> [Value]
    ) rethrows -> [Value] {
        let trace = Recording(transformation: "vmap")
        var inputs: [Value] = []
        let outputs = try Recording.with(trace) {
            inputs = zip(operands, isBatched).map { operand, batched in
                guard batched else { return operand }
                let type = TensorType(Shape(Array(operand.shape.dropFirst())), operand.dtype)
                return Value.placeholder(type, device: operand.node.device)
            }
            return try body(inputs)
        }
        var rewriter = Rewriter(size: size)
        for (index, input) in inputs.enumerated() where isBatched[index] {
            rewriter.results[ObjectIdentifier(input.node)] = [(operands[index], true)]
        }
        rewriter.run(Trace.nodes(behind: outputs, in: trace))
        trace.discard()
        return outputs.map { output in
            let (value, batched) = rewriter.rewritten(output)
            return batched ? value : value.repeatedAsBatch(size)
        }
    }

    private struct Rewriter {
        let size: Int
        /// For each traced node, its results now and whether they carry the batch.
        var results: [ObjectIdentifier: [(value: Value, isBatched: Bool)]] = [:]

        func rewritten(_ value: Value) -> (value: Value, isBatched: Bool) {
            results[ObjectIdentifier(value.node)]?[value.index] ?? (value, false)
        }

        mutating func run(_ nodes: [Node]) {
            for node in nodes where results[ObjectIdentifier(node)] == nil {
                let operands = node.operands.map(rewritten)
                let recordsHistory = !node.isOutsideHistory && Modes.current.recordsHistory
                results[ObjectIdentifier(node)] = Modes.with(
                    { ($0.recordsHistory, $0.checkpoint) = (recordsHistory, node.checkpoint ?? $0.checkpoint) },
                    {
                        record(node, operands)
                    })
            }
        }

        private func record(
            _ node: Node, _ operands: [(value: Value, isBatched: Bool)]
        ) -> [(value: Value, isBatched: Bool)] {
            let values = operands.map(\.value)
            if case .alias(let alias) = node.primitive, alias.isFence, !operands[0].isBatched {
                // What is there once stays there once, whatever it waits for.
                return Trace.copy(node, operands: values).map { ($0, false) }
            }
            if operands.contains(where: \.isBatched) {
                let batched = node.primitive.family.batch(
                    values, isBatched: operands.map(\.isBatched), size: size, arguments: node.arguments)
                return batched.map { ($0, true) }
            }
            if case .randomBits(let bits) = node.primitive {
                if node.repeatsFromOutside {
                    // A checkpoint from outside, repeated: its numbers were drawn once for all members.
                    let copies = Trace.copy(node, operands: values)
                    copies[0].node.repeats = node.repeats
                    return copies.map { ($0, false) }
                }
                // Each member of the batch draws its own numbers: the counter takes in the batch index.
                return [(Value.make(.randomBits(RandomBits(Shape([size] + bits.shape.sizes))), values), true)]
            }
            return Trace.copy(node, operands: values).map { ($0, false) }
        }
    }
}

/// What rewriting the graph of a traced function needs.
package enum Trace {
    /// The nodes of `trace` that the outputs stand on, in recorded order.
    package static func nodes(behind outputs: [Value], in trace: Recording) -> [Node] {
        var needed: Set<ObjectIdentifier> = Set(outputs.map { ObjectIdentifier($0.node) })
        var result: [Node] = []
        for node in trace.nodes.reversed() where needed.contains(ObjectIdentifier(node)) {
            result.append(node)
            for operand in node.operands { needed.insert(ObjectIdentifier(operand.node)) }
        }
        return result.reversed()
    }

    /// The same operation on other operands, in the current recording.
    package static func copy(_ node: Node, operands: [Value]) -> [Value] {
        let copy = Value.append(
            node.primitive, operands, arguments: node.arguments, type: node.type, moreTypes: node.moreTypes)
        return (0..<copy.resultCount).map { copy.result($0) }
    }
}

extension Recording {
    /// Lets go of a trace that has served: its nodes point at it, and it at them.
    package func discard() {
        lock.withLock {
            for node in nodes { node.leaveRecording() }
            nodes = []
        }
    }
}
