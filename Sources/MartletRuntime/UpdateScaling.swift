import MartletGraph

/// Takes a factor on the gradient into the kernel that renews a parameter: what clipping by norm multiplies all gradients by.
///
/// The scaled gradient is written by that kernel too where somebody holds it, and not at all where nobody does; in neither case is
/// it read again.
enum UpdateScaling {
    static func applied(to graph: PlanGraph, backend: any Backend) -> PlanGraph {
        guard graph.items.contains(where: { $0.composite is any UpdateComposite }) else { return graph }
        let readers = graph.readers
        var result = graph
        var hasChanged = false
        for index in graph.items.indices {
            guard let update = graph.items[index].composite as? any UpdateComposite,
                let product = scaledGradient(of: index, graph, readers)
            else { continue }
            let gradient = graph.items[index].inputs[1].view.base
            let isKept = graph.bases[gradient].isKept
            let scaled = ScaledUpdate(update, keepsGradient: isKept)
            var operands = graph.items[index].inputs + [product.factor]
            operands[1] = product.gradient
            guard backend.hasKernel(for: scaled, operands: operands.map(\.layout)) else { continue }
            result.items[index].work = .primitive(.composite(CompositeCall(scaled)))
            result.items[index].inputs = operands
            result.items[index].origins += graph.items[product.item].origins.filter {
                !graph.items[index].origins.contains($0)
            }
            result.items[product.item].inputs = []
            result.items[product.item].outputs = []
            if isKept {
                result.items[index].outputs.append(gradient)
                result.bases[gradient].kind = .produced(item: index)
            } else {
                result.bases[gradient].kind = .empty
            }
            hasChanged = true
        }
        return hasChanged ? result.inOrder() : graph
    }

    /// The multiplication by one number that makes an update's gradient, read by the update alone; its operand in memory and its
    /// number.
    private static func scaledGradient(
        of index: Int, _ graph: PlanGraph, _ readers: [[Int]]
    ) -> (item: Int, gradient: PlanGraph.Operand, factor: PlanGraph.Operand)? {
        let operand = graph.items[index].inputs[1]
        guard let item = graph.producer(of: operand.view.base), readers[operand.view.base] == [index],
            graph.items[item].work.isElementwise(.binary(.multiply)), graph.isWhole(operand)
        else { return nil }
        let factors = graph.items[item].inputs
        guard let number = factors.firstIndex(where: { $0.view.strides.allSatisfy { $0 == 0 } }) else { return nil }
        let (factor, gradient) = (factors[number], factors[1 - number])
        guard gradient.type == operand.type, factor.type.dtype == operand.type.dtype, gradient.isContiguous,
            graph.isReal(gradient.view.base), gradient.blockedShape == nil, factor.blockedShape == nil
        else { return nil }
        let one = PlanGraph.Operand(
            view: View(base: factor.view.base, strides: [], offset: factor.view.offset),
            type: TensorType([], factor.type.dtype))
        return (item, gradient, one)
    }
}

/// An update whose gradient is first multiplied by one number.
///
/// ## Shapes
/// - operands: those of the update, then the factor, a scalar of the gradient's type
/// - results: those of the update, then the scaled gradient where it is kept
package struct ScaledUpdate: UpdateComposite {
    /// What is done with the scaled gradient.
    package let update: any UpdateComposite
    /// True where the scaled gradient is a result.
    package let keepsGradient: Bool
    private let call: CompositeCall

    init(_ update: any UpdateComposite, keepsGradient: Bool) {
        (self.update, self.keepsGradient) = (update, keepsGradient)
        call = CompositeCall(update)
    }

    package var name: String { "scaled " + update.name }
    package var tensorCount: Int { update.tensorCount }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        try update.resultTypes(of: operands.dropLast()) + (keepsGradient ? [operands[1]] : [])
    }

    package func body(_ operands: [Value]) -> [Value] {
        var given = Array(operands.dropLast())
        given[1] = given[1] * operands[operands.count - 1]
        return update.body(given) + (keepsGradient ? [given[1]] : [])
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }

    package func encode(into key: inout KeyWriter) {
        key.write(keepsGradient)
        update.encode(into: &key)
    }

    package static func == (a: ScaledUpdate, b: ScaledUpdate) -> Bool {
        a.call == b.call && a.keepsGradient == b.keepsGradient
    }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(call)
        hasher.combine(keepsGradient)
    }
}
