/// Sees the derivative that arrives at a value, and may put another in its place.
package protocol GradientWatcher: AnyObject, Sendable {
    func arrived(_ cotangent: Value) -> Value
}

/// The operand as it is; its derivative passes by a watcher. What backward hooks stand on.
package struct GradientWatch: Composite {
    private let watcher: any GradientWatcher
    package init(_ watcher: any GradientWatcher) { self.watcher = watcher }

    package var name: String { "gradientWatch" }
    package var residuals: Residuals { [] }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] { [operands[0]] }
    package func body(_ operands: [Value]) -> [Value] { [operands[0]] }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? {
        [cotangents[0].map(watcher.arrived)]
    }

    /// Watchers change nothing that a plan computes: all share one.
    package func encode(into key: inout KeyWriter) {}

    package static func == (a: GradientWatch, b: GradientWatch) -> Bool { a.watcher === b.watcher }
    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(watcher)) }
}
