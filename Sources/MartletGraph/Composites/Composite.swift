/// A body of `Value` code under a name: a backend that has a kernel of that name uses it, any other runs the body.
///
/// The body is the definition, and the test of the kernel. Attributes are the conforming value itself.
package protocol Composite: Hashable, Sendable {
    var name: String { get }

    /// The types of the results, or what does not fit.
    func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType]

    /// The definition.
    func body(_ operands: [Value]) -> [Value]

    /// The cotangents of the operands; nil means: differentiate the body.
    func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]?

    /// What `pullback` reads of the node.
    var residuals: Residuals { get }

    func encode(into key: inout KeyWriter)
}

/// The primitive that calls a composite.
package struct CompositeCall: PrimitiveFamily {
    package let composite: any Composite
    package init(_ composite: any Composite) { self.composite = composite }

    package var name: String { composite.name }
    package var residuals: Residuals { composite.residuals }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        try composite.resultTypes(of: operands)
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        if let own = composite.pullback(node, cotangents, wanted: wanted) { return own }
        let (inputs, outputs) = differentiableBody(node)
        return Differentiation.gradients(of: outputs, cotangents: cotangents, by: inputs, wanted: wanted)
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        let (inputs, outputs) = differentiableBody(node)
        return Differentiation.tangents(of: outputs, from: inputs, along: tangents)
    }

    /// The body on fresh aliases of the operands, at which a walk stops; with a history even where the derivative itself is
    /// recorded without one.
    private func differentiableBody(_ node: Node) -> (inputs: [Value], outputs: [Value]) {
        Modes.with(
            { $0.recordsHistory = true },
            {
                let inputs = node.operands.map { $0.dtype.isFloatingPoint ? $0.differentiableAlias() : $0 }
                return (inputs, composite.body(inputs))
            })
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        Batching.rewrite(operands, isBatched: isBatched, size: size) { composite.body($0) }
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        try ReferenceEvaluation.run(on: operands) { composite.body($0) }
    }
    package func encode(into key: inout KeyWriter) {
        key.write(composite.name)
        composite.encode(into: &key)
    }

    package static func == (a: CompositeCall, b: CompositeCall) -> Bool {
        AnyHashable(a.composite) == AnyHashable(b.composite)
    }
    package func hash(into hasher: inout Hasher) { AnyHashable(composite).hash(into: &hasher) }
}
